/* SPDX-License-Identifier: Apache-2.0 */
/* unknown - what this worker has put back before, and how often: tasks that it does not
 * know, and tasks that ask to be put back.
 *
 * An unknown one is put back for others after 1, 2, 4 … 60 s, held under lease
 * meanwhile; a requeued one at once, then after 0.1, 0.2, 0.4 … 5 s, so that a task
 * that is never content is no busy loop. The count is kept here, by task id, in a table
 * of fixed size: when it is full the newest entry makes room, so that its message is
 * put back a little sooner the next time, and has its patience start anew. */
#ifndef PETIOLE_UNKNOWN_H
#define PETIOLE_UNKNOWN_H

#include "../../protocol/str.h"

#include <stdint.h>

#define UNKNOWN_FIRST_HOLD_S 1 /* one that was not met before */

struct unknown;

struct unknown *unknown_create(void);
void unknown_destroy(struct unknown *u);

/* Notes one more sight of the message. Returns the seconds to hold it, or -1 when it
 * was first seen more than patience_s ago. */
int unknown_hold_s(struct unknown *u, struct str id, int64_t now_us, double patience_s);
/* Notes that a task asks to be put back. Returns the microseconds to hold it first: 0
 * for one that has not asked within the last minute. times: how often, this one
 * included. */
int64_t unknown_requeue_us(struct unknown *u, struct str id, int64_t now_us,
                           uint32_t *times);
/* True the first time this is asked for a name: one log line per name. */
bool unknown_first_of(struct unknown *u, struct str name);

#endif
