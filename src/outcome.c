/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "../protocol/json.h"
#include "../protocol/result.h"

#include <signal.h>
#include <stdlib.h>

/* ---- settling ----------------------------------------------------------------- */

void outcome_settled(void *ctx, struct delivery *d)
{
    struct request *rq = request_of(d);
    (void)ctx;
    rq->settled = true;
    if (rq->state == RQ_SETTLING)
        request_destroy(rq);
}

/* Another worker has the message now. What has not started is left to it. */
void outcome_lease_lost(void *ctx, struct delivery *d)
{
    struct request *rq = request_of(d);
    struct worker *w = ctx;
    rq->settled = true;
    log_line(LOG_WARNING, "Task %s[%s]: its lease was lost while it was %s", rq->name.p,
             rq->id.p, request_state_name(rq->state));
    if (rq->state == RQ_WAITING || rq->state == RQ_PARKED)
        schedule_remove(&w->schedule, rq);
    if (rq->state == RQ_RECEIVED || rq->state == RQ_WAITING || rq->state == RQ_PARKED ||
        rq->state == RQ_READY)
        request_destroy(rq);
}

/* The request's last arrow: its memory goes once the broker has answered. */
static bool settling(struct request *rq)
{
    request_move(rq, RQ_SETTLING);
    if (rq->settled) {
        request_destroy(rq);
        return false;
    }
    return !rq->delivery.settling; /* an early acknowledgement may be on its way */
}

static void settle_ack(struct request *rq)
{
    struct broker *b = rq->worker->broker;
    if (settling(rq))
        b->ops->ack(b, &rq->delivery);
}

void outcome_put_back(struct request *rq, enum broker_side side, bool mark_redelivered)
{
    struct broker *b = rq->worker->broker;
    struct worker *w = rq->worker;
    struct wr marked;
    if (!settling(rq))
        return;
    wr_init(&marked, rq->raw.n * 6 + 256);
    arena_reset(&w->scratch);
    bool ok = mark_redelivered &&
              envelope_mark_lost(&w->scratch, rq->raw, rq->times_lost, &marked) &&
              !marked.bad;
    b->ops->put_back(b, &rq->delivery, side, ok ? wr_str(&marked) : (struct str){0});
    wr_finish(&marked);
}

void outcome_bury(struct request *rq, const char *reason)
{
    struct broker *b = rq->worker->broker;
    if (settling(rq))
        b->ops->bury(b, &rq->delivery, reason);
}

static void on_published(void *ctx)
{
    settle_ack(ctx);
}

/* The outcome is stored (or nothing was to be): tell the broker. */
static void settle(struct request *rq)
{
    struct broker *b = rq->worker->broker;
    struct str retry = {rq->retry, rq->retry_bytes};
    if (rq->burial)
        outcome_bury(rq, rq->burial);
    else if (!rq->retry)
        settle_ack(rq);
    else if (rq->settled || rq->delivery.settling) /* acknowledged early */
        b->ops->publish(b, rq->delivery.source, retry, on_published, rq);
    else if (settling(rq))
        b->ops->replace(b, &rq->delivery, retry);
}

/* ---- storing ------------------------------------------------------------------ */

static bool write_failure(struct request *rq, const char *status, const char *type,
                          const char *module, const ptl_value *arg, struct wr *out);
static void store(struct request *rq, struct str meta);

static void on_stored(void *ctx, enum backend_verdict verdict, const char *why)
{
    struct request *rq = ctx;
    struct wr meta;
    if (verdict == BACKEND_STORED || rq->store_refused) {
        settle(rq);
        return;
    }
    log_line(LOG_ERROR, "Task %s[%s]: the result cannot be stored: %s", rq->name.p,
             rq->id.p, why);
    char text[300];
    snprintf(text, sizeof(text), "the result backend refused the result: %.200s", why);
    rq->store_refused = true;
    wr_init(&meta, 1 << 20);
    arena_reset(&rq->worker->scratch);
    if (write_failure(rq, "FAILURE", "BackendStoreError", "celery.exceptions",
                      value_text(&rq->worker->scratch, text), &meta))
        store(rq, wr_str(&meta));
    else
        settle(rq);
    wr_finish(&meta);
}

static void store(struct request *rq, struct str meta)
{
    struct backend *b = rq->worker->backend;
    if (!b || meta.n == 0) {
        settle(rq);
        return;
    }
    request_move(rq, RQ_STORING);
    b->ops->store(b, rq->id, meta, on_stored, rq);
}

/* The document of an outcome that no child can report: its own death, a revocation.
 * In the scratch arena, which the caller has reset and may have put `arg` into. */
