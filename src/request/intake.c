/* SPDX-License-Identifier: Apache-2.0 */
#include "../worker.h"
#include "conclude.h"
#include "follow.h"
#include "revocation.h"

#include "../../protocol/message.h"
#include "../../protocol/result.h"

#include <stdlib.h>
#include <time.h>

/* ---- taken: bytes become a request -------------------------------------------- */

static void doom(struct request *rq, const char *what, const char *why)
{
    char text[400];
    snprintf(text, sizeof(text), "%s: %s", what, why);
    rq->burial = strdup(text);
}

/* Celery's log text for each fault; the message becomes a dead letter, where a Python
 * worker would drop it or die of it. */
static void doom_fault(struct request *rq, enum message_fault fault, const char *why)
{
    const char *reason = why ? why : "unreadable";
    if (fault == MESSAGE_NOT_A_TASK) {
        log_line(
            LOG_WARNING,
            "Received and deleted unknown message.  Wrong destination?!? (%s) It is "
            "kept in petiole.dead.",
            reason);
        doom(rq, "not a task message", reason);
    } else {
        log_line(LOG_ERROR,
                 "Received invalid task message: %s. It is kept in "
                 "petiole.dead.",
                 reason);
        doom(rq, "invalid task message", reason);
    }
}

static void fill(struct request *rq, const struct message *m, const struct envelope *e)
{
    struct worker *w = rq->worker;
    const struct frame_row *row = table_find(pool_table(w->pool), rq->task);
    rq->row = row;
    rq->redelivered = e->redelivered;
    rq->documented = e->redelivered || m->retries > 0;
    rq->due_us = m->has_eta ? m->eta_us : 0;
    rq->expires_us = m->has_expires ? m->expires_us : 0;
    if (m->has_expires && rq->expires_us == 0) /* 1970 is a time, too, and long past */
        rq->expires_us = 1;
    rq->may_follow = message_may_have_workflow(&w->scratch, e);
    rq->has_stamps = value_len(value_get(m->headers, "stamped_headers")) > 0;
    rq->store_errors = !(m->has_ignore_result && m->ignore_result);
    if (!row)
        return;
    rq->limit_in_header = m->has_hard_limit;
    rq->soft_in_header = m->has_soft_limit;
    const struct attributes *a = &row->attributes;
    rq->store_errors = a->store_errors_even_if_ignored ||
                       !(m->has_ignore_result ? m->ignore_result : a->ignore_result);
    rq->rerun = value_truth(value_get(m->headers, ENVELOPE_RERUN_HEADER));
    rq->times_lost = value_as_int(value_get(m->headers, ENVELOPE_LOST_HEADER), 0);
    rq->acks_late = a->acks_late;
    rq->hard_limit_s = m->has_hard_limit ? m->hard_limit_s : a->time_limit_s;
    rq->soft_limit_s = m->has_soft_limit ? m->soft_limit_s : a->soft_time_limit_s;
}

/* As Celery: not what has expired by now, or is revoked. Here the message is read. */
static void announce(struct request *rq, const struct message *m)
{
    if (!revocation_is_certain(rq))
        event_task_received(rq, m);
}

struct delivery *intake_taken(void *ctx, struct str text, struct str queue)
{
    struct worker *w = ctx;
    struct envelope e;
    struct message m;
    struct request *rq;
    const char *why = NULL;

    arena_reset(&w->scratch);
    if (!envelope_read(&w->scratch, text, &e, &why)) {
        rq = request_create_bare(w, queue, text);
        if (rq)
            doom_fault(rq, MESSAGE_UNDECODABLE, why);
        return rq ? &rq->delivery : NULL;
    }
    enum message_fault fault = message_read(&w->scratch, &e, &m, &why);
    rq = fault ? request_create_bare(w, queue, text)
               : request_create(w, &m, queue, text);
    if (!rq)
        return NULL;
    if (fault == MESSAGE_NOT_A_TASK)
        rq->unread = true;
    else if (fault)
        doom_fault(rq, fault, why);
    else
        fill(rq, &m, &e);
    if (rq->row)
        announce(rq, &m);
    return &rq->delivery;
}

/* ---- route: a request finds its way -------------------------------------------- */

