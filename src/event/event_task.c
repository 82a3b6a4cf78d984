/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "../worker.h"

#include "../../protocol/message.h"
#include "../../protocol/timestamp.h"

static void count(struct request *rq, enum metrics_task what, struct str exception)
{
    metrics_count_task(rq->worker->metrics, what, rq->name, rq->queue, exception);
}

/* Of a header that may be missing: null. */
static struct str or_null(struct str s)
{
    return s.n > 0 ? s : (struct str){0};
}

/* As datetime.isoformat() has the time that the header named. */
static struct str time_text(char text[TIMESTAMP_TEXT], bool given, int64_t us)
{
    if (!given)
        return (struct str){0};
    timestamp_format(text, us);
    return str_of(text);
}

void event_task_received(struct request *rq, const struct message *m)
{
    char eta[TIMESTAMP_TEXT], expires[TIMESTAMP_TEXT];
    struct event_head h;
    if (rq->announced)
        return;
    rq->announced = true;
    count(rq, METRICS_RECEIVED, STR(""));
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    const struct event_task e = {.uuid = rq->id,
                                 .name = rq->name,
                                 .args = m->argsrepr,
                                 .kwargs = m->kwargsrepr,
                                 .root_id = or_null(m->root_id),
                                 .parent_id = or_null(m->parent_id),
                                 .retries = m->retries,
                                 .eta = time_text(eta, m->has_eta, m->eta_us),
                                 .expires =
                                     time_text(expires, m->has_expires, m->expires_us)};
    event_write_received(w, &h, &e);
    events_end(&rq->worker->events);
}

void event_task_started(struct request *rq, uint32_t pid)
{
    struct events *ev = &rq->worker->events;
    struct event_head h;
    (void)pid;
    ev->active++;
    ev->processed++;
    count(rq, METRICS_STARTED, STR(""));
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_other(w, &h, STR("task-started"), rq->id, STR(""));
    events_end(ev);
}

void event_task_ended(struct request *rq)
{
    struct events *ev = &rq->worker->events;
    if (ev->active > 0)
        ev->active--;
}

void event_task_succeeded(struct request *rq, struct str result_repr, double runtime_s)
{
    struct event_head h;
    count(rq, METRICS_SUCCEEDED, STR(""));
    metrics_task_runtime(rq->worker->metrics, rq->name, rq->queue, runtime_s);
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_succeeded(w, &h, rq->id, result_repr, runtime_s);
    events_end(&rq->worker->events);
}

void event_task_failed(struct request *rq, struct str exception_repr,
                       struct str traceback)
{
    struct event_head h;
    count(rq, METRICS_FAILED, exception_repr);
    metrics_note_failure(rq->worker->metrics, rq->name, rq->id, exception_repr);
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_raised(w, &h, "task-failed", rq->id, exception_repr, traceback);
    events_end(&rq->worker->events);
}

void event_task_retried(struct request *rq, struct str exception_repr,
                        struct str traceback)
{
    struct event_head h;
    count(rq, METRICS_RETRIED, STR(""));
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_raised(w, &h, "task-retried", rq->id, exception_repr, traceback);
    events_end(&rq->worker->events);
}

void event_task_revoked(struct request *rq, bool terminated, int signum, bool expired)
{
    struct event_head h;
    count(rq, METRICS_REVOKED, STR(""));
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_revoked(w, &h, rq->id, terminated, signum, expired);
    events_end(&rq->worker->events);
}

void event_task_rejected(struct request *rq, bool requeue)
{
    struct event_head h;
    count(rq, METRICS_REJECTED, STR(""));
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_rejected(w, &h, rq->id, requeue);
    events_end(&rq->worker->events);
}

void event_task_cancelled(struct request *rq)
{
    struct event_head h;
    struct wr *w = events_begin(rq, &h);
    if (!w)
        return;
    event_write_other(w, &h, STR("task-cancelled"), rq->id, STR(""));
    events_end(&rq->worker->events);
}