static bool write_failure(struct request *rq, const char *status, const char *type,
                          const char *module, const ptl_value *arg, struct wr *out)
{
    struct worker *w = rq->worker;
    struct envelope e;
    struct message m = {0};
    const char *why;
    ptl_value *args = value_list(&w->scratch, 1);
    const struct result_error error = {str_of(type), str_of(module), args};

    if (!args || !value_list_add(&w->scratch, args, arg) ||
        !envelope_read(&w->scratch, rq->raw, &e, &why) ||
        message_read(&w->scratch, &e, &m, &why) != MESSAGE_OK)
        return false;
    const struct result_extended extended = {.name = rq->task,
                                             .worker = str_of(w->config->hostname),
                                             .queue = rq->queue,
                                             .retries = m.retries,
                                             .headers = m.headers};
    const struct result r = {.status = status,
                             .error = &error,
                             .date_done_us = worker_now_us(w),
                             .task_id = rq->id,
                             .group_id = m.group,
                             .parent_id = m.parent_id,
                             .extended = w->config->result_extended ? &extended : NULL};
    result_write(out, &r);
    return !out->bad;
}

static void fail(struct request *rq, const char *status, const char *type,
                 const char *module, const ptl_value *arg)
{
    struct wr meta;
    wr_init(&meta, 1 << 20);
    if (rq->ignore_result || !write_failure(rq, status, type, module, arg, &meta))
        wr_reset(&meta);
    store(rq, wr_str(&meta));
    wr_finish(&meta);
}

void outcome_revoked(struct request *rq, const char *why)
{
    log_line(LOG_INFO, "Discarding revoked task: %s[%s]", rq->name.p, rq->id.p);
    arena_reset(&rq->worker->scratch);
    fail(rq, "REVOKED", "TaskRevokedError", "celery.exceptions",
         value_text(&rq->worker->scratch, why));
}

/* ---- what a child says -------------------------------------------------------- */

void outcome_started(void *ctx, struct request *rq, struct str meta, uint32_t pid)
{
    struct worker *w = ctx;
    request_move(rq, RQ_RUNNING);
    log_line(LOG_DEBUG, "Task accepted: %s[%s] pid:%u", rq->name.p, rq->id.p, pid);
    if (meta.n && w->backend)
        w->backend->ops->store(w->backend, rq->id, meta, NULL, NULL);
    if (!rq->acks_late && !rq->settled)
        w->broker->ops->ack(w->broker, &rq->delivery);
}

void outcome_state(void *ctx, struct request *rq, struct str meta)
{
    struct worker *w = ctx;
    if (w->backend)
        w->backend->ops->store(w->backend, rq->id, meta, NULL, NULL);
}

static void log_done(const struct request *rq, const struct frame_done *f,
                     const char *process)
{
    char runtime[32];
    const char *name = rq->name.p, *id = rq->id.p;
    int n = (int)f->repr.n;
    switch (f->outcome) {
    case OUTCOME_SUCCESS:
        if (!log_wants(LOG_INFO))
            return; /* spares the digits */
        json_format_float(runtime, f->runtime_s, false);
        log_line_as(process, LOG_INFO, "Task %s[%s] succeeded in %ss: %.*s", name, id,
                    runtime, n, f->repr.p);
        return;
    case OUTCOME_FAILURE:
        log_line_as(process, LOG_ERROR, "Task %s[%s] raised unexpected: %.*s\n%.*s",
                    name, id, n, f->repr.p, (int)f->traceback.n, f->traceback.p);
        return;
    case OUTCOME_RETRY:
        log_line_as(process, LOG_INFO, "Task %s[%s] retry: %.*s", name, id, n,
                    f->repr.p);
        return;
    case OUTCOME_IGNORE:
        log_line_as(process, LOG_INFO, "Task %s[%s] ignored", name, id);
        return;
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        log_line_as(process, LOG_WARNING, "Task %s[%s] reject requeue=%s: %.*s", name,
                    id, f->outcome == OUTCOME_REQUEUE ? "True" : "False", n, f->repr.p);
        return;
    }
}

void outcome_done(void *ctx, struct request *rq, const struct frame_done *f,
                  const char *process)
{
    (void)ctx;
    log_done(rq, f, process);
    if (f->outcome == OUTCOME_REQUEUE && rq->acks_late) {
        outcome_put_back(rq, BROKER_BACK, true);
        return;
    }
    if (f->outcome == OUTCOME_RETRY) {
        rq->retry = malloc(f->retry.n + 1);
        if (rq->retry)
            memcpy(rq->retry, f->retry.p, f->retry.n);
        rq->retry_bytes = f->retry.n;
    }
    if (f->outcome == OUTCOME_RETRY && !rq->retry) {
        arena_reset(&rq->worker->scratch);
        fail(rq, "FAILURE", "MemoryError", "builtins",
             value_text(&rq->worker->scratch, "no memory for the retry"));
        return;
    }
    store(rq, f->meta);
}

