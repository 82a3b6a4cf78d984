/* SPDX-License-Identifier: Apache-2.0 */
/* followup - what a task's end sets going: links, the next of its chain, its part of a
 * chord, errbacks.
 *
 *     success   its callbacks, the next of its chain; then its part
 *     failure   its part; a failure for each that would have come behind it in its
 *               chain, with their parts; its errbacks
 *     revoked   the same without errbacks
 *
 * Parts are told last or first as Celery does, and all of it acts only once the task's
 * own result is stored. */
#ifndef PETIOLE_FOLLOWUP_H
#define PETIOLE_FOLLOWUP_H

#include "../../protocol/result.h"
#include "task.h"

/* How a task, or what depends on it, ended. */
struct ending {
    const char *state; /* "FAILURE", "REVOKED" */
    const struct result_error *error;
    struct str traceback; /* .n 0: none */
    bool stores;          /* others' results too are to be stored */
};

/* Whether it makes a difference how the task ends. */
bool followup_is_awaited(const struct ptl_task *t);
/* False with a failure flagged, nothing being kept of it, if they cannot be made. */
bool followup_success(struct ptl_task *t, const ptl_value *result);
/* The same once the success is stored and cannot become a failure any more. What cannot
 * be made is logged, here and below. */
void followup_success_late(struct ptl_task *t, const ptl_value *result);
void followup_failure(struct ptl_task *t, const struct ending *e);

/* ---- For those that follow up the end of a chord ----------------------------------
 */

/* A chord ends with its body, which has the id that others wait for; NULL: no chord. */
const ptl_value *followup_body(const ptl_value *sig);
/* All that waits in this chain for what ended so, and what hangs on that. */
void followup_end_chain(struct ptl_task *t, const ptl_value *chain,
                        const struct ending *e);
/* Stores the end of another task, and returns its part if it is one of a chord. */
void followup_end_other(struct ptl_task *t, const ptl_value *sig,
                        const struct ending *e);
/* Publishes errbacks for the task of this id. */
void followup_errbacks(struct ptl_task *t, const ptl_value *errbacks, struct str id,
                       struct str root_id);
void followup_store(struct ptl_task *t, const struct result *r);

/* Follow-ups that are made whole or not at all. */
struct attempt {
    struct flag flag;
    size_t bytes;
    uint32_t effects;
    size_t children;
};
struct attempt attempt_begin(struct ptl_task *t);
/* False if a failure was flagged: then nothing is kept, and `flag` says why. The task's
 * own flag is as it was. */
bool attempt_end(struct ptl_task *t, struct attempt *a);

#endif
