/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include "../worker.h"
#include "conclude.h"
#include "reading.h"
#include "send.h"

#include <stdlib.h>

bool document_set(struct document *d, struct str text)
{
    char *copy = text.n ? malloc(text.n) : NULL;
    if (text.n && !copy)
        return false;
    if (text.n)
        memcpy(copy, text.p, text.n);
    free(d->p);
    *d = (struct document){copy, text.n};
    return true;
}

/* ---- life --------------------------------------------------------------------- */

struct follow *follow_of(struct request *rq)
{
    struct follow *f = rq->follow;
    if (f || !(f = calloc(1, sizeof(*f))))
        return f;
    f->rq = rq;
    list_init(&f->queue);
    list_init(&f->kept);
    list_init(&f->out);
    list_init(&f->joins);
    list_init(&f->ends);
    return rq->follow = f;
}

void follow_free_all(struct list *effects)
{
    while (!list_empty(effects)) {
        struct effect *e = list_entry(effects->next, struct effect, link);
        list_remove(&e->link);
        free(e);
    }
}

void follow_free(struct follow *f)
{
    follow_free_all(&f->queue);
    follow_free_all(&f->kept);
    follow_free_all(&f->out);
    follow_free_all(&f->joins);
    follow_free_all(&f->ends);
    free(f->acting);
    free(f->join);
    free(f->held.p);
    free(f->outcome.p);
    free(f);
}

/* What the backend was asked for it answers, and then the memory goes. */
void follow_forget(struct request *rq)
{
    struct follow *f = rq->follow;
    rq->follow = NULL;
    if (!f)
        return;
    reading_forget(f);
    f->rq = NULL;
    if (!f->acting || rq->worker->closed)
        follow_free(f);
}

/* ---- what the child is told --------------------------------------------------- */

struct str follow_outcome(const struct request *rq)
{
    return rq->mode == TASK_CONCLUDE && rq->follow
               ? (struct str){rq->follow->outcome.p, rq->follow->outcome.n}
               : STR("");
}

bool follow_outcome_is_stored(const struct request *rq)
{
    return rq->mode == TASK_CONCLUDE && rq->follow && rq->follow->outcome_is_stored;
}

struct str follow_part(const struct request *rq)
{
    return rq->mode == TASK_JOIN && rq->follow && rq->follow->join
               ? rq->follow->join->f.id
               : STR("");
}

/* ---- one after the other ------------------------------------------------------ */

static bool is_full(const struct follow *f, size_t share)
{
    return f->waiting >= FOLLOW_MAX / share ||
           f->waiting_bytes >= FOLLOW_MAX_BYTES / share;
}

static bool may_act(const struct follow *f, const struct effect *e)
{
    return e->before || f->rq->state == RQ_FOLLOWING;
}

static struct effect *first(const struct list *effects)
{
    return list_empty(effects) ? NULL : list_entry(effects->next, struct effect, link);
}

static void act(struct follow *f, struct effect *e)
{
    list_remove(&e->link);
    f->waiting--;
    f->waiting_bytes -= e->bytes;
    if (e->f.kind != EFFECT_PUBLISH) {
        f->acting = e;
        if (!follow_act(f, e))
            f->acting = NULL;
    } else if (e->before) {
        send_message(f->rq, &e->f);
        free(e);
    } else {
        follow_keep(f, e);
    }
}

/* It goes on when what it asked for is done. */
static bool handler_waits(const struct follow *f)
{
    return f->acting && f->rq->state == RQ_RUNNING;
}

static void resume_child(struct follow *f)
{
    if (!f->holds_back || is_full(f, 2) || handler_waits(f))
        return;
    f->holds_back = false;
    pool_resume(f->rq);
}

bool follow_is_out(const struct follow *f)
{
    return f->rq->child || f->acting || !list_empty(&f->out);
}

/* All that was told is done, and nothing more will be told. */
static void finish(struct follow *f)
{
    struct request *rq = f->rq;
    if (f->again)
        conclude_again(rq);
    else if (!list_empty(&f->joins))
        conclude_join(rq);
    else if (!follow_publishes_first(f))
        outcome_settle(rq);
}

static void go_on_storing(struct follow *f)
{
    struct document meta = f->held;
    f->held = (struct document){0};
    outcome_conclude(f->rq, (struct str){meta.p, meta.n});
    free(meta.p);
}

void follow_go_on(struct follow *f)
{
    struct request *rq = f->rq;
    struct effect *e;
    if (f->in_loop)
        return;
    f->in_loop = true;
    while (!f->acting && (e = first(&f->queue)) && may_act(f, e))
        act(f, e);
    f->in_loop = false;
    resume_child(f);
    if (rq->state == RQ_SENDING && !f->acting && !send_is_pending(rq))
        go_on_storing(f);
    else if (rq->state == RQ_FOLLOWING && !follow_is_out(f) && list_empty(&f->queue))
        finish(f);
}

