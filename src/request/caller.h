/* SPDX-License-Identifier: Apache-2.0 */
/* caller - whoever sends tasks without being one: a running task's way of sending, with
 * the routes and serializers of the settings and without a message behind it.
 *
 * What is sent is kept in its order until whoever calls publishes it, so that a call
 * that cannot be made leaves nothing behind. */
#ifndef PETIOLE_REQUEST_CALLER_H
#define PETIOLE_REQUEST_CALLER_H

#include "../child/task.h"
#include "../config.h"

struct caller_effect {
    struct frame_effect f;
    struct caller_effect *next;
};

struct caller {
    struct arena arena, reserve;
    struct node node;
    struct ptl_task task;
    struct caller_effect *first, **end;
};

/* NULL, or one line saying why not. caller_finish either way. */
const char *caller_init(struct caller *c, const struct config *config);
void caller_finish(struct caller *c);
/* Why the last call returned NULL. */
const char *caller_failure(const struct caller *c);

/* Applies a signature as .apply_async(args, **options) does; args and options may be
 * NULL. Its result's tuple, or NULL: that of a task is [[id, null], null], of a group
 * [[id, null], [tuple, …]]. */
const ptl_value *caller_apply(struct caller *c, const ptl_value *sig,
                              const ptl_value *args, const ptl_value *options);
/* Some of what was sent needs the result backend. */
bool caller_needs_results(const struct caller *c);

#endif
