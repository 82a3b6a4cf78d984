/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A handler's own children may hold the socket open after the child has died. */
#define READ_ON_MS 250

static void on_handle_closed(uv_handle_t *handle)
{
    struct slot *s = handle->data;
    if (--s->open_handles == 0)
        s->events->gone(s->ctx, s, s->was_ready);
}

static void describe_end(const struct slot *s)
{
    if (s->told_to_go && s->ngiven == 0)
        return;
    if (s->exit_signal)
        log_line(LOG_ERROR, "Process '%s' pid:%d exited with 'signal %d (SIG%s)'",
                 s->name, s->process.pid, s->exit_signal, sigabbrev_np(s->exit_signal));
    else if (s->exit_code != 0 || s->ngiven > 0)
        log_line(LOG_ERROR, "Process '%s' pid:%d exited with 'exitcode %lld'", s->name,
                 s->process.pid, (long long)s->exit_code);
}

void slot_end_run(struct slot *s)
{
    s->running = NULL;
    if (!s->reaped && !slot_is_ending(s))
        uv_timer_stop(&s->timer);
    slot_resume(s);
}

struct request *slot_take(struct slot *s, struct request *rq)
{
    if (s->running == rq)
        slot_end_run(s);
    if (s->following == rq) {
        s->following = NULL;
        slot_resume(s);
    }
    s->ngiven--;
    rq->child = NULL;
    return rq;
}

static enum pool_end end_of(const struct slot *s, const struct request *running)
{
    if (s->end != POOL_END_UNKNOWN)
        return s->end;
    if (!s->was_ready)
        return POOL_END_NOT_READY;
    if (running && running->terminate_signal)
        return POOL_END_TERMINATED;
    if (running && running->killed_by_limit)
        return POOL_END_TIME_LIMIT;
    return s->exit_signal ? POOL_END_SIGNAL : POOL_END_EXIT;
}

/* Reaped and read to the end: now it is known what was finished. */
void slot_check_gone(struct slot *s)
{
    if (!s->reaped || !s->read_to_end || s->state == SLOT_GONE)
        return;
    s->state = SLOT_GONE;
    describe_end(s);
    struct request *running = s->running ? slot_take(s, s->running) : NULL;
    s->end = end_of(s, running);
    if (s->following)
        s->events->unfollowed(s->ctx, slot_take(s, s->following));
    while (!list_empty(&s->given)) { /* the newest first, each to the front */
        struct request *rq = list_entry(s->given.prev, struct request, link);
        s->events->returned(s->ctx, slot_take(s, rq));
    }
    if (running)
        s->events->lost(s->ctx, running,
                        running->terminate_signal  ? POOL_LOST_TERMINATED
                        : running->killed_by_limit ? POOL_LOST_TIME_LIMIT
                        : s->exit_signal           ? POOL_LOST_SIGNAL
                                                   : POOL_LOST_EXIT,
                        s->exit_signal ? s->exit_signal : (int)s->exit_code);
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
    uv_close((uv_handle_t *)&s->process, on_handle_closed);
    printed_close(&s->printed, s, on_handle_closed);
}

static uint64_t read_on_ms(const struct slot *s)
{
    double wait_ms = s->config->lost_wait_s * 1000;
    return wait_ms < READ_ON_MS ? (uint64_t)wait_ms : READ_ON_MS;
}

static void on_reaped(uv_process_t *process, int64_t exit_code, int exit_signal)
{
    struct slot *s = process->data;
    s->reaped = true;
    s->exit_code = exit_code;
    s->exit_signal = exit_signal;
    kill(-process->pid, SIGKILL); /* whatever its handlers started */
    slot_resume(s);               /* what it said last is little, and bounded */
    if (!s->read_to_end)
        slot_wake_after(s, read_on_ms(s));
    slot_check_gone(s);
}