static void on_status(void *ctx, struct str status)
{
    struct request *rq = ctx;
    if (rq->state != RQ_CHECKING)
        return;
    bool any = rq->worker->config->keep_final_states;
    bool over = any ? result_status_final(status) : str_is(status, "SUCCESS");
    if (!over && !rq->settled) {
        request_move(rq, RQ_READY);
        return;
    }
    if (!rq->settled && !any)
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO,
                    "Task %s[%s] Task already completed successfully.", rq->name.p,
                    rq->id.p);
    else if (!rq->settled) /* else a peer has it by now */
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO,
                    "Task %s[%s] was finished before (%.*s): acknowledged", rq->name.p,
                    rq->id.p, (int)status.n, status.p);
    if (!rq->settled && rq->may_follow) {
        conclude_stored(rq);
        return;
    }
    request_move(rq, RQ_SETTLING);
    if (rq->settled)
        request_destroy(rq);
    else
        rq->worker->broker->ops->ack(rq->worker->broker, &rq->delivery);
}

/* A late task that was given out before may have been finished, and only its
 * acknowledgement lost: a final state is final. */
static void check_or_ready(struct request *rq)
{
    struct worker *w = rq->worker;
    bool asks = w->config->keep_final_states || w->config->deduplicate;
    if (!rq->redelivered || rq->rerun || !rq->acks_late || !w->backend || !asks) {
        request_move(rq, RQ_READY);
        return;
    }
    request_move(rq, RQ_CHECKING);
    w->backend->ops->read_status(w->backend, rq->id, on_status, rq);
}

/* While it waited its type's limits may have been changed. */
static void renew_limits(struct request *rq)
{
    const struct attributes *a = &rq->row->attributes;
    if (!rq->limit_in_header)
        rq->hard_limit_s = a->time_limit_s;
    if (!rq->soft_in_header)
        rq->soft_limit_s = a->soft_time_limit_s;
}

void intake_released(struct request *rq)
{
    renew_limits(rq);
    rq->has_token = true;
    check_or_ready(rq);
}

/* Its time has come: then its type's rate limit counts, as Celery has it. */
static void limit_or_check(struct request *rq)
{
    struct worker *w = rq->worker;
    bool passed = !w->throttle || w->config->disable_rate_limits || rq->has_token;
    if (passed || throttle_admit(w->throttle, rq))
        intake_released(rq);
}

void intake_wait(struct request *rq, enum request_state state, int64_t due_us)
{
    rq->due_us = due_us;
    rq->delivery.eta_s = due_us / 1000000 + 1;
    if (schedule_add(&rq->worker->schedule, rq))
        request_move(rq, state);
    /* Without memory it stays where it is, and is tried again with the next turn. */
}

static void go_on(struct request *rq)
{
    if (revocation_drops(rq))
        return;
    if (rq->due_us > worker_now_us(rq->worker))
        intake_wait(rq, RQ_WAITING, rq->due_us);
    else
        limit_or_check(rq);
}

void intake_route(struct request *rq)
{
    if (rq->burial) {
        outcome_bury(rq, rq->burial);
        return;
    }
    if (rq->unread) {
        request_move(rq, RQ_READY);
        return;
    }
    if (!rq->row) {
        unregistered_task(rq);
        return;
    }
    parked_note_progress(rq->worker);
    log_line_of(REQUEST_SUBJECT(rq), LOG_INFO, "Task %s[%s] received", rq->name.p,
                rq->id.p);
    go_on(rq);
}

/* The child's envelope is a message like any other, but read once is enough. A hybrid
 * was received before, as its headers said. */
void intake_read(struct request *rq, struct str text)
{
    struct worker *w = rq->worker;
    struct envelope e;
    struct message m;
    const char *why = NULL;
    enum message_fault fault = MESSAGE_UNDECODABLE;

    arena_reset(&w->scratch);
    if (!rq->reread && envelope_read(&w->scratch, text, &e, &why))
        fault = message_read(&w->scratch, &e, &m, &why);
    if (fault == MESSAGE_OK && !request_reread(rq, &m, text))
        why = "no memory to read it", fault = MESSAGE_OUT_OF_MEMORY;
    if (fault)
        doom_fault(rq, fault, why);
    else
        fill(rq, &m, &e);
    bool received = !rq->unread && !fault;
    rq->unread = false;
    if (received && rq->row)
        announce(rq, &m);
    if (received)
        go_on(rq);
    else
        intake_route(rq);
}

void intake_due(struct request *rq)
{
    if (rq->state == RQ_FOLLOWING)
        follow_due(rq);
    else if (rq->state == RQ_PARKED)
        outcome_put_back(rq, BROKER_BACK, rq->requeued);
    else if (!revocation_drops(rq))
        limit_or_check(rq);
}
