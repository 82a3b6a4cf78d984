/* SPDX-License-Identifier: Apache-2.0 */
#include "../worker.h"
#include "conclude.h"
#include "follow.h"
#include "send.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "../../protocol/result.h"

#include <stdlib.h>

#define NOTED_MAX_BYTES (1u << 20)

/* ---- storing ------------------------------------------------------------------ */

static void fail_sender(struct request *rq);

/* Nothing more is to be stored. */
static void stored(struct request *rq)
{
    event_end_tell(rq);
    if (rq->child || rq->follow)
        follow_begin(rq);
    else
        outcome_settle(rq);
}

/* What was to follow from the result follows from the failure instead. */
static void on_stored(void *ctx, enum backend_verdict verdict, const char *why)
{
    struct request *rq = ctx;
    char text[300];
    if (verdict == BACKEND_STORED || rq->store_refused) {
        stored(rq);
        return;
    }
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Task %s[%s]: the result cannot be stored: %s", rq->name.p, rq->id.p,
                why);
    snprintf(text, sizeof(text), "the result backend refused the result: %.200s", why);
    rq->store_refused = true;
    rq->store_errors = true;
    outcome_fail_text(rq, "FAILURE", "BackendStoreError", "celery.exceptions", text);
}

void outcome_store(struct request *rq, struct str meta)
{
    struct backend *b = rq->worker->backend;
    if (!b || meta.n == 0) {
        stored(rq);
        return;
    }
    request_move(rq, RQ_STORING);
    b->ops->store(b, rq->id, meta, rq->documented ? BACKEND_UPDATE : BACKEND_FIRST,
                  on_stored, rq);
}

/* Nothing is stored before all that the handler sent, or asked for, is done. */
void outcome_conclude(struct request *rq, struct str meta)
{
    if (follow_hold(rq, meta))
        request_move(rq, RQ_SENDING);
    else if (rq->succeeded && send_refusal(rq))
        fail_sender(rq);
    else
        outcome_store(rq, meta);
}

/* The document of an outcome that no child can report: its own death, a revocation.
 * In the scratch arena, which the caller has reset and may have put the arguments into.
 */
static bool write_failure(struct request *rq, const struct outcome_failure *f,
                          struct wr *out)
{
    struct worker *w = rq->worker;
    struct envelope e;
    struct message m = {0};
    const char *why;
    const struct result_error error = {str_of(f->type), str_of(f->module), f->args};

    if (!f->args || !envelope_read(&w->scratch, rq->raw, &e, &why) ||
        message_read(&w->scratch, &e, &m, &why) != MESSAGE_OK)
        return false;
    const struct result_extended extended = {.name = rq->task,
                                             .worker = str_of(w->config->hostname),
                                             .queue = rq->queue,
                                             .call = str_of(rq->call),
                                             .retries = m.retries,
                                             .headers = m.headers};
    const struct result r = {.status = f->status,
                             .error = &error,
                             .date_done_us = result_status_final(str_of(f->status))
                                                 ? worker_now_us(w)
                                                 : 0,
                             .task_id = rq->id,
                             .group_id = m.group,
                             .parent_id = m.parent_id,
                             .extended = w->config->result_extended ? &extended : NULL};
    result_write(out, &r);
    return !out->bad;
}

/* Nothing tells where: of a Python worker's traceback that part names its own files. */
static void note_failure(struct request *rq, const struct outcome_failure *f)
{
    const struct result_error error = {str_of(f->type), str_of(f->module), f->args};
    const ptl_value *first = value_at(f->args, 0);
    struct wr repr, traceback;
    wr_init(&repr, NOTED_MAX_BYTES);
    wr_init(&traceback, NOTED_MAX_BYTES);
    result_exception_repr(&repr, &error);
    wr_printf(&traceback, "Traceback (most recent call last):\n%s.%s: ", f->module,
              f->type);
    if (value_kind(first) == PTL_STR)
        wr_put(&traceback, first->u.s);
    else
        pyrepr(&traceback, first);
    wr_u8(&traceback, '\n');
    bool unknown = strcmp(f->type, "NotRegistered") == 0; /* Celery tells none of it */
    event_end_failed(rq, wr_str(&repr), unknown ? (struct str){0} : wr_str(&traceback));
    wr_finish(&repr);
    wr_finish(&traceback);
}