/* ---- what is told ------------------------------------------------------------- */

static void no_memory(struct request *rq)
{
    log_line_of(REQUEST_SUBJECT(rq), LOG_CRITICAL,
                "Task %s[%s]: no memory for what it asks for: child killed", rq->name.p,
                rq->id.p);
    pool_kill_child(rq);
}

static bool add(struct follow *f, const struct frame_effect *told, bool before)
{
    struct effect *e = follow_copy(told);
    if (!e)
        return false;
    e->follow = f;
    e->before = before;
    list_push(&f->queue, &e->link);
    f->waiting++;
    f->waiting_bytes += e->bytes;
    return true;
}

/* Without memory for the last one, no child is there to be killed for it. */
static void lose(struct request *rq, struct follow *f)
{
    no_memory(rq);
    if (f && !rq->child)
        f->again = true;
}

bool follow_effect(void *ctx, struct request *rq, const struct frame_effect *told)
{
    bool before = rq->state == RQ_RUNNING, last = !rq->child;
    (void)ctx;
    if (before && told->kind == EFFECT_PUBLISH &&
        (!rq->follow || (list_empty(&rq->follow->queue) && !rq->follow->acting)))
        return send_message(rq, told);
    struct follow *f = follow_of(rq);
    if (!f || (!f->again && !add(f, told, before)))
        lose(rq, f);
    if (!f)
        return true;
    if (rq->mode == TASK_RUN && last && !f->again)
        document_set(&f->outcome, STR("")); /* it was kept for the case of a death */
    follow_go_on(f);
    if (last)
        return true;
    f->holds_back |= is_full(f, 1) || handler_waits(f);
    return !f->holds_back;
}

bool follow_hold(struct request *rq, struct str meta)
{
    struct follow *f = rq->follow;
    bool acts = f && f->acting;
    if (rq->state != RQ_RUNNING || (!acts && !send_is_pending(rq)))
        return false;
    return (f = follow_of(rq)) && document_set(&f->held, meta);
}

void follow_sent(struct request *rq)
{
    if (rq->follow)
        follow_go_on(rq->follow);
}

void follow_begin(struct request *rq)
{
    struct follow *f = follow_of(rq);
    if (rq->state != RQ_FOLLOWING)
        request_move(rq, RQ_FOLLOWING);
    if (f)
        follow_go_on(f);
    else
        no_memory(rq); /* and it is given back when its child has died */
}

void follow_due(struct request *rq)
{
    struct follow *f = rq->follow;
    struct effect *e = f->acting;
    f->looks_again = false;
    if (!follow_act(f, e)) {
        f->acting = NULL;
        follow_go_on(f);
    }
}

bool follow_stop_waiting(struct request *rq)
{
    struct follow *f = rq->follow;
    if (!f || !f->looks_again)
        return false;
    schedule_remove(&rq->worker->schedule, rq);
    f->looks_again = false;
    free(f->acting);
    f->acting = NULL;
    return true;
}

void follow_unfollowed(void *ctx, struct request *rq)
{
    struct follow *f = follow_of(rq);
    (void)ctx;
    if (!f && rq->state == RQ_FOLLOWING)
        conclude_not(rq);
    if (!f)
        return;
    f->deaths++;
    f->again = true;
    follow_drop(f);
    follow_go_on(f);
}

/* ---- anew --------------------------------------------------------------------- */

static void drop_last_kept(struct follow *f)
{
    struct effect *e = list_entry(f->kept.prev, struct effect, link);
    list_remove(&e->link);
    f->nkept--;
    f->kept_bytes -= e->bytes;
    free(e);
}

/* A join that is begun anew tells of its chord's end again. */
static void drop_end_of(struct follow *f, const struct effect *join)
{
    struct list *next;
    for (struct list *l = f->ends.next; l != &f->ends; l = next) {
        struct effect *e = list_entry(l, struct effect, link);
        next = l->next;
        if (str_eq(e->f.id, join->f.id) && str_eq(e->f.group, join->f.group)) {
            list_remove(l);
            free(e);
        }
    }
}

void follow_drop(struct follow *f)
{
    for (struct effect *e; (e = first(&f->queue));) {
        list_remove(&e->link);
        f->waiting--;
        f->waiting_bytes -= e->bytes;
        free(e);
    }
    while (f->nkept > (f->join ? f->kept_before : 0))
        drop_last_kept(f);
    if (f->join) {
        drop_end_of(f, f->join);
    } else {
        follow_free_all(&f->joins);
        follow_free_all(&f->ends);
    }
}
