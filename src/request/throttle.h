/* SPDX-License-Identifier: Apache-2.0 */
/* throttle - requests that wait for their type's rate limit, in the order they came.
 *
 * One bucket and one queue per task of the table (Celery's consumer.task_buckets). What
 * waits is held under its lease like any message, does not count as reserved, and keeps
 * no other type waiting. */
#ifndef PETIOLE_THROTTLE_H
#define PETIOLE_THROTTLE_H

#include "../pool/table.h"
#include "request.h"

#include <uv.h>

struct throttle;

struct throttle_events {
    /* Asked before a token is taken for the request: true if it went another way and
     * needs none. */
    bool (*dropped)(struct request *rq);
    /* It has its token, and is on no list: it must be moved on. */
    void (*released)(struct request *rq);
};

/* For the tasks of this table, which must outlive it. NULL without memory. */
struct throttle *throttle_create(uv_loop_t *loop, const struct table *table,
                                 const struct throttle_events *events);
void throttle_destroy(struct throttle *t);

/* True: it may go on at once. False: it waits, as RQ_LIMITED. */
bool throttle_admit(struct throttle *t, struct request *rq);
/* The i-th task's limit from now on; what waits may be released before this returns. */
void throttle_set(struct throttle *t, size_t i, double per_s);
/* Calls fn for each that waits, type by type, the oldest first; fn may take it away. */
void throttle_each(struct throttle *t, void (*fn)(void *ctx, struct request *rq),
                   void *ctx);

#endif
