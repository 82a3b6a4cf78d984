/* SPDX-License-Identifier: Apache-2.0 */
/* lost - what becomes of a task whose child did not live to report it: it crashed, was
 * killed for its time limit, was terminated, or the worker stopped cold. */
#include "../worker.h"
#include "conclude.h"

#include "../../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ptl_value *one(struct arena *a, const ptl_value *arg)
{
    ptl_value *args = value_list(a, 3);
    return args && value_list_add(a, args, arg) ? args : NULL;
}

/* ---- the hard time limit ------------------------------------------------------ */

/* Celery's options are floats; a message may carry 1 or 1.5. */
static const ptl_value *limit_value(const struct request *rq, char text[32])
{
    struct arena *a = &rq->worker->scratch;
    double s = rq->hard_limit_s;
    if (rq->limit_in_header && s == (double)(int64_t)s) {
        snprintf(text, 32, "%.0f", s);
        return value_int(a, (int64_t)s);
    }
    json_format_float(text, s, false);
    return value_float(a, s);
}

/* As Celery's on_timeout: the failure is stored, also where the message goes back. */
static void time_limit_exceeded(struct request *rq)
{
    char text[32];
    arena_reset(&rq->worker->scratch);
    const ptl_value *limit = limit_value(rq, text);
    log_line(LOG_ERROR, "Task handler raised error: TimeLimitExceeded(%s)", text);
    if (rq->acks_late && !rq->row->attributes.acks_on_timeout)
        rq->requeue = REQUEUE_BACK;
    outcome_fail(rq, &(struct outcome_failure){"FAILURE", "TimeLimitExceeded",
                                               "billiard.exceptions",
                                               one(&rq->worker->scratch, limit)});
}

/* ---- a crash ------------------------------------------------------------------ */

/* It has killed enough children: its caller is told, and it goes to the dead letters.
 */
static void doom_poison(struct request *rq, const char *text)
{
    char reason[300];
    snprintf(reason, sizeof(reason), "killed its child %lld times: %s",
             (long long)rq->times_lost + 1, text);
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR, "Task %s[%s] is a dead letter: %s",
                rq->name.p, rq->id.p, reason);
    rq->burial = strdup(reason);
}

static void describe(const struct request *rq, enum pool_loss loss, int detail,
                     char *text, size_t size)
{
    if (loss == POOL_LOST_SIGNAL)
        snprintf(text, size, "Worker exited prematurely: signal %d (SIG%s) Job: %llu.",
                 detail, sigabbrev_np(detail), (unsigned long long)rq->job);
    else
        snprintf(text, size, "Worker exited prematurely: exitcode %d Job: %llu.",
                 detail, (unsigned long long)rq->job);
}

static void worker_lost(struct request *rq, enum pool_loss loss, int detail)
{
    struct worker *w = rq->worker;
    char text[160];
    describe(rq, loss, detail, text, sizeof(text));
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Task handler raised error: WorkerLostError('%s') (task %s[%s])", text,
                rq->name.p, rq->id.p);
    bool put_back = rq->acks_late && rq->row->attributes.reject_on_worker_lost;
    bool poison = w->config->worker_lost_limit > 0 &&
                  rq->times_lost + 1 >= w->config->worker_lost_limit;
    if (put_back && !poison) {
        rq->times_lost++;
        event_task_rejected(rq, true);
        outcome_requeue(rq);
        return;
    }
    if (put_back)
        doom_poison(rq, text);
    arena_reset(&w->scratch);
    outcome_fail(rq, &(struct outcome_failure){"FAILURE", "WorkerLostError",
                                               "billiard.exceptions",
                                               one(&w->scratch,
                                                   value_text(&w->scratch, text))});
}

/* ---- ended on purpose --------------------------------------------------------- */

static void terminated(struct request *rq)
{
    struct arena *a = &rq->worker->scratch;
    arena_reset(a);
    event_end_revoked(rq, true, false);
    outcome_fail(rq, &(struct outcome_failure){"REVOKED", "TaskRevokedError",
                                               "celery.exceptions",
                                               one(a, value_text(a, "terminated"))});
}

/* The document of Celery's Request.cancel, whether or not the result is ignored. */
static void store_cancelled(struct request *rq)
{
    struct arena *a = &rq->worker->scratch;
    arena_reset(a);
    ptl_value *args = one(a, value_text(a, "Retry(Retry(...), None, None)"));
    if (args)
        (void)(value_list_add(a, args, value_null(a)) &&
               value_list_add(a, args, value_null(a)));
    rq->store_errors = true;
    outcome_fail(rq, &(struct outcome_failure){"RETRY", "Retry", "celery.exceptions",
                                               args});
}

/* Killed by a cold shutdown. A Python worker acknowledges a late task that it kills so;
 * here it goes back, in its place among those that had not started. The sender of an
 * early one chose that it is not repeated: what is stored is what Celery stores. */
static void cut_short(struct request *rq)
{
    event_task_cancelled(rq);
    if (rq->acks_late)
        request_move(rq, RQ_READY);
    else
        store_cancelled(rq);
}

void outcome_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail)
{
    struct worker *w = ctx;
    metrics_undo_request(rq);
    if (rq->mode != TASK_RUN) {
        conclude_lost(rq);
        return;
    }
    event_task_ended(rq);
    if (w->cold) {
        cut_short(rq);
    } else if (rq->cancelled) {
        rq->requeue = REQUEUE_FRONT;
        event_task_cancelled(rq);
        store_cancelled(rq);
    } else if (loss == POOL_LOST_TERMINATED) {
        terminated(rq);
    } else if (loss == POOL_LOST_TIME_LIMIT) {
        time_limit_exceeded(rq);
    } else {
        worker_lost(rq, loss, detail);
    }
}
