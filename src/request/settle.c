/* SPDX-License-Identifier: Apache-2.0 */
/* Settling: the outcome is stored, what follows is done, and the broker is told. */
#include "../worker.h"
#include "follow.h"

#include "../../protocol/envelope.h"

#include <stdlib.h>

/* The broker is done with it; chords that it joined may go. */
static void leave(struct request *rq)
{
    if (!follow_end_chords(rq))
        request_destroy(rq);
}

void outcome_settled(void *ctx, struct delivery *d)
{
    struct request *rq = request_of(d);
    (void)ctx;
    rq->settled = true;
    if (rq->state == RQ_SETTLING)
        leave(rq);
}

/* Another worker has the message now. What has not started is left to it, and so is
 * what would follow. */
void outcome_lease_lost(void *ctx, struct delivery *d)
{
    struct request *rq = request_of(d);
    struct worker *w = ctx;
    rq->settled = rq->taken_over = true;
    log_line_of(REQUEST_SUBJECT(rq), LOG_WARNING,
                "Task %s[%s]: its lease was lost while it was %s", rq->name.p, rq->id.p,
                request_state_name(rq->state));
    if (rq->state == RQ_WAITING || rq->state == RQ_PARKED)
        schedule_remove(&w->schedule, rq);
    if (rq->state == RQ_RECEIVED || rq->state == RQ_WAITING ||
        rq->state == RQ_LIMITED || rq->state == RQ_PARKED || rq->state == RQ_READY ||
        rq->state == RQ_SETTLING)
        request_destroy(rq);
}

/* The request's last arrow: its memory goes once the broker has answered. */
static bool settling(struct request *rq)
{
    request_move(rq, RQ_SETTLING);
    if (!rq->settled)
        return !rq->delivery.settling; /* an early acknowledgement is on its way */
    if (rq->taken_over)
        request_destroy(rq);
    else
        leave(rq);
    return false;
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
              envelope_mark_lost(&w->scratch, rq->raw, rq->times_lost,
                                 rq->requeue != REQUEUE_NOT, &marked) &&
              !marked.bad;
    b->ops->put_back(b, &rq->delivery, side, ok ? wr_str(&marked) : (struct str){0});
    wr_finish(&marked);
}

/* As Celery the first time. In memory rather than in the message, because others that
 * share the queue do not count. */
void outcome_requeue(struct request *rq)
{
    struct worker *w = rq->worker;
    int64_t now = worker_now_us(w);
    uint32_t times;
    int64_t hold_us = unknown_requeue_us(w->unknown, rq->id, now, &times);
    if (hold_us > 0 && w->state == WORKER_RUNNING && !rq->settled) {
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO,
                    "Task %s[%s] was requeued %u times: held for %.1f s first",
                    rq->name.p, rq->id.p, times, (double)hold_us / 1e6);
        rq->requeued = true;
        intake_wait(rq, RQ_PARKED, now + hold_us);
    }
    if (rq->state != RQ_PARKED)
        outcome_put_back(rq, BROKER_BACK, true);
}

/* Of a message that could not be read nothing is; a name may have any length. */
static struct str known(struct str s)
{
    return str_is(s, "?") ? STR("") : (struct str){s.p, s.n < 1024 ? s.n : 1024};
}

void outcome_bury(struct request *rq, const char *reason)
{
    struct broker *b = rq->worker->broker;
    const struct broker_burial burial = {str_of(reason), known(rq->task),
                                         known(rq->id)};
    if (settling(rq))
        b->ops->bury(b, &rq->delivery, &burial);
}

static void on_published(void *ctx)
{
    settle_ack(ctx);
}

/* Where the message itself says that it goes, in the scratch arena; else its queue. */
static struct broker_address address_of(struct request *rq, struct str text)
{
    struct arena *a = &rq->worker->scratch;
    struct envelope e;
    const char *why;
    arena_reset(a);
    if (!envelope_read(a, text, &e, &why) || e.exchange.n + e.routing_key.n == 0)
        return (struct broker_address){.routing_key = rq->queue};
    return (struct broker_address){e.exchange, e.routing_key, e.priority};
}

static void tell_sent(struct request *rq, const struct broker_message *messages,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        event_task_sent(rq->worker, messages[i].text, &messages[i].to);
}

static void replace(struct request *rq)
{
    struct broker *b = rq->worker->broker;
    struct broker_message *messages;
    size_t n;
    if (!follow_messages(rq, &messages, &n))
        outcome_put_back(rq, BROKER_FRONT, true); /* its outcome is found stored */
    else if (n == 0)
        settle_ack(rq);
    else if (settling(rq)) {
        tell_sent(rq, messages, n);
        b->ops->replace(b, &rq->delivery, messages, n);
    }
    free(messages);
}

static void retry(struct request *rq)
{
    struct broker *b = rq->worker->broker;
    const struct str text = {rq->retry, rq->retry_bytes};
    const struct broker_message again = {address_of(rq, text), text};
    tell_sent(rq, &again, 1);
    if (rq->settled || rq->delivery.settling) /* acknowledged early */
        b->ops->publish(b, &again.to, text, on_published, rq);
    else if (settling(rq))
        b->ops->replace(b, &rq->delivery, &again, 1);
}

void outcome_settle(struct request *rq)
{
    if (rq->burial)
        outcome_bury(rq, rq->burial);
    else if (rq->requeue == REQUEUE_FRONT)
        outcome_put_back(rq, BROKER_FRONT, true);
    else if (rq->requeue == REQUEUE_BACK)
        outcome_requeue(rq);
    else if (rq->retry)
        retry(rq);
    else
        replace(rq);
}

void outcome_forward(struct request *rq, struct str queue)
{
    struct broker *b = rq->worker->broker;
    struct envelope e;
    const char *why;
    arena_reset(&rq->worker->scratch);
    const struct broker_address to = {.routing_key = queue,
                                      .priority = envelope_read(&rq->worker->scratch,
                                                                rq->raw, &e, &why)
                                                      ? e.priority
                                                      : 0};
    if (settling(rq))
        b->ops->forward(b, &rq->delivery, &to);
}
