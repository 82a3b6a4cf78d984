/* SPDX-License-Identifier: Apache-2.0 */
#include "settle.h"

#include "../../protocol/json.h"
#include "../../protocol/uuid.h"
#include "followup.h"
#include "meta.h"
#include "retry.h"

/* ---- The result ----------------------------------------------------------------- */

static bool can_be_stored(const struct ptl_task *t)
{
    const struct serializer *s;
    const char *why;
    struct wr w;

    const char *name = t->node->results.serializer;

    if (!name || !*name || strcmp(name, "json") == 0)
        return true;
    wr_init(&w, t->node->message_max_bytes);
    s = serializer_find(&t->node->serializers->source, str_of(name), &why);
    bool ok = s && s->write(&w, t->value);
    wr_finish(&w);
    return ok;
}

static struct str too_large(const struct ptl_task *t)
{
    struct wr w;

    wr_init(&w, 1024);
    wr_printf(&w,
              "the result of " STR_FMT " needs more than the %llu bytes that the "
              "setting message_max_bytes allows",
              STR_ARG(t->row->name), (unsigned long long)t->node->message_max_bytes);
    struct str why = arena_copy(t->reserve, wr_str(&w));
    wr_finish(&w);
    return why;
}

/* A result larger than a message may be would not come back either. */
static void encode_result(struct job *j)
{
    struct ptl_task *t = &j->task;

    wr_reset(&j->result);
    json_write(&j->result, t->value);
    if (j->result.bad)
        verdict_fail(&j->verdict, t, "kombu.exceptions.EncodeError", too_large(t));
    else if (!can_be_stored(t))
        verdict_fail(&j->verdict, t, "kombu.exceptions.EncodeError",
                     STR("the result holds what result_serializer cannot write"));
}

static void write_retry(struct job *j, int64_t now_us)
{
    struct ptl_task *t = &j->task;
    const struct flag *flag = &t->flag;
    struct message_body body = t->body;
    char tag[UUID_TEXT];
    struct message_retry r = {
        .now_us = now_us,
        .eta_us = flag->delay_s > 0 ? now_us + (int64_t)(flag->delay_s * 1e6) : 0,
        .delivery_tag = tag,
        .origin = t->node->origin,
        .body = &body,
        .ignore_result = t->row->attributes.ignore_result,
    };

    task_random_id(tag);
    if (!flag->again || retry_differs(t, flag->again, &r, &body))
        message_write_retry(&j->retry, t->arena, &t->envelope, &t->message, &r);
    if (j->retry.len > 0 && !j->retry.bad && !t->arena->failed)
        return;
    wr_reset(&j->retry);
    verdict_fail(&j->verdict, t, "MemoryError",
                 STR("no memory to write the message of a retry"));
}

/* Exception texts are bounded, but extended results repeat the arguments. */
static void write_meta(struct job *j, int64_t now_us)
{
    struct ptl_task *t = &j->task;

    wr_reset(&j->meta);
    meta_write_done(&j->meta, t, &j->verdict, wr_str(&j->result), now_us);
    if (!j->meta.bad)
        return;
    wr_finish(&j->meta);
    wr_reset(&j->meta);
    verdict_fail(&j->verdict, t, "MemoryError",
                 STR("no memory to write the result's document"));
    meta_write_done(&j->meta, t, &j->verdict, STR("null"), now_us);
}

/* ---- What follows --------------------------------------------------------------- */

/* Before the result is stored, since `children` lists what is called, and a task whose
 * callbacks cannot be called has failed. */
static void follow_success(struct job *j)
{
    struct ptl_task *t = &j->task;

    j->followups.scope = "success";
    if (!followup_success(t, t->value))
        verdict_fail(&j->verdict, t, t->flag.kind, t->flag.text);
}

static void follow_failure(struct job *j)
{
    const struct verdict *v = &j->verdict;
    const struct ending e = {
        .state = "FAILURE",
        .error = &v->error,
        .traceback = v->outcome == OUTCOME_REJECT ? STR("") : wr_str(&v->traceback),
        .stores = task_stores_errors(&j->task),
    };

    if (v->outcome != OUTCOME_FAILURE && v->outcome != OUTCOME_REJECT)
        return;
    j->followups.scope = "failure";
    wr_reset(&j->followups.frames); /* what it would have called as a success */
    j->followups.n = 0;
    followup_failure(&j->task, &e);
    settle_complain(j);
}

void settle_complain(struct job *j)
{
    if (j->followups.frames.bad)
        ptl_log(
            &j->task, PTL_ERROR,
            "there is no memory for all that follows from it: what is missing waits "
            "for ever");
}

void settle_outcome(struct job *j)
{
    struct ptl_task *t = &j->task;
    int64_t now_us = job_now_us();
    bool ignored = task_ignores_result(t), awaited = followup_is_awaited(t);

    verdict_read(&j->verdict, t);
    if (j->verdict.outcome == OUTCOME_SUCCESS && !ignored)
        encode_result(j);
    t->followups = &j->followups;
    if (j->verdict.outcome == OUTCOME_SUCCESS && awaited)
        follow_success(j);
    if (j->verdict.outcome == OUTCOME_RETRY)
        write_retry(j, now_us);
    if (j->verdict.outcome == OUTCOME_RETRY)
        task_add_child(t, t->message.id); /* its next attempt */
    wr_reset(&j->meta);
    if (j->verdict.outcome == OUTCOME_SUCCESS ? !ignored : task_stores_errors(t))
        write_meta(j, now_us);
    if (awaited)
        follow_failure(j);
    t->followups = NULL;
}