/* Where something may follow from it, a child looks into the message. */
void outcome_fail(struct request *rq, const struct outcome_failure *f)
{
    if (strcmp(f->status, "FAILURE") == 0)
        note_failure(rq, f);
    struct wr meta;
    bool follows = conclude_is_wanted(rq, f->status);
    wr_init(&meta, (1 << 20) + 8 * rq->raw.n);
    bool written = (follows || rq->store_errors) && write_failure(rq, f, &meta);
    if (!(written && follows && conclude_with(rq, wr_str(&meta), false))) {
        if (!written || !rq->store_errors || !worker_encode_result(rq->worker, &meta))
            wr_reset(&meta);
        outcome_conclude(rq, wr_str(&meta));
    }
    wr_finish(&meta);
}

static ptl_value *text_list(struct arena *a, const char *text)
{
    ptl_value *list = value_list(a, 1);
    return list && value_list_add(a, list, value_text(a, text)) ? list : NULL;
}

void outcome_fail_text(struct request *rq, const char *status, const char *type,
                       const char *module, const char *text)
{
    arena_reset(&rq->worker->scratch);
    outcome_fail(rq, &(struct outcome_failure){status, type, module,
                                               text_list(&rq->worker->scratch, text)});
}

/* As where Python's apply_async raises, only at the task's end. */
static void fail_sender(struct request *rq)
{
    const char *why = send_refusal(rq);
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Task %s[%s] raised unexpected: OperationalError(%.300s)", rq->name.p,
                rq->id.p, why);
    rq->succeeded = false;
    outcome_fail_text(rq, "FAILURE", "OperationalError", "kombu.exceptions", why);
}

void outcome_revoked(struct request *rq, const char *why, const char *stamp)
{
    if (stamp)
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO,
                    "Discarding revoked task: %s[%s] (revoked by header: %s)",
                    rq->name.p, rq->id.p, stamp);
    else
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO, "Discarding revoked task: %s[%s]",
                    rq->name.p, rq->id.p);
    event_end_revoked(rq, false, strcmp(why, "expired") == 0);
    outcome_fail_text(rq, "REVOKED", "TaskRevokedError", "celery.exceptions", why);
}

void outcome_unregistered(struct request *rq)
{
    outcome_fail_text(rq, "FAILURE", "NotRegistered", "celery.exceptions", rq->task.p);
}

/* ---- what a child says -------------------------------------------------------- */

/* A document before the outcome's, which nobody waits for. */
static void store_state(struct worker *w, struct request *rq, struct str meta)
{
    if (!w->backend)
        return;
    rq->documented = true;
    w->backend->ops->store(w->backend, rq->id, meta, BACKEND_UPDATE, NULL, NULL);
}

void outcome_started(void *ctx, struct request *rq, const struct frame_started *f,
                     uint32_t pid)
{
    struct worker *w = ctx;
    struct str meta = f->meta;
    request_move(rq, RQ_RUNNING);
    if (rq->mode != TASK_RUN)
        return;
    log_line_of(REQUEST_SUBJECT(rq), LOG_DEBUG, "Task accepted: %s[%s] pid:%u",
                rq->name.p, rq->id.p, pid);
    rq->began_us = worker_now_us(w);
    rq->pid = pid;
    if (w->accepted && rq->row)
        w->accepted[rq->row - pool_table(w->pool)->rows]++;
    if (meta.n)
        store_state(w, rq, meta);
    if (!rq->acks_late && !rq->settled)
        w->broker->ops->ack(w->broker, &rq->delivery);
    event_task_started(rq, pid);
    if (f->call.n > 0)
        rq->call = strndup(f->call.p, f->call.n);
    if (rq->terminate_signal) /* asked for before it ran */
        pool_terminate(w->pool, rq, rq->terminate_signal);
}

