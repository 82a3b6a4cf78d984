/* SPDX-License-Identifier: Apache-2.0 */
#include "conclude.h"

#include "../worker.h"
#include "follow.h"
#include "reading.h"

#include "../../protocol/result.h"

#include <stdlib.h>

/* ---- may it be? --------------------------------------------------------------- */

static bool is_possible(const struct worker *w)
{
    return w->state < WORKER_COLD && !w->pool_stopping;
}

bool conclude_is_wanted(const struct request *rq, const char *status)
{
    return rq->may_follow && is_possible(rq->worker) &&
           result_status_final(str_of(status));
}

static bool any_may_follow(const struct list *requests)
{
    for (struct list *l = requests->next; l != requests; l = l->next)
        if (list_entry(l, struct request, link)->may_follow)
            return true;
    return false;
}

static void note_given(void *ctx, struct request *rq)
{
    *(bool *)ctx |= rq->may_follow;
}

bool conclude_may_be_needed(struct worker *w)
{
    static const enum request_state states[] = {RQ_RUNNING, RQ_SENDING, RQ_STORING,
                                                RQ_FOLLOWING};
    bool given = false;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (any_may_follow(&w->requests[states[i]]))
            return true;
    for (struct list *l = w->requests[RQ_READY].next; l != &w->requests[RQ_READY];
         l = l->next)
        if (list_entry(l, struct request, link)->mode != TASK_RUN)
            return true;
    pool_each(w->pool, note_given, &given);
    return given;
}

/* ---- towards a child ---------------------------------------------------------- */

static void forget_join(struct follow *f)
{
    free(f->join);
    f->join = NULL;
}

static void give(struct request *rq, enum frame_mode mode)
{
    struct follow *f = rq->follow;
    reading_forget(f);
    f->again = false;
    rq->mode = mode;
    if (is_possible(rq->worker))
        request_move(rq, RQ_READY);
    else
        conclude_not(rq);
}

/* The outcome is stored by the parent, where it is not stored yet. */
static void store_it(struct request *rq)
{
    struct follow *f = rq->follow;
    struct wr meta;
    wr_init(&meta, (1 << 20) + 8 * rq->raw.n);
    if (f && !f->outcome_is_stored && rq->store_errors) {
        wr_put(&meta, (struct str){f->outcome.p, f->outcome.n});
        if (meta.bad || !worker_encode_result(rq->worker, &meta))
            wr_reset(&meta);
    }
    rq->mode = TASK_RUN;
    outcome_store(rq, wr_str(&meta));
    wr_finish(&meta);
}

/* What is done already, the messages of callbacks maybe, is not taken back. */
static void leave_out(struct request *rq, const char *why)
{
    struct follow *f = rq->follow;
    log_line_of(
        REQUEST_SUBJECT(rq), LOG_ERROR, "Task %s[%s]: %s left out%s: %s", rq->name.p,
        rq->id.p,
        rq->mode == TASK_JOIN
            ? "the body of its chord is"
            : "what follows from its outcome (links, the rest of its chain, its "
              "part of a chord) is",
        rq->burial ? ", and it is a dead letter" : "", why);
    if (f) {
        follow_drop(f);
        forget_join(f);
        follow_free_all(&f->joins);
        f->again = false;
    }
    store_it(rq);
}

static void give_up(struct request *rq)
{
    char reason[200];
    snprintf(reason, sizeof(reason),
             "%u children died of what follows from its outcome", rq->follow->deaths);
    if (!follow_is_off_our_hands(rq) && !rq->burial)
        rq->burial = strdup(reason);
    leave_out(rq, reason);
}

void conclude_again(struct request *rq)
{
    struct follow *f = rq->follow;
    if (follow_is_out(f)) {
        f->again = true;
        if (rq->state != RQ_FOLLOWING)
            request_move(rq, RQ_FOLLOWING);
    } else if (f->deaths >= CONCLUDE_DEATHS_MAX) {
        give_up(rq);
    } else if (f->join) {
        give(rq, TASK_JOIN);
    } else if (f->outcome.n > 0) {
        give(rq, TASK_CONCLUDE);
    } else {
        conclude_not(rq); /* its result was nobody's to keep */
    }
}

