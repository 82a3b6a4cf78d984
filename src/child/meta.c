/* SPDX-License-Identifier: Apache-2.0 */
#include "meta.h"

#include "document.h"

/* Everything a document says whatever its state. */
static void write_document(struct wr *w, const struct ptl_task *t, struct result *r)
{
    const struct result_extended extended = {
        .name = t->message.task,
        .worker = str_of(t->node->hostname),
        .queue = t->envelope.routing_key,
        .args = t->body.args,
        .kwargs = t->body.kwargs,
        .retries = t->message.retries,
        .headers = t->message.headers,
    };

    r->task_id = t->message.id;
    r->group_id = t->message.group;
    r->parent_id = t->message.parent_id;
    r->children = wr_str(&t->children);
    r->extended = t->node->result_extended ? &extended : NULL;
    document_write_result(w, t->node, r);
    r->extended = NULL; /* it was ours */
}

void meta_write_started(struct wr *w, const struct ptl_task *t)
{
    struct result r = {.status = "STARTED", .encoded = t->node->started};

    write_document(w, t, &r);
}

void meta_write_state(struct wr *w, const struct ptl_task *t, const char *state,
                      const ptl_value *meta, int64_t date_done_us)
{
    struct result r = {.status = state, .value = meta};

    if (result_status_final(str_of(state)))
        r.date_done_us = date_done_us;
    write_document(w, t, &r);
}

void meta_write_done(struct wr *w, const struct ptl_task *t, const struct verdict *v,
                     struct str result, int64_t date_done_us)
{
    struct result r = {.date_done_us = date_done_us};

    if (v->traceback.len > 0 && v->outcome != OUTCOME_REJECT) /* as Celery */
        r.traceback = wr_str(&v->traceback);
    switch (v->outcome) {
    case OUTCOME_SUCCESS:
        r.status = "SUCCESS";
        r.encoded = result;
        break;
    case OUTCOME_FAILURE:
    case OUTCOME_REJECT: /* Celery stores it as the failure it is to a caller */
        r.status = "FAILURE";
        r.error = &v->error;
        break;
    case OUTCOME_RETRY:
        r.status = "RETRY";
        r.error = v->has_error ? &v->error : NULL;
        r.date_done_us = 0;
        break;
    case OUTCOME_IGNORE:
    case OUTCOME_REQUEUE:
        return;
    }
    write_document(w, t, &r);
}

void meta_write_ended(struct wr *w, const struct ptl_task *t, const char *state,
                      const struct result_error *error, struct str traceback,
                      int64_t date_done_us)
{
    struct result r = {.status = state,
                       .error = error,
                       .traceback = traceback,
                       .date_done_us = date_done_us};

    write_document(w, t, &r);
}