/* Nothing ran, and the message is untouched. */
void outcome_refused(void *ctx, struct request *rq, const struct frame_refused *f)
{
    struct worker *w = ctx;
    char reason[400];
    snprintf(reason, sizeof(reason), "%.*s", (int)f->text.n, f->text.p);
    switch (f->reason) {
    case REFUSED_WORKFLOW:
        intake_park(rq,
                    "callbacks, a chain or a chord, which this worker does not run, "
                    "with task");
        return;
    case REFUSED_UNKNOWN:
        intake_park(rq, "unregistered task of type");
        return;
    case REFUSED_UNDECODABLE:
        log_line(LOG_CRITICAL,
                 "Can't decode message body: %s (task %s[%s]). It is kept "
                 "in petiole.dead.",
                 reason, rq->name.p, rq->id.p);
        outcome_bury(rq, reason);
        return;
    case REFUSED_BAD_CONTENT:
        log_line(LOG_ERROR,
                 "Received invalid task message: %s (task %s[%s]). It is kept "
                 "in petiole.dead.",
                 reason, rq->name.p, rq->id.p);
        outcome_bury(rq, reason);
        return;
    case REFUSED_BAD_MESSAGE:
        log_line(LOG_ERROR, "Received invalid task message: %s (task %s[%s])", reason,
                 rq->name.p, rq->id.p);
        arena_reset(&w->scratch);
        fail(rq, "FAILURE", "InvalidTaskError", "celery.exceptions",
             value_text(&w->scratch, reason));
        return;
    }
}

/* ---- a child that died -------------------------------------------------------- */

static void time_limit_exceeded(struct request *rq)
{
    struct arena *a = &rq->worker->scratch;
    double s = rq->hard_limit_s;
    char text[32];
    arena_reset(a);
    /* Celery's options are floats; a message may carry 1 or 1.5. */
    bool whole = rq->limit_in_header && s == (double)(int64_t)s;
    const ptl_value *limit = whole ? value_int(a, (int64_t)s) : value_float(a, s);
    if (whole)
        snprintf(text, sizeof(text), "%.0f", s);
    else
        json_format_float(text, s, false);
    log_line(LOG_ERROR, "Task handler raised error: TimeLimitExceeded(%s)", text);
    if (rq->acks_late && !rq->worker->config->acks_on_failure_or_timeout)
        outcome_put_back(rq, BROKER_BACK, true);
    else
        fail(rq, "FAILURE", "TimeLimitExceeded", "billiard.exceptions", limit);
}

/* It has killed enough children: its caller is told, and it goes to the dead letters.
 */
static void doom_poison(struct request *rq, const char *text)
{
    char reason[300];
    snprintf(reason, sizeof(reason), "killed its child %lld times: %s",
             (long long)rq->times_lost + 1, text);
    log_line(LOG_ERROR, "Task %s[%s] is a dead letter: %s", rq->name.p, rq->id.p,
             reason);
    rq->burial = strdup(reason);
}

static void worker_lost(struct request *rq, enum pool_loss loss, int detail)
{
    struct worker *w = rq->worker;
    char text[160];
    if (loss == POOL_LOST_SIGNAL)
        snprintf(text, sizeof(text),
                 "Worker exited prematurely: signal %d (SIG%s) Job: %llu.", detail,
                 sigabbrev_np(detail), (unsigned long long)rq->job);
    else
        snprintf(text, sizeof(text),
                 "Worker exited prematurely: exitcode %d Job: %llu.", detail,
                 (unsigned long long)rq->job);
    bool put_back = w->config->reject_on_worker_lost ||
                    (rq->row->flags & PTL_REJECT_ON_WORKER_LOST) || w->cold;
    log_line(LOG_ERROR,
             "Task handler raised error: WorkerLostError('%s') (task %s[%s])", text,
             rq->name.p, rq->id.p);
    bool poison = !w->cold && w->config->worker_lost_limit > 0 &&
                  rq->times_lost + 1 >= w->config->worker_lost_limit;
    if (rq->acks_late && put_back && !poison) {
        rq->times_lost += !w->cold;
        outcome_put_back(rq, w->cold ? BROKER_FRONT : BROKER_BACK, true);
        return;
    }
    if (rq->acks_late && put_back)
        doom_poison(rq, text);
    arena_reset(&w->scratch);
    fail(rq, "FAILURE", "WorkerLostError", "billiard.exceptions",
         value_text(&w->scratch, text));
}

void outcome_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail)
{
    (void)ctx;
    if (loss == POOL_LOST_TIME_LIMIT)
        time_limit_exceeded(rq);
    else
        worker_lost(rq, loss, detail);
}