bool conclude_with(struct request *rq, struct str outcome, bool stored)
{
    struct follow *f = follow_of(rq);
    const size_t most = (size_t)rq->worker->config->message_max_bytes * 4;
    if (!f || outcome.n > most || !document_set(&f->outcome, outcome)) {
        log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                    "Task %s[%s]: what follows from its outcome is left out: "
                    "the outcome, %zu bytes, is too large, or memory is out",
                    rq->name.p, rq->id.p, outcome.n);
        return false;
    }
    f->outcome_is_stored = stored;
    forget_join(f);
    follow_drop(f);
    conclude_again(rq);
    return true;
}

void conclude_keep(struct request *rq, struct str meta)
{
    struct follow *f = follow_of(rq);
    if (f && rq->child && document_set(&f->outcome, meta))
        f->outcome_is_stored = true;
}

void conclude_join(struct request *rq)
{
    struct follow *f = rq->follow;
    forget_join(f);
    f->join = list_entry(f->joins.next, struct effect, link);
    list_remove(&f->join->link);
    f->kept_before = f->nkept;
    give(rq, TASK_JOIN);
}

/* ---- without a child ---------------------------------------------------------- */

void conclude_not(struct request *rq)
{
    if (!follow_is_off_our_hands(rq)) {
        log_line_of(REQUEST_SUBJECT(rq), LOG_INFO,
                    "Task %s[%s] goes back to its queue: no child is left for "
                    "what follows from its outcome",
                    rq->name.p, rq->id.p);
        outcome_put_back(rq, BROKER_FRONT, true);
        return;
    }
    leave_out(rq, "the worker stops, and no child is left for it");
}

/* ---- what the child says ------------------------------------------------------ */

void conclude_done(struct request *rq, const struct frame_done *f)
{
    bool stores =
        rq->mode == TASK_CONCLUDE && !follow_outcome_is_stored(rq) && rq->store_errors;
    rq->succeeded = false;
    if (stores && document_set(&rq->follow->outcome, f->meta))
        rq->follow->outcome_is_stored = true;
    outcome_conclude(rq, stores ? f->meta : STR(""));
}

void conclude_lost(struct request *rq)
{
    rq->follow->deaths++;
    follow_drop(rq->follow);
    conclude_again(rq);
}

void conclude_refused(struct request *rq, const char *reason)
{
    leave_out(rq, reason);
}

/* ---- stored before ------------------------------------------------------------ */

static void acknowledge(struct request *rq)
{
    request_move(rq, RQ_SETTLING);
    if (rq->settled)
        request_destroy(rq);
    else
        rq->worker->broker->ops->ack(rq->worker->broker, &rq->delivery);
}

static void on_document(void *ctx, const struct str *documents, size_t n, bool last,
                        const char *why)
{
    struct request *rq = ctx;
    struct follow *f = rq->follow;
    if (n > 0 && documents[0].p)
        document_set(&f->held, documents[0]);
    if (!last && !why)
        return;
    if (why)
        log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                    "Task %s[%s]: its stored outcome cannot be read: %s", rq->name.p,
                    rq->id.p, why);
    struct document stored = f->held;
    f->held = (struct document){0};
    if (rq->settled || stored.n == 0 ||
        !conclude_with(rq, (struct str){stored.p, stored.n}, true))
        acknowledge(rq);
    free(stored.p);
}

void conclude_stored(struct request *rq)
{
    struct backend *b = rq->worker->backend;
    if (follow_of(rq))
        b->ops->read(b, READ_RESULTS, &rq->id, 1, on_document, rq);
    else
        outcome_put_back(rq, BROKER_FRONT, true);
}
