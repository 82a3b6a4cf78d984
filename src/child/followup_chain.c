/* SPDX-License-Identifier: Apache-2.0 */
/* followup_chain - the end of what waits behind a task that did not succeed. */
#include "followup.h"

#include "document.h"
#include "job.h"
#include "part.h"

void followup_store(struct ptl_task *t, const struct result *r)
{
    struct frame_effect e = {.kind = EFFECT_STORE, .id = r->task_id};
    struct wr w;

    wr_init(&w, frame_max_bytes(t->node->message_max_bytes) / 4);
    document_write_result(&w, t->node, r);
    e.text = wr_str(&w);
    if (w.bad)
        ptl_log(t, PTL_ERROR, "cannot store the end of " STR_FMT ": no memory",
                STR_ARG(r->task_id));
    else
        task_effect(t, &e, NULL);
    wr_finish(&w);
}

static void store_other(struct ptl_task *t, const ptl_value *sig,
                        const struct ending *e)
{
    const ptl_value *options = value_get(sig, "options");
    const struct result_extended extended = {
        .name = value_as_str(value_get(sig, "task")),
        .args = value_get(sig, "args"),
        .kwargs = value_get(sig, "kwargs"),
        .retries = value_as_int(value_get(options, "retries"), 0),
    };
    const struct result r = {
        .status = e->state,
        .error = e->error,
        .traceback = e->traceback.n ? e->traceback : (struct str){NULL, 0},
        .date_done_us = job_now_us(),
        .task_id = value_as_str(value_get(options, "task_id")),
        .group_id = value_as_str(value_get(options, "group_id")),
        .parent_id = value_as_str(value_get(options, "parent_id")),
        .extended = t->node->result_extended ? &extended : NULL,
    };

    if (r.task_id.n)
        followup_store(t, &r);
}

void followup_end_other(struct ptl_task *t, const ptl_value *sig,
                        const struct ending *e)
{
    struct attempt a;

    if (e->stores)
        store_other(t, sig, e);
    if (!value_truth(value_get(value_get(sig, "options"), "chord")))
        return;
    a = attempt_begin(t);
    part_return_other(t, sig, e->state, e->error);
    if (!attempt_end(t, &a))
        ptl_log(t, PTL_ERROR, "cannot return the part of another task: " STR_FMT,
                STR_ARG(a.flag.text));
}

const ptl_value *followup_body(const ptl_value *sig)
{
    const ptl_value *body = value_get(value_get(sig, "kwargs"), "body");

    return str_is(value_as_str(value_get(sig, "subtask_type")), "chord") &&
                   value_kind(body) == PTL_MAP
               ? body
               : NULL;
}

/* The bodies come behind the elements, as in Celery. */
void followup_end_chain(struct ptl_task *t, const ptl_value *chain,
                        const struct ending *e)
{
    size_t n = value_kind(chain) == PTL_LIST ? value_len(chain) : 0;
    ptl_value *waiting = n ? value_list(t->arena, n) : NULL;

    for (size_t i = 0; i < n; i++)
        value_list_add(t->arena, waiting, value_at(chain, i));
    for (size_t i = 0; i < value_len(waiting); i++) {
        const ptl_value *sig = value_at(waiting, i), *body = followup_body(sig);

        followup_end_other(t, sig, e);
        if (body)
            value_list_add(t->arena, waiting, body);
    }
}
