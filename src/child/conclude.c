/* SPDX-License-Identifier: Apache-2.0 */
/* conclude - what follows from an outcome that the parent knows: found in the backend,
 * or because it ended the task itself. */
#include "document.h"
#include "followup.h"
#include "meta.h"
#include "outcome_read.h"
#include "settle.h"

static void conclude_end(struct job *j, const struct outcome *o, bool stored)
{
    struct ptl_task *t = &j->task;
    const struct ending e = {
        .state = str_is(o->state, "REVOKED") ? "REVOKED" : "FAILURE",
        .error = &o->error,
        .traceback = o->traceback,
        .stores = task_stores_errors(t),
    };

    j->verdict.outcome = OUTCOME_FAILURE;
    j->followups.scope = "failure";
    if (!stored)
        meta_write_ended(&j->meta, t, e.state, e.error, e.traceback, job_now_us());
    followup_failure(t, &e);
}

void settle_concluded(struct job *j, const struct frame_task *f)
{
    struct ptl_task *t = &j->task;
    struct outcome o =
        outcome_read(t->arena, document_read(t->arena, t->node, f->outcome));

    if (o.has_error) {
        conclude_end(j, &o, f->stored);
    } else if (str_is(o.state, "SUCCESS")) {
        j->followups.scope = "success";
        followup_success_late(t, o.value);
    } else {
        ptl_log(
            t, PTL_ERROR,
            "its stored result cannot be read, so nothing follows from it: is it by "
            "another result_serializer?");
    }
}
