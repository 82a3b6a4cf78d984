/* SPDX-License-Identifier: Apache-2.0 */
/* schedule - requests that are due later, the next one on top: a binary heap of
 * pointers, so that a hundred thousand waiting tasks cost eight bytes each here. */
#ifndef PETIOLE_SCHEDULE_H
#define PETIOLE_SCHEDULE_H

#include "request.h"

struct schedule {
    struct request **heap;
    size_t n, room;
};

/* By rq->due_us; rq->slot is the schedule's while it is in. False without memory. */
bool schedule_add(struct schedule *s, struct request *rq);
void schedule_remove(struct schedule *s, struct request *rq);
/* The one due first, or NULL. */
struct request *schedule_next(const struct schedule *s);
void schedule_finish(struct schedule *s);

#endif
