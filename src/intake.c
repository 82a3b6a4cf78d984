/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "../protocol/message.h"
#include "../protocol/result.h"

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

static double limit_of(bool in_header, double header_s, uint32_t row_ms,
                       double worker_s)
{
    return in_header ? header_s : row_ms ? row_ms / 1000.0 : worker_s;
}

static void fill(struct request *rq, const struct message *m, const struct envelope *e)
{
    struct worker *w = rq->worker;
    const struct frame_row *row = table_find(pool_table(w->pool), rq->task);
    rq->row = row;
    rq->redelivered = e->redelivered;
    rq->due_us = m->has_eta ? m->eta_us : 0;
    rq->expires_us = m->has_expires ? m->expires_us : 0;
    if (!row)
        return;
    rq->limit_in_header = m->has_hard_limit;
    rq->ignore_result =
        m->has_ignore_result ? m->ignore_result : (row->flags & PTL_IGNORE_RESULT) != 0;
    rq->times_lost = value_as_int(value_get(m->headers, ENVELOPE_LOST_HEADER), 0);
    rq->acks_late = w->config->acks_late || (row->flags & PTL_ACKS_LATE);
    rq->hard_limit_s = limit_of(m->has_hard_limit, m->hard_limit_s, row->hard_limit_ms,
                                w->config->time_limit_s);
    rq->soft_limit_s = limit_of(m->has_soft_limit, m->soft_limit_s, row->soft_limit_ms,
                                w->config->soft_time_limit_s);
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
    if (fault)
        doom_fault(rq, fault, why);
    else
        fill(rq, &m, &e);
    return &rq->delivery;
}

/* ---- route: a request finds its way -------------------------------------------- */

bool intake_expired(struct request *rq)
{
    if (!rq->expires_us || worker_now_us(rq->worker) <= rq->expires_us)
        return false;
    outcome_revoked(rq, "expired");
    return true;
}

static void on_status(void *ctx, struct str status)
{
    struct request *rq = ctx;
    if (rq->state != RQ_CHECKING)
        return;
    if (!result_status_final(status) && !rq->settled) {
        request_move(rq, RQ_READY);
        return;
    }
    if (!rq->settled) /* else a peer has it by now */
        log_line(LOG_INFO, "Task %s[%s] was finished before (%.*s): acknowledged",
                 rq->name.p, rq->id.p, (int)status.n, status.p);
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
    if (!rq->redelivered || !rq->acks_late || !w->backend ||
        !w->config->keep_final_states) {
        request_move(rq, RQ_READY);
        return;
    }
    request_move(rq, RQ_CHECKING);
    w->backend->ops->read_status(w->backend, rq->id, on_status, rq);
}

static void wait_until(struct request *rq, enum request_state state, int64_t due_us)
{
    rq->due_us = due_us;
    rq->delivery.eta_s = due_us / 1000000 + 1;
    if (schedule_add(&rq->worker->schedule, rq))
        request_move(rq, state);
    /* Without memory it stays where it is, and is tried again with the next turn. */
}

void intake_park(struct request *rq, const char *what)
{
    struct worker *w = rq->worker;
    int64_t now = worker_now_us(w);
    int hold_s =
        unknown_hold_s(w->unknown, rq->id, now, w->config->unknown_task_wait_s);
    if (unknown_first_of(w->unknown, rq->task))
        log_line(LOG_ERROR,
                 "Received %s '%s': put back for other workers (said once per "
                 "name)",
                 what, rq->task.p);
    if (hold_s < 0) {
        char reason[400];
        snprintf(reason, sizeof(reason), "%s %.200s: no worker took it within %.0f s",
                 what, rq->task.p, w->config->unknown_task_wait_s);
        log_line(LOG_ERROR, "Task %s[%s] is a dead letter: %s", rq->name.p, rq->id.p,
                 reason);
        outcome_bury(rq, reason);
        return;
    }
    wait_until(rq, RQ_PARKED, now + hold_s * (int64_t)1000000);
}

void intake_route(struct request *rq)
{
    if (rq->burial) {
        outcome_bury(rq, rq->burial);
        return;
    }
    if (!rq->row) {
        intake_park(rq, "unregistered task of type");
        return;
    }
    log_line(LOG_INFO, "Task %s[%s] received", rq->name.p, rq->id.p);
    if (intake_expired(rq))
        return;
    if (rq->due_us > worker_now_us(rq->worker))
        wait_until(rq, RQ_WAITING, rq->due_us);
    else
        check_or_ready(rq);
}

void intake_due(struct request *rq)
{
    if (rq->state == RQ_PARKED)
        outcome_put_back(rq, BROKER_BACK, false);
    else
        check_or_ready(rq);
}