void slot_stop(struct slot *s)
{
    if (s->state == SLOT_STARTING)
        slot_kill(s);
    if (s->state != SLOT_SERVING)
        return;
    s->state = SLOT_STOPPING;
    frame_put_stop(&s->out);
    slot_flush(s);
}

void slot_kill(struct slot *s)
{
    if (s->state == SLOT_GONE || s->reaped)
        return;
    s->told_to_go |= s->ngiven == 0;
    s->killed = true;
    s->state = SLOT_STOPPING;
    if (s->killed_ms == 0)
        s->killed_ms = uv_now(s->loop);
    kill(-s->process.pid, SIGKILL);
    uv_process_kill(&s->process, SIGKILL);
}

static int spawn(struct slot *s)
{
    char parent[16];
    char *argv[] = {(char *)(uintptr_t) "petiole", (char *)(uintptr_t) "child",
                    (char *)(uintptr_t) "3", parent, NULL};
    int printed = s->printed.child_fd;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = printed < 0 ? STDOUT_FILENO : printed},
        {.flags = UV_INHERIT_FD, .data.fd = printed < 0 ? STDERR_FILENO : printed},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&s->pipe},
    };
    const uv_process_options_t options = {
        .exit_cb = on_reaped,
        .file = "/proc/self/exe",
        .args = argv,
        .flags = UV_PROCESS_DETACHED, /* leads a group, which is killed as a whole */
        .stdio_count = 4,
        .stdio = stdio,
    };
    snprintf(parent, sizeof(parent), "%d", getpid());
    int r = uv_spawn(s->loop, &s->process, &options);
    printed_start(&s->printed);
    return r;
}

static void on_stillborn_closed(uv_handle_t *handle)
{
    struct slot *s = handle->data;
    if (--s->open_handles == 0)
        slot_destroy(s);
}

struct slot *slot_create(uv_loop_t *loop, const struct config *config,
                         struct str plugins, uint32_t index,
                         const struct slot_events *events, void *ctx, struct error *e)
{
    struct slot *s = calloc(1, sizeof(*s));
    if (!s) {
        error_set(e, ENOMEM, "cannot start a child: out of memory");
        return NULL;
    }
    size_t frame_max = frame_max_bytes((uint64_t)config->message_max_bytes);
    *s = (struct slot){.loop = loop,
                       .config = config,
                       .events = events,
                       .ctx = ctx,
                       .index = index,
                       .open_handles = 4};
    list_init(&s->link);
    list_init(&s->given);
    list_init(&s->sending);
    snprintf(s->name, sizeof(s->name), "ForkPoolWorker-%u", index);
    frame_reader_init(&s->reader, frame_max);
    wr_init(&s->out, frame_max + SLOT_QUEUE_DEPTH * (SLOT_LARGE_BYTES + 1024));
    uv_timer_init(loop, &s->timer);
    uv_pipe_init(loop, &s->pipe, 0);
    s->timer.data = s->pipe.data = s->process.data = s;
    printed_open(&s->printed, loop, s->name,
                 (enum log_level)config->redirect_stdouts_level,
                 config->redirect_stdouts);
    int r = spawn(s);
    if (r < 0) {
        error_set(e, -r, "cannot start a child: %s", uv_strerror(r));
        uv_close((uv_handle_t *)&s->timer, on_stillborn_closed);
        uv_close((uv_handle_t *)&s->pipe, on_stillborn_closed);
        uv_close((uv_handle_t *)&s->process, on_stillborn_closed);
        printed_close(&s->printed, s, on_stillborn_closed);
        return NULL;
    }
    slot_listen(s);
    if (config->proc_alive_timeout_s > 0)
        slot_wake_after(s, (uint64_t)(config->proc_alive_timeout_s * 1000));
    slot_say_hello(s, plugins);
    return s;
}

void slot_destroy(struct slot *s)
{
    frame_reader_finish(&s->reader);
    wr_finish(&s->out);
    free(s);
}
