/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a worker, and what moves it from one to the next. */
#include "life.h"

#include "request/conclude.h"
#include "request/giveback.h"

#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static void set_state(struct worker *w, enum worker_state to)
{
    w->state = to;
}

/* What Celery prints on standard output while it stops. */
static void say(const char *line)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "%s\n", line);
    log_print((struct str){text, (size_t)n});
}

/* ---- coming up ---------------------------------------------------------------- */

void life_check_ready(struct worker *w)
{
    if (w->state != WORKER_STARTING || !w->pool_ready || !w->broker_up)
        return;
    set_state(w, WORKER_RUNNING);
    log_line(LOG_INFO, "Connected to %s", w->broker->ops->where(w->broker));
    log_line(LOG_INFO, "%s ready.", w->config->hostname);
}

/* ---- leaving: connections close ----------------------------------------------- */

static void on_part_left(void *ctx)
{
    struct worker *w = ctx;
    if (--w->leaving == 0)
        uv_stop(&w->loop);
}

void life_leave(struct worker *w, int exit_code)
{
    if (exit_code != EXIT_STOPPED)
        w->exit_code = exit_code;
    if (w->state == WORKER_LEAVING)
        return;
    set_state(w, WORKER_LEAVING);
    events_offline(&w->events); /* before the bus goes */
    w->leaving = 1 + (w->backend != NULL) + (w->bus != NULL) + !w->pool_stopped;
    if (!w->pool_stopped) {
        w->pool_stopping = true;
        pool_kill(w->pool);
        pool_stop(w->pool, on_part_left, w);
    }
    w->broker->ops->stop(w->broker, on_part_left, w);
    if (w->backend)
        w->backend->ops->stop(w->backend, on_part_left, w);
    if (w->bus)
        w->bus->ops->stop(w->bus, on_part_left, w);
}

static size_t unfinished(const struct worker *w)
{
    size_t n = 0;
    for (unsigned s = 0; s < RQ_STATES; s++)
        n += w->counts[s];
    return n;
}

static void on_patience(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    log_line(LOG_WARNING,
             "%zu message(s) could not be settled before stopping; they "
             "will be restored by other workers",
             unfinished(w));
    life_leave(w, EXIT_STOPPED);
}

/* From the moment on that nothing runs, and something is not settled. */
static void keep_patience(struct worker *w)
{
    size_t running = w->counts[RQ_GIVEN] + w->counts[RQ_RUNNING];
    bool waits = w->quiesced && running == 0 && unfinished(w) > 0;
    bool began = uv_is_active((uv_handle_t *)&w->patience);
    if (waits && !began)
        uv_timer_start(&w->patience, on_patience, PATIENCE_MS, 0);
    else if (!waits)
        uv_timer_stop(&w->patience);
}

static void on_quiesced(void *ctx)
{
    struct worker *w = ctx;
    w->quiesced = true;
}

static void on_pool_stopped(void *ctx)
{
    struct worker *w = ctx;
    w->pool_stopped = true;
}

static void stop_pool(struct worker *w)
{
    if (w->pool_stopping)
        return;
    w->pool_stopping = true;
    pool_stop(w->pool, on_pool_stopped, w);
}

/* A task that ends may still be a part of a chord which only a child can join. */
static void stop_idle_pool(struct worker *w)
{
    if (!w->pool_stopping && !conclude_may_be_needed(w))
        stop_pool(w);
}

void life_check_left(struct worker *w)
{
    if (w->state < WORKER_STOPPING || w->state == WORKER_LEAVING)
        return;
    stop_idle_pool(w);
    giveback_unstarted(w);
    keep_patience(w);
    if (!w->quiesced || !w->pool_stopped || unfinished(w) > 0)
        return;
    if (w->state == WORKER_SOFT)
        say("worker: Cold shutdown (MainProcess)"); /* Celery's end of it, too */
    life_leave(w, EXIT_STOPPED);
}

/* ---- stopping ----------------------------------------------------------------- */

