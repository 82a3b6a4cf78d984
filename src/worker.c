/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "child/module.h"
#include "command/command.h"
#include "control/gossip.h"
#include "http/health.h"
#include "life.h"
#include "listening.h"
#include "pool/scaling.h"
#include "request/follow.h"
#include "request/prefetch.h"
#include "request/reading.h"
#include "request/revocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_FACTOR 16 /* a decoded message is larger than its text */

int64_t worker_now_us(struct worker *w)
{
    uv_timeval64_t now;
    (void)w;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000000 + now.tv_usec;
}

bool worker_is_ready(const struct worker *w)
{
    return w->state == WORKER_RUNNING && w->broker_up && !w->announced_loss &&
           pool_stats(w->pool).serving > 0 && w->broker->ops->leases_sure(w->broker);
}

/* ---- one turn ----------------------------------------------------------------- */

static void on_due(uv_timer_t *timer);

/* The timer follows the schedule's next. */
static void arm_due(struct worker *w)
{
    struct request *next = schedule_next(&w->schedule);
    if (!next) {
        uv_timer_stop(&w->due);
        return;
    }
    int64_t us = next->due_us - worker_now_us(w);
    /* At least once an hour: the wall clock may be set meanwhile. */
    uint64_t ms = us <= 0 ? 0 : us > 3600000000 ? 3600000 : (uint64_t)(us + 999) / 1000;
    uv_timer_start(&w->due, on_due, ms, 0);
}

static void on_due(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    int64_t now = worker_now_us(w);
    struct request *rq;
    while ((rq = schedule_next(&w->schedule)) && rq->due_us <= now) {
        schedule_remove(&w->schedule, rq);
        intake_due(rq);
    }
}

/* Nothing starts any more, but what has ended is concluded. */
static void dispatch_conclusions(struct worker *w)
{
    struct list *ready = &w->requests[RQ_READY], *next;
    for (struct list *l = ready->next; l != ready && pool_has_room(w->pool); l = next) {
        struct request *rq = list_entry(l, struct request, link);
        next = l->next;
        if (rq->mode != TASK_RUN)
            pool_give(w->pool, rq);
    }
}

static void dispatch_ready(struct worker *w)
{
    struct list *ready = &w->requests[RQ_READY];
    while (!list_empty(ready) && pool_has_room(w->pool)) {
        struct request *rq = list_entry(ready->next, struct request, link);
        if (!revocation_drops(rq))
            pool_give(w->pool, rq);
    }
}

static void dispatch(struct worker *w)
{
    if (!w->broker->ops->leases_sure(w->broker))
        return;
    if (w->state < WORKER_STOPPING)
        dispatch_ready(w);
    else
        dispatch_conclusions(w);
    pool_flush(w->pool);
}

static void on_turn(uv_prepare_t *turn)
{
    struct worker *w = turn->data;
    struct list *received = &w->requests[RQ_RECEIVED];
    bool came = w->counts[RQ_RECEIVED] > 0;
    for (size_t n = w->counts[RQ_RECEIVED]; n > 0 && !list_empty(received); n--)
        intake_route(list_entry(received->next, struct request, link));
    scaling_turn(w, came);
    dispatch(w);
    parked_make_room(w);
    arm_due(w);
    prefetch_tell(w);
    life_check_left(w);
    events_flush(&w->events);
    presence_update(&w->presence, worker_is_ready(w), health_status(w));
}

/* ---- what the pool reports ---------------------------------------------------- */

static void on_pool_broken(void *ctx, const char *why);

static void on_pool_ready(void *ctx)
{
    struct worker *w = ctx;
    static const struct throttle_events throttle_events = {revocation_drops,
                                                           intake_released};
    w->pool_ready = true;
    w->throttle = throttle_create(&w->loop, pool_table(w->pool), &throttle_events);
    w->accepted = calloc(pool_table(w->pool)->n + 1, sizeof(*w->accepted));
    if (!w->throttle || !w->accepted) {
        on_pool_broken(w, "out of memory");
        return;
    }
    scaling_start(w);
    if (!w->config->quiet)
        banner_print(w);
    life_check_ready(w);
}

static void on_pool_broken(void *ctx, const char *why)
{
    struct worker *w = ctx;
    if (w->exit_code == EXIT_FAILED)
        return; /* said already */
    log_complain("%s", why);
    life_leave(w, EXIT_FAILED);
}

static void on_pool_room(void *ctx)
{
    (void)ctx; /* the turn that follows looks for itself */
}

static void on_returned(void *ctx, struct request *rq)
{
    struct worker *w = ctx;
    request_move(rq, RQ_READY);
    list_remove(&rq->link);
    list_push_front(&w->requests[RQ_READY], &rq->link);
}

/* ---- life --------------------------------------------------------------------- */

static const struct pool_events pool_events = {
    .ready = on_pool_ready,
    .broken = on_pool_broken,
    .room = on_pool_room,
    .started = outcome_started,
    .state = outcome_state,
    .event = event_task_custom,
    .metric = metrics_of_request,
    .effect = follow_effect,
    .read = reading_begin,
    .unfollowed = follow_unfollowed,
    .refused = outcome_refused,
    .done = outcome_done,
    .lost = outcome_lost,
    .returned = on_returned,
};
static const struct broker_events broker_events = {
    .taken = intake_taken,
    .settled = outcome_settled,
    .lost = outcome_lease_lost,
    .up = connection_broker_up,
    .down = connection_broker_down,
    .unfit = connection_broker_unfit,
};
static const struct backend_events backend_events = {
    .up = connection_backend_up,
    .down = connection_backend_down,
};

