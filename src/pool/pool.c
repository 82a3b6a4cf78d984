/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include "slot.h"
#include "slot_signal.h"

#include <stdio.h>
#include <stdlib.h>

#define RESPAWN_FIRST_MS 100
#define RESPAWN_MAX_MS 30000

struct pool {
    uv_loop_t *loop;
    const struct config *config;
    struct str plugins;
    const struct pool_events *events;
    void *ctx;
    struct list slots; /* every child there is */
    size_t nslots, next_index;
    size_t size;    /* how many serve, or shall */
    size_t leaving; /* of nslots, those taken away */
    struct table table;
    bool ready, stopping;
    uint64_t next_job;
    uv_timer_t respawn;
    uint64_t respawn_ms; /* grows while children die before they serve */
    bool none_comes_up;  /* the last one that should have did not in time */
    struct slot *scout;  /* a restart's first new child, until it serves */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct pool_stats stats;
};

static void fill(struct pool *p);

/* ---- what a slot reports ------------------------------------------------------ */

/* The new child has come up: the others may be replaced. */
static void stop_others(struct pool *p, struct slot *scout)
{
    p->scout = NULL;
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next) {
        struct slot *s = list_entry(l, struct slot, link);
        if (s != scout && s->state == SLOT_SERVING)
            slot_stop(s);
    }
}

static bool on_ready(void *ctx, struct slot *s, const struct frame_ready *ready)
{
    struct pool *p = ctx;
    if (p->ready && !table_equals(&p->table, ready)) {
        log_line(LOG_ERROR,
                 "a new child offers other tasks than the first one: a plugin "
                 "changed on disk; restart the worker to use it");
        return false;
    }
    p->respawn_ms = RESPAWN_FIRST_MS;
    p->none_comes_up = false;
    if (s == p->scout)
        stop_others(p, s);
    if (!p->ready && !table_read(&p->table, ready)) {
        p->events->broken(p->ctx, "a child's task table cannot be read");
        return false;
    }
    if (!p->ready) {
        p->ready = true;
        p->events->ready(p->ctx);
    }
    p->events->room(p->ctx);
    return true;
}

static void on_broken(void *ctx, struct slot *s, const char *why)
{
    struct pool *p = ctx;
    (void)s;
    if (!p->ready)
        p->events->broken(p->ctx, why);
    else
        log_line(LOG_ERROR, "a new child cannot start: %s", why);
}

static void on_respawn(uv_timer_t *timer)
{
    fill(timer->data);
}

static void check_stopped(struct pool *p)
{
    if (p->stopping && p->nslots == 0 && p->stopped) {
        void (*stopped)(void *) = p->stopped;
        p->stopped = NULL;
        stopped(p->stopped_ctx);
    }
}

static void on_gone(void *ctx, struct slot *s, bool served)
{
    struct pool *p = ctx;
    list_remove(&s->link);
    p->nslots--;
    p->leaving -= s->leaving;
    if (!s->leaving && !p->stopping)
        p->stats.restarts[s->end]++;
    p->none_comes_up |= s->end == POOL_END_NOT_UP;
    if (s == p->scout) {
        p->scout = NULL;
        if (!p->stopping)
            log_line(LOG_ERROR,
                     "the pool is not restarted: a new child does not come up; "
                     "the ones from before go on");
    }
    slot_destroy(s);
    if (p->stopping) {
        check_stopped(p);
        return;
    }
    if (served) {
        fill(p);
        return;
    }
    uv_timer_start(&p->respawn, on_respawn, p->respawn_ms, 0);
    p->respawn_ms =
        p->respawn_ms * 2 < RESPAWN_MAX_MS ? p->respawn_ms * 2 : RESPAWN_MAX_MS;
}

static void on_started(void *ctx, struct request *rq, const struct frame_started *f,
                       uint32_t pid)
{
    struct pool *p = ctx;
    p->events->started(p->ctx, rq, f, pid);
}

static void on_state(void *ctx, struct request *rq, struct str meta)
{
    struct pool *p = ctx;
    p->events->state(p->ctx, rq, meta);
}

static void on_event(void *ctx, struct request *rq, const struct frame_event *f,
                     uint32_t pid)
{
    struct pool *p = ctx;
    p->events->event(p->ctx, rq, f, pid);
}

