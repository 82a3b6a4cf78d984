/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "child/module.h"
#include "command/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define WANT_MAX 4096 /* with a prefetch multiplier of 0 */
/* Messages that are held but not counted: beyond these they are, and taking pauses. */
#define PARKED_MAX 1000
#define WAITING_MAX 1000000
#define PATIENCE_MS 10000
#define SCRATCH_FACTOR 16 /* a decoded message is larger than its text */

static void check_left(struct worker *w);

static void set_state(struct worker *w, enum worker_state to)
{
    w->state = to;
}

int64_t worker_now_us(struct worker *w)
{
    uv_timeval64_t now;
    (void)w;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000000 + now.tv_usec;
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

static size_t beyond(size_t n, size_t most)
{
    return n > most ? n - most : 0;
}

/* Messages held that count against the prefetch limit, as Celery's QoS counts them:
 * neither those that wait for their eta nor those acknowledged early. Outcomes that
 * wait for the backend do count, so that a lost backend stops the taking. */
static size_t held(const struct worker *w)
{
    size_t n = 0;
    for (unsigned s = 0; s < RQ_STATES; s++)
        if (s != RQ_WAITING && s != RQ_PARKED && s != RQ_RUNNING)
            n += w->counts[s];
    for (struct list *l = w->requests[RQ_RUNNING].next; l != &w->requests[RQ_RUNNING];
         l = l->next)
        n += !list_entry(l, struct request, link)->settled;
    return n + beyond(w->counts[RQ_PARKED], PARKED_MAX) +
           beyond(w->counts[RQ_WAITING], WAITING_MAX);
}

static void tell_want(struct worker *w)
{
    size_t limit = (size_t)(w->config->concurrency * w->config->prefetch_multiplier);
    size_t n = held(w);
    if (limit == 0)
        limit = WANT_MAX;
    bool taking =
        w->state == WORKER_RUNNING || (w->state == WORKER_STARTING && w->pool_ready);
    w->broker->ops->want(w->broker, taking && limit > n ? limit - n : 0);
}

static void dispatch(struct worker *w)
{
    if (w->state >= WORKER_STOPPING || !w->broker->ops->leases_sure(w->broker))
        return;
    struct list *ready = &w->requests[RQ_READY];
    while (!list_empty(ready) && pool_has_room(w->pool)) {
        struct request *rq = list_entry(ready->next, struct request, link);
        if (!intake_expired(rq))
            pool_give(w->pool, rq);
    }
    pool_flush(w->pool);
}

static void on_turn(uv_prepare_t *turn)
{
    struct worker *w = turn->data;
    struct list *received = &w->requests[RQ_RECEIVED];
    for (size_t n = w->counts[RQ_RECEIVED]; n > 0 && !list_empty(received); n--)
        intake_route(list_entry(received->next, struct request, link));
    dispatch(w);
    arm_due(w);
    tell_want(w);
    check_left(w);
}

/* ---- coming up ---------------------------------------------------------------- */

static void check_ready(struct worker *w)
{
    if (w->state != WORKER_STARTING || !w->pool_ready || !w->broker_up)
        return;
    set_state(w, WORKER_RUNNING);
    log_line(LOG_INFO, "Connected to %s", w->config->broker.masked);
    log_line(LOG_INFO, "%s ready.", w->config->hostname);
}

static void on_pool_ready(void *ctx)
{
    struct worker *w = ctx;
    w->pool_ready = true;
    banner_print(w);
    check_ready(w);
}

static void leave(struct worker *w, int exit_code);

static void on_pool_broken(void *ctx, const char *why)
{
    struct worker *w = ctx;
    if (w->exit_code == EXIT_FAILED)
        return; /* said already */
    fprintf(stderr, "petiole worker: %s\n", why);
    leave(w, EXIT_FAILED);
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

static void on_broker_up(void *ctx)
{
    struct worker *w = ctx;
    w->broker_up = true;
    if (w->announced_loss)
        log_line(LOG_INFO, "Connected to %s", w->config->broker.masked);
    w->announced_loss = false;
    check_ready(w);
}

static void on_broker_down(void *ctx, const char *why, double retry_s,
                           unsigned attempts)
{
    struct worker *w = ctx;
    const struct config *c = w->config;
    bool starting = w->state == WORKER_STARTING && !w->broker_up;
    bool last = c->connection_max_retries > 0 &&
                attempts >= (unsigned)c->connection_max_retries;
    if (w->state >= WORKER_STOPPING)
        return;
    if (starting && (!c->retry_on_startup || last)) {
        log_line(LOG_CRITICAL,
                 "consumer: Cannot connect to %s: %s. Giving up after %u "
                 "attempt(s).",
                 c->broker.masked, why, attempts);
        leave(w, EXIT_FAILED);
    } else if (starting) {
        log_line(LOG_ERROR,
                 "consumer: Cannot connect to %s: %s. Trying again in %.2f "
                 "seconds... (%u/%lld)",
                 c->broker.masked, why, retry_s, attempts,
                 (long long)c->connection_max_retries);
    } else if (!w->announced_loss) {
        log_line(LOG_WARNING,
                 "consumer: Connection to broker lost (%s). Trying to "
                 "re-establish the connection...",
                 why);
        w->announced_loss = true;
    } else {
        log_line(LOG_WARNING,
                 "consumer: Cannot connect to %s: %s. Trying again in %.2f "
                 "seconds... (%u)",
                 c->broker.masked, why, retry_s, attempts);
    }
}

static void on_broker_unfit(void *ctx, const char *why)
{
    struct worker *w = ctx;
    log_line(LOG_CRITICAL, "consumer: cannot work with %s: %s",
             w->config->broker.masked, why);
    leave(w, EXIT_FAILED);
}

static void on_backend_up(void *ctx)
{
    (void)ctx;
}

static void on_backend_down(void *ctx, const char *why, double retry_s,
                            unsigned attempts)
{
    struct worker *w = ctx;
    if (w->state < WORKER_STOPPING)
        log_line(LOG_ERROR,
                 "result backend: no connection to %s: %s. Results wait; "
                 "trying again in %.2f seconds... (%u)",
                 w->config->backend.masked, why, retry_s, attempts);
}

/* ---- going down --------------------------------------------------------------- */

static void on_part_left(void *ctx)
{
    struct worker *w = ctx;
    if (--w->leaving == 0)
        uv_stop(&w->loop);
}

static void leave(struct worker *w, int exit_code)
{
    if (exit_code != EXIT_STOPPED)
        w->exit_code = exit_code;
    if (w->state == WORKER_LEAVING)
        return;
    set_state(w, WORKER_LEAVING);
    w->leaving = 1 + (w->backend != NULL) + !w->pool_stopped;
    if (!w->pool_stopped) {
        pool_kill(w->pool);
        pool_stop(w->pool, on_part_left, w);
    }
    w->broker->ops->stop(w->broker, on_part_left, w);
    if (w->backend)
        w->backend->ops->stop(w->backend, on_part_left, w);
}

static size_t unfinished(const struct worker *w)
{
    size_t n = 0;
    for (unsigned s = 0; s < RQ_STATES; s++)
        n += w->counts[s];
    return n;
}

/* Warm: everything not started goes back at once, the oldest first in its queue. */
static void give_back_unstarted(struct worker *w)
{
    /* One that is CHECKING becomes READY once the backend has answered. */
    static const enum request_state states[] = {RQ_RECEIVED, RQ_READY, RQ_WAITING,
                                                RQ_PARKED};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct list *l = &w->requests[states[i]];
        while (!list_empty(l)) {
            struct request *rq = list_entry(l->prev, struct request, link);
            if (rq->state == RQ_WAITING || rq->state == RQ_PARKED)
                schedule_remove(&w->schedule, rq);
            outcome_put_back(rq, rq->state == RQ_PARKED ? BROKER_BACK : BROKER_FRONT,
                             rq->state != RQ_PARKED);
        }
    }
}

static void check_left(struct worker *w)
{
    if (w->state != WORKER_STOPPING)
        return;
    give_back_unstarted(w);
    if (w->quiesced && w->pool_stopped && unfinished(w) == 0)
        leave(w, EXIT_STOPPED);
}

static void on_patience(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    log_line(LOG_WARNING,
             "%zu message(s) could not be settled before stopping; they "
             "will be restored by other workers",
             unfinished(w));
    leave(w, EXIT_STOPPED);
}

static void begin_patience(struct worker *w)
{
    if (w->quiesced && w->pool_stopped)
        uv_timer_start(&w->patience, on_patience, PATIENCE_MS, 0);
}

static void on_quiesced(void *ctx)
{
    struct worker *w = ctx;
    w->quiesced = true;
    begin_patience(w);
}

static void on_pool_stopped(void *ctx)
{
    struct worker *w = ctx;
    w->pool_stopped = true;
    begin_patience(w);
}

static void stop_warm(struct worker *w)
{
    if (w->state >= WORKER_STOPPING)
        return;
    bool was_up = w->state == WORKER_RUNNING;
    printf("\nworker: Warm shutdown (MainProcess)\n");
    fflush(stdout);
    set_state(w, WORKER_STOPPING);
    if (!was_up) { /* nothing was taken yet */
        leave(w, w->exit_code);
        return;
    }
    w->broker->ops->quiesce(w->broker, on_quiesced, w);
    pool_stop(w->pool, on_pool_stopped, w);
}

static void stop_cold(struct worker *w)
{
    stop_warm(w);
    if (w->cold)
        return;
    w->cold = true;
    printf("worker: Cold shutdown (MainProcess)\n");
    fflush(stdout);
    pool_kill(w->pool);
}

static void on_term(uv_signal_t *handle, int signum)
{
    (void)signum;
    stop_warm(handle->data);
}

static void on_interrupt(uv_signal_t *handle, int signum)
{
    struct worker *w = handle->data;
    (void)signum;
    w->exit_code = EXIT_FAILED; /* Celery's, for any stop by INT */
    switch (++w->interrupts) {
    case 1:
        printf(
            "\nworker: Hitting Ctrl+C again will initiate cold shutdown, terminating "
            "all running tasks!\n");
        stop_warm(w);
        return;
    case 2:
        stop_cold(w);
        return;
    default:
        leave(w, EXIT_FAILED);
    }
}

/* Celery restarts on HUP, dumps stacks on USR1 and debugs on USR2. */
static void on_unsupported(uv_signal_t *handle, int signum)
{
    (void)handle;
    log_line(LOG_WARNING, "SIG%s does nothing here: stop with TERM, start anew",
             sigabbrev_np(signum));
}

static void on_quit(uv_signal_t *handle, int signum)
{
    (void)signum;
    stop_cold(handle->data);
}

/* ---- life --------------------------------------------------------------------- */

static const struct pool_events pool_events = {
    .ready = on_pool_ready,
    .broken = on_pool_broken,
    .room = on_pool_room,
    .started = outcome_started,
    .state = outcome_state,
    .refused = outcome_refused,
    .done = outcome_done,
    .lost = outcome_lost,
    .returned = on_returned,
};
static const struct broker_events broker_events = {
    .taken = intake_taken,
    .settled = outcome_settled,
    .lost = outcome_lease_lost,
    .up = on_broker_up,
    .down = on_broker_down,
    .unfit = on_broker_unfit,
};
static const struct backend_events backend_events = {
    .up = on_backend_up,
    .down = on_backend_down,
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

static void init_signal(struct worker *w, uv_signal_t *handle, uv_signal_cb cb,
                        int signum)
{
    uv_signal_init(&w->loop, handle);
    handle->data = w;
    uv_signal_start(handle, cb, signum);
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
    uv_timer_init(&w->loop, &w->patience);
    uv_prepare_init(&w->loop, &w->turn);
    w->due.data = w->patience.data = w->turn.data = w;
    w->unknown = unknown_create();
    w->pool = pool_create(&w->loop, c, plugins, &pool_events, w);
    if (!w->unknown || !w->pool)
        return error_set(e, ENOMEM, "out of memory");
    w->broker = redis_broker_create(&w->loop, c, &broker_events, w, e);
    if (w->broker && c->has_backend)
        w->backend = redis_backend_create(&w->loop, c, &backend_events, w, e);
    return w->broker && (w->backend || !c->has_backend) ? 0 : -e->code;
}

static void start(struct worker *w)
{
    log_init(&w->loop, (enum log_level)w->config->log_level);
    signal(SIGPIPE, SIG_IGN);
    init_signal(w, &w->term, on_term, SIGTERM);
    init_signal(w, &w->interrupt, on_interrupt, SIGINT);
    init_signal(w, &w->quit, on_quit, SIGQUIT);
    init_signal(w, &w->hangup, on_unsupported, SIGHUP);
    init_signal(w, &w->user1, on_unsupported, SIGUSR1);
    init_signal(w, &w->user2, on_unsupported, SIGUSR2);
    /* Prepare handles run in the reverse order of their start: the turn decides, then
     * broker and backend send what it decided, then the log is written. */
    w->broker->ops->start(w->broker);
    if (w->backend)
        w->backend->ops->start(w->backend);
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
    log_finish();
    uv_walk(&w->loop, close_handle, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_loop_close(&w->loop);
    for (unsigned s = 0; s < RQ_STATES; s++)
        while (!list_empty(&w->requests[s]))
            request_destroy(list_entry(w->requests[s].next, struct request, link));
    if (w->backend)
        w->backend->ops->destroy(w->backend);
    if (w->broker)
        w->broker->ops->destroy(w->broker);
    pool_destroy(w->pool);
    schedule_finish(&w->schedule);
    unknown_destroy(w->unknown);
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
        fprintf(stderr, "petiole worker: %s\n", e.msg);
        wr_finish(&plugins);
        return EXIT_FAILED;
    }
    start(&w);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    finish(&w);
    wr_finish(&plugins);
    return w.exit_code;
}