void outcome_state(void *ctx, struct request *rq, struct str meta)
{
    store_state(ctx, rq, meta);
}

/* As Python's logging formats a traceback. */
static struct str without_line_end(struct str s)
{
    return s.n > 0 && s.p[s.n - 1] == '\n' ? (struct str){s.p, s.n - 1} : s;
}

static void log_done(const struct request *rq, const struct frame_done *f,
                     const char *process)
{
    char runtime[32];
    const char *name = rq->name.p, *id = rq->id.p;
    struct log_subject about = *REQUEST_SUBJECT(rq);
    about.process = process;
    int n = (int)f->repr.n;
    switch (f->outcome) {
    case OUTCOME_SUCCESS:
        if (!log_wants(LOG_INFO))
            return; /* spares the digits */
        json_format_float(runtime, f->runtime_s, false);
        log_line_of(&about, LOG_INFO, "Task %s[%s] succeeded in %ss: %.*s", name, id,
                    runtime, n, f->repr.p);
        return;
    case OUTCOME_FAILURE:
        if (f->expected) {
            log_line_of(&about, LOG_INFO, "Task %s[%s] raised expected: %.*s", name, id,
                        n, f->repr.p);
            return;
        }
        about.exception = f->repr;
        about.traceback = without_line_end(f->traceback);
        log_line_of(&about, LOG_ERROR, "Task %s[%s] raised unexpected: %.*s", name, id,
                    n, f->repr.p);
        return;
    case OUTCOME_RETRY:
        log_line_of(&about, LOG_INFO, "Task %s[%s] retry: %.*s", name, id, n,
                    f->repr.p);
        return;
    case OUTCOME_IGNORE:
        log_line_of(&about, LOG_INFO, "Task %s[%s] ignored", name, id);
        return;
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        log_line_of(&about, LOG_WARNING, "Task %s[%s] %.*s", name, id, n, f->repr.p);
        return;
    }
}

/* To be told once it is stored. What is acknowledged early cannot be rejected. */
static void note_end(struct request *rq, const struct frame_done *f)
{
    bool refused = rq->acks_late && !rq->row->attributes.acks_on_failure;
    switch (f->outcome) {
    case OUTCOME_SUCCESS:
        event_end_succeeded(rq, f->repr, f->runtime_s);
        return;
    case OUTCOME_FAILURE:
        event_end_failed(rq, f->repr, f->traceback);
        if (refused)
            event_end_also_rejected(rq, false, true);
        return;
    case OUTCOME_RETRY:
        event_end_retried(rq, f->cause, f->traceback);
        return;
    case OUTCOME_REJECT:
        event_end_failed(rq, f->repr, f->traceback);
        if (rq->acks_late)
            event_end_also_rejected(rq, false, false);
        return;
    case OUTCOME_IGNORE:
    case OUTCOME_REQUEUE:
        return;
    }
}

void outcome_done(void *ctx, struct request *rq, const struct frame_done *f,
                  const char *process)
{
    (void)ctx;
    if (rq->mode != TASK_RUN) {
        conclude_done(rq, f);
        return;
    }
    log_done(rq, f, process);
    event_task_ended(rq);
    note_end(rq, f);
    rq->succeeded = f->outcome == OUTCOME_SUCCESS;
    if (f->outcome == OUTCOME_REQUEUE && rq->acks_late) {
        event_task_rejected(rq, true);
        outcome_requeue(rq);
        return;
    }
    if (f->outcome == OUTCOME_RETRY) {
        rq->retry = malloc(f->retry.n + 1);
        if (rq->retry)
            memcpy(rq->retry, f->retry.p, f->retry.n);
        rq->retry_bytes = f->retry.n;
    }
    if (f->outcome == OUTCOME_RETRY && !rq->retry) {
        outcome_fail_text(rq, "FAILURE", "MemoryError", "builtins",
                          "no memory for the retry");
        return;
    }
    if (f->effects > 0)
        conclude_keep(rq, f->meta);
    outcome_conclude(rq, f->meta);
}