/* The plugins' files, each ended by NUL, in the order given. */
static int find_plugins(const struct config *c, struct wr *out, struct error *e)
{
    char *names = strdup(c->plugins), *save = NULL;
    if (!names)
        return error_set(e, ENOMEM, "out of memory");
    int r = 0;
    for (char *n = strtok_r(names, ",", &save); n && r == 0;
         n = strtok_r(NULL, ",", &save)) {
        char path[4096];
        struct module_error why;
        if (!module_find(n, path, sizeof(path), &why))
            r = error_set(e, ENOENT, "%s", why.text);
        else
            wr_put(out, (struct str){path, strlen(path) + 1});
    }
    free(names);
    return r;
}

static int init(struct worker *w, const struct config *c, struct str plugins,
                struct error *e)
{
    *w = (struct worker){.config = c};
    for (unsigned s = 0; s < RQ_STATES; s++)
        list_init(&w->requests[s]);
    uv_loop_init(&w->loop);
    arena_init(&w->scratch, (size_t)c->message_max_bytes * SCRATCH_FACTOR);
    uv_timer_init(&w->loop, &w->due);
    parked_init(w);
    uv_timer_init(&w->loop, &w->patience);
    uv_timer_init(&w->loop, &w->soft);
    uv_prepare_init(&w->loop, &w->turn);
    uv_timer_init(&w->loop, &w->scale_timer);
    uv_timer_init(&w->loop, &w->state_timer);
    w->due.data = w->patience.data = w->soft.data = w->turn.data = w;
    w->scale_timer.data = w->state_timer.data = w;
    w->unknown = unknown_create();
    w->metrics = metrics_create();
    w->started_us = worker_now_us(w);
    events_init(&w->events, w);
    serializers_init(&w->serializers);
    w->gossip = c->without_gossip ? NULL : gossip_create(w);
    w->pool = pool_create(&w->loop, c, scaling_first_size(c), plugins, &pool_events, w);
    if (!w->unknown || !w->pool || !w->metrics || (!w->gossip && !c->without_gossip))
        return error_set(e, ENOMEM, "out of memory");
    w->broker = redis_broker_create(&w->loop, c, &broker_events, w, e);
    if (w->broker && c->http && !(w->http = http_create(w, c->http, e)))
        return -e->code;
    if (w->broker && c->has_backend)
        w->backend = redis_backend_create(&w->loop, c, &backend_events, w, e);
    if (!w->broker || (!w->backend && c->has_backend))
        return -e->code;
    return listening_create(w, e);
}

static void log_warnings(const struct config *c)
{
    for (const char *p = c->warnings; *p; p += strcspn(p, "\n") + 1)
        log_line(LOG_WARNING, "%.*s", (int)strcspn(p, "\n"), p);
}

static void start(struct worker *w)
{
    log_init(&w->loop, (enum log_level)w->config->log_level);
    log_warnings(w->config);
    turn_start(&w->loop_turn, &w->loop);
    presence_start(&w->presence, &w->loop, w->config->health_file);
    http_start(w->http);
    signals_watch(w);
    revocation_load(w);
    /* Prepare handles run in the reverse order of their start: the turn decides, then
     * broker, backend and bus send what it decided, then the log is written. */
    w->broker->ops->start(w->broker);
    if (w->backend)
        w->backend->ops->start(w->backend);
    if (w->bus)
        w->bus->ops->start(w->bus);
    events_start(&w->events);
    uv_prepare_start(&w->turn, on_turn);
    pool_start(w->pool);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Handles first, while their owners' memory is there; then the memory. */
static void finish(struct worker *w)
{
    revocation_save(w);
    presence_finish(&w->presence);
    http_stop(w->http);
    log_finish();
    uv_walk(&w->loop, close_handle, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_loop_close(&w->loop);
    w->closed = true;
    for (unsigned s = 0; s < RQ_STATES; s++)
        while (!list_empty(&w->requests[s]))
            request_destroy(list_entry(w->requests[s].next, struct request, link));
    if (w->backend)
        w->backend->ops->destroy(w->backend);
    if (w->broker)
        w->broker->ops->destroy(w->broker);
    if (w->bus)
        w->bus->ops->destroy(w->bus);
    http_destroy(w->http);
    events_finish(&w->events);
    gossip_destroy(w->gossip);
    metrics_destroy(w->metrics);
    throttle_destroy(w->throttle);
    free(w->accepted);
    pool_destroy(w->pool);
    revoke_finish(&w->revoke);
    schedule_finish(&w->schedule);
    unknown_destroy(w->unknown);
    serializers_finish(&w->serializers);
    arena_finish(&w->scratch);
}

int worker_run(const struct config *config)
{
    struct worker w;
    struct error e;
    struct wr plugins;
    wr_init(&plugins, 1 << 20);
    if (find_plugins(config, &plugins, &e) < 0 ||
        init(&w, config, wr_str(&plugins), &e) < 0) {
        log_complain("%s", e.msg);
        wr_finish(&plugins);
        return EXIT_FAILED;
    }
    start(&w);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    finish(&w);
    wr_finish(&plugins);
    return w.restart && w.exit_code == EXIT_STOPPED ? WORKER_RESTART : w.exit_code;
}