static void on_metric(void *ctx, struct request *rq, const struct frame_metric *f)
{
    struct pool *p = ctx;
    p->events->metric(p->ctx, rq, f);
}

static bool on_effect(void *ctx, struct request *rq, const struct frame_effect *f)
{
    struct pool *p = ctx;
    return p->events->effect(p->ctx, rq, f);
}

static void on_read(void *ctx, struct request *rq, const struct frame_read *f)
{
    struct pool *p = ctx;
    p->events->read(p->ctx, rq, f);
}

static void on_unfollowed(void *ctx, struct request *rq)
{
    struct pool *p = ctx;
    p->events->unfollowed(p->ctx, rq);
}

static void on_refused(void *ctx, struct request *rq, const struct frame_refused *f)
{
    struct pool *p = ctx;
    p->events->refused(p->ctx, rq, f);
    p->events->room(p->ctx);
}

static void on_done(void *ctx, struct request *rq, const struct frame_done *f,
                    const char *process)
{
    struct pool *p = ctx;
    p->events->done(p->ctx, rq, f, process);
    p->events->room(p->ctx);
}

static void on_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail)
{
    struct pool *p = ctx;
    p->stats.killed_by_limit += loss == POOL_LOST_TIME_LIMIT;
    p->events->lost(p->ctx, rq, loss, detail);
}

static void on_returned(void *ctx, struct request *rq)
{
    struct pool *p = ctx;
    p->events->returned(p->ctx, rq);
}

static const struct slot_events slot_events = {
    .ready = on_ready,
    .broken = on_broken,
    .gone = on_gone,
    .started = on_started,
    .state = on_state,
    .event = on_event,
    .metric = on_metric,
    .effect = on_effect,
    .read = on_read,
    .unfollowed = on_unfollowed,
    .refused = on_refused,
    .done = on_done,
    .lost = on_lost,
    .returned = on_returned,
};

/* ---- the pool ----------------------------------------------------------------- */

static struct slot *add_slot(struct pool *p, struct error *e)
{
    struct slot *s = slot_create(p->loop, p->config, p->plugins,
                                 (uint32_t)++p->next_index, &slot_events, p, e);
    if (!s)
        return NULL;
    list_push(&p->slots, &s->link);
    p->nslots++;
    p->stats.spawned++;
    return s;
}

static void fill(struct pool *p)
{
    while (!p->stopping && p->nslots - p->leaving < p->size) {
        struct error e;
        struct slot *s = add_slot(p, &e);
        if (!s && !p->ready) {
            p->events->broken(p->ctx, e.msg);
            return;
        }
        if (!s) {
            log_line(LOG_ERROR, "%s; trying again in %.1f s", e.msg,
                     (double)p->respawn_ms / 1000);
            uv_timer_start(&p->respawn, on_respawn, p->respawn_ms, 0);
            return;
        }
    }
}

struct pool *pool_create(uv_loop_t *loop, const struct config *config, size_t size,
                         struct str plugins, const struct pool_events *events,
                         void *ctx)
{
    struct pool *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    *p = (struct pool){.loop = loop,
                       .config = config,
                       .size = size,
                       .plugins = plugins,
                       .events = events,
                       .ctx = ctx,
                       .respawn_ms = RESPAWN_FIRST_MS};
    list_init(&p->slots);
    uv_timer_init(loop, &p->respawn);
    p->respawn.data = p;
    return p;
}

void pool_start(struct pool *p)
{
    fill(p);
}

const struct table *pool_table(const struct pool *p)
{
    return &p->table;
}

struct attributes *pool_attributes(struct pool *p, struct str task, size_t *row)
{
    const struct frame_row *found = table_find(&p->table, task);
    if (!found)
        return NULL;
    *row = (size_t)(found - p->table.rows);
    return &p->table.rows[*row].attributes;
}

/* An idle child first; else the one with the least before it, if frames may queue. */
static struct slot *choose(const struct pool *p)
{
    struct slot *best = NULL;
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next) {
        struct slot *s = list_entry(l, struct slot, link);
        if (slot_room(s) > 0 && (!best || s->ngiven < best->ngiven))
            best = s;
    }
    return best;
}

