/* SPDX-License-Identifier: Apache-2.0 */
/* unknown - what this worker cannot run and has put back before, and how often.
 *
 * Such a message is put back for others after 1, 2, 4 … 60 s, held under lease
 * meanwhile. The message itself is not touched, so the count is kept here, by task id,
 * in a table of fixed size: when it is full the oldest entry makes room, which only
 * means that its message is put back a little sooner the next time. */
#ifndef PETIOLE_UNKNOWN_H
#define PETIOLE_UNKNOWN_H

#include "../protocol/str.h"

#include <stdint.h>

struct unknown;

struct unknown *unknown_create(void);
void unknown_destroy(struct unknown *u);

/* Notes one more sight of the message. Returns the seconds to hold it, or -1 when it
 * was first seen more than patience_s ago. */
int unknown_hold_s(struct unknown *u, struct str id, int64_t now_us, double patience_s);
/* True the first time this is asked for a name: one log line per name. */
bool unknown_first_of(struct unknown *u, struct str name);

#endif