/* Nothing more is taken and no child gets more; `to` says how long what runs may run.
 * False: nothing was taken yet, and the worker leaves. */
static bool begin_stop(struct worker *w, enum worker_state to)
{
    bool was_up = w->state == WORKER_RUNNING, began = w->state < WORKER_STOPPING;
    set_state(w, to);
    if (began && !w->restart)
        presence_notify("STOPPING=1");
    if (began && !was_up) {
        life_leave(w, w->exit_code);
        return false;
    }
    if (began) {
        w->broker->ops->quiesce(w->broker, on_quiesced, w);
        stop_idle_pool(w);
    }
    if (to == WORKER_COLD)
        stop_pool(w);
    return true;
}

/* It was to start anew, and now is not. */
static void stay_stopped(struct worker *w)
{
    if (w->restart)
        presence_notify("STOPPING=1");
    w->restart = false;
}

void life_stop_warm(struct worker *w)
{
    if (w->state >= WORKER_STOPPING) {
        stay_stopped(w);
        return;
    }
    say("\nworker: Warm shutdown (MainProcess)");
    begin_stop(w, WORKER_STOPPING);
}

/* Would the new program take its settings? They are read as at start, from where the
 * worker was then. */
static int try_settings(const struct config *now, struct error *e)
{
    struct config *c = calloc(1, sizeof(*c));
    int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = c ? 0 : error_set(e, ENOMEM, "out of memory");
    if (r == 0 && now->first_folder > 0 && fchdir(now->first_folder) < 0)
        r = error_set(e, errno, "the first folder is gone: %s", strerror(errno));
    if (r == 0)
        r = config_load(c, now->argc, now->argv, e);
    if (r == 0)
        r = config_check_worker(c, e);
    if (folder >= 0 && fchdir(folder) < 0)
        r = error_set(e, errno, "the working folder is gone: %s", strerror(errno));
    if (folder >= 0)
        close(folder);
    if (c)
        config_finish(c);
    free(c);
    return r;
}

/* Type=notify-reload wants the time, so that it knows which reload was meant. */
static void notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)uv_hrtime() / 1000);
    presence_notify(state);
}

void life_restart(struct worker *w)
{
    struct error e;
    if (w->state >= WORKER_STOPPING)
        return;
    if (try_settings(w->config, &e) < 0) {
        log_line(LOG_ERROR, "SIGHUP: not restarted: %s", e.msg);
        return;
    }
    say("Restarting celery worker (petiole worker)"); /* its options may hold a URL */
    w->restart = true;
    notify_reloading();
    life_stop_warm(w);
}

static void stop_cold(struct worker *w)
{
    uv_timer_stop(&w->soft);
    say("worker: Cold shutdown (MainProcess)");
    if (!begin_stop(w, WORKER_COLD))
        return;
    w->cold = true;
    pool_kill(w->pool);
}

static void on_soft(uv_timer_t *timer)
{
    stop_cold(timer->data);
}

static bool wants_soft(const struct worker *w)
{
    return w->config->soft_shutdown_timeout_s > 0 &&
           (w->counts[RQ_GIVEN] + w->counts[RQ_RUNNING] > 0 ||
            w->config->soft_shutdown_on_idle);
}

void life_stop_cold(struct worker *w)
{
    double soft_s = w->config->soft_shutdown_timeout_s;
    if (w->state == WORKER_SOFT) {
        say("Waiting gracefully for cold shutdown to complete...");
        stop_cold(w);
    } else if (w->state >= WORKER_COLD) {
        life_leave(w, EXIT_FAILED);
    } else {
        say("worker: Hitting Ctrl+C again will terminate all running tasks!");
        if (!wants_soft(w)) {
            stop_cold(w);
            return;
        }
        log_line(LOG_WARNING, "Initiating Soft Shutdown, terminating in %.10g seconds",
                 soft_s);
        if (begin_stop(w, WORKER_SOFT))
            uv_timer_start(&w->soft, on_soft, (uint64_t)(soft_s * 1000 + 0.999), 0);
    }
}