bool pool_has_room(const struct pool *p)
{
    return !p->stopping && choose(p) != NULL;
}

void pool_give(struct pool *p, struct request *rq)
{
    rq->job = p->next_job++;
    slot_give(choose(p), rq);
}

void pool_flush(struct pool *p)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        slot_flush(list_entry(l, struct slot, link));
}

void pool_resume(struct request *rq)
{
    if (rq->child)
        slot_resume((struct slot *)rq->child);
}

void pool_tell_documents(struct request *rq, const struct str *documents, size_t n,
                         bool last)
{
    slot_tell_documents((struct slot *)rq->child, documents, n, last);
}

void pool_kill_child(struct request *rq)
{
    if (rq->child)
        slot_kill((struct slot *)rq->child);
}

void pool_each(struct pool *p, void (*fn)(void *ctx, struct request *rq), void *ctx)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next) {
        struct slot *s = list_entry(l, struct slot, link);
        struct list *next;
        if (s->running)
            fn(ctx, s->running);
        for (struct list *g = s->given.next; g != &s->given; g = next) {
            next = g->next;
            fn(ctx, list_entry(g, struct request, link));
        }
    }
}

void pool_leave_out(struct pool *p, struct request *rq)
{
    (void)p;
    slot_send_leave_out((struct slot *)rq->child, rq);
}

void pool_terminate(struct pool *p, struct request *rq, int signum)
{
    struct slot *s = (struct slot *)rq->child;
    (void)p;
    rq->terminate_signal = signum;
    if (s->running == rq)
        slot_end_running(s, signum);
    else
        slot_send_leave_out(s, rq);
}

void pool_grow(struct pool *p, size_t n)
{
    p->size += n;
    if (p->ready)
        fill(p);
}

size_t pool_shrink(struct pool *p, size_t n)
{
    size_t taken = 0;
    for (struct list *l = p->slots.next; l != &p->slots && taken < n; l = l->next) {
        struct slot *s = list_entry(l, struct slot, link);
        if (s->state != SLOT_SERVING || s->ngiven > 0)
            continue;
        s->leaving = true;
        slot_stop(s);
        taken++;
    }
    p->size -= taken;
    p->leaving += taken;
    return taken;
}

void pool_restart(struct pool *p)
{
    struct error e;
    if (p->scout || p->stopping || !p->ready)
        return;
    p->scout = add_slot(p, &e);
    if (!p->scout)
        log_line(LOG_ERROR, "the pool is not restarted: %s", e.msg);
}

size_t pool_size(const struct pool *p)
{
    return p->size;
}

void pool_stop(struct pool *p, void (*stopped)(void *ctx), void *ctx)
{
    p->stopping = true;
    p->stopped = stopped;
    p->stopped_ctx = ctx;
    uv_timer_stop(&p->respawn);
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        slot_stop(list_entry(l, struct slot, link));
    check_stopped(p);
}

void pool_kill(struct pool *p)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        slot_kill(list_entry(l, struct slot, link));
}

void pool_destroy(struct pool *p)
{
    if (!p)
        return;
    table_finish(&p->table);
    free(p);
}

struct pool_stats pool_stats(const struct pool *p)
{
    struct pool_stats stats = p->stats;
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        stats.serving += list_entry(l, struct slot, link)->state == SLOT_SERVING;
    return stats;
}

void pool_describe(const struct pool *p, struct wr *out)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        slot_describe(list_entry(l, struct slot, link), out);
}

void pool_each_child(const struct pool *p,
                     void (*fn)(void *ctx, const struct pool_child *c), void *ctx)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next) {
        const struct pool_child c = slot_look(list_entry(l, struct slot, link));
        fn(ctx, &c);
    }
}

bool pool_is_well(const struct pool *p, struct wr *why)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next)
        if (!slot_is_well(list_entry(l, struct slot, link), why))
            return false;
    if (p->none_comes_up)
        wr_text(why, "no child has come up within worker_proc_alive_timeout");
    return !p->none_comes_up;
}

void pool_signal(struct pool *p, int signum)
{
    for (struct list *l = p->slots.next; l != &p->slots; l = l->next) {
        struct slot *s = list_entry(l, struct slot, link);
        if (s->was_ready && !s->reaped)
            uv_process_kill(&s->process, signum);
    }
}
