/* SPDX-License-Identifier: Apache-2.0 */
#include "slot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Frames may wait in a child only while tasks are so short that waiting is cheaper
 * than a round trip; anything longer is given one at a time. */
#define QUEUE_DEPTH 64
#define QUEUE_BELOW_S 0.001
#define RECENT_WEIGHT 0.2
#define LARGE_BYTES (32u << 10) /* beyond it a message is sent from where it stands */
/* A handler's own children may hold the socket open after the child has died. */
#define READ_ON_MS 250

static void check_gone(struct slot *s);

static void set_state(struct slot *s, enum slot_state to)
{
    s->state = to;
}

/* ---- time limits -------------------------------------------------------------- */

static void on_limit(uv_timer_t *timer);

static void arm_limit(struct slot *s)
{
    const struct request *rq = s->running;
    double limit_s =
        !s->soft_sent && rq->soft_limit_s > 0 ? rq->soft_limit_s : rq->hard_limit_s;
    if (limit_s <= 0 || s->reaped) /* then the timer is for reading on */
        return;
    uint64_t due = s->started_ms + (uint64_t)(limit_s * 1000 + 0.999);
    uint64_t now = uv_now(s->loop);
    uv_timer_start(&s->limit, on_limit, due > now ? due - now : 0, 0);
}

/* Seconds as Celery prints them: 1, 1.5. */
static const char *seconds(double s, char out[32])
{
    snprintf(out, 32, "%.10g", s);
    return out;
}

static void on_limit(uv_timer_t *timer)
{
    struct slot *s = timer->data;
    struct request *rq = s->running;
    char text[32];
    if (!rq || s->reaped)
        return;
    if (!s->soft_sent && rq->soft_limit_s > 0) {
        s->soft_sent = true;
        log_line(LOG_WARNING, "Soft time limit (%ss) exceeded for %s[%s]",
                 seconds(rq->soft_limit_s, text), rq->name.p, rq->id.p);
        uv_process_kill(&s->process, SIGUSR1);
        if (rq->hard_limit_s > 0)
            arm_limit(s);
        return;
    }
    log_line(LOG_ERROR, "Hard time limit (%ss) exceeded for %s[%s]",
             seconds(rq->hard_limit_s, text), rq->name.p, rq->id.p);
    rq->killed_by_limit = true;
    slot_kill(s);
}

/* ---- frames from the child ---------------------------------------------------- */

static struct request *find_given(struct slot *s, uint64_t job)
{
    for (struct list *l = s->given.next; l != &s->given; l = l->next) {
        struct request *rq = list_entry(l, struct request, link);
        if (rq->job == job)
            return rq;
    }
    return NULL;
}

/* Part of its message has not been sent yet, and must stay where it is. */
static bool is_being_sent(const struct slot *s, uint64_t job);

static struct request *take(struct slot *s, struct request *rq)
{
    if (s->running == rq) {
        s->running = NULL;
        if (!s->reaped)
            uv_timer_stop(&s->limit);
    }
    s->ngiven--;
    rq->child = NULL;
    return rq;
}

static void note_runtime(struct slot *s, double runtime_s)
{
    s->recent_s = s->has_recent
                      ? s->recent_s + RECENT_WEIGHT * (runtime_s - s->recent_s)
                      : runtime_s;
    s->has_recent = true;
}

static bool take_ready(struct slot *s, struct rd body)
{
    struct frame_ready f;
    if (s->state != SLOT_STARTING || !frame_get_ready(body, &f))
        return false;
    s->was_ready = true;
    set_state(s, SLOT_SERVING);
    if (!s->events->ready(s->ctx, s, &f)) {
        s->was_ready = false; /* so that its successor waits a while */
        slot_kill(s);
    }
    return true;
}

static bool take_broken(struct slot *s, struct rd body)
{
    struct str why;
    char line[1024];
    if (!frame_get_broken(body, &why))
        return false;
    snprintf(line, sizeof(line), "%.*s", (int)why.n, why.p);
    s->events->broken(s->ctx, s, line);
    return true;
}

static bool take_started(struct slot *s, struct rd body)
{
    struct frame_started f;
    struct request *rq = frame_get_started(body, &f) ? find_given(s, f.job) : NULL;
    if (!rq || s->running || is_being_sent(s, f.job))
        return false;
    s->running = rq;
    s->soft_sent = false;
    s->started_ms = uv_now(s->loop);
    s->events->started(s->ctx, rq, f.meta, (uint32_t)s->process.pid);
    arm_limit(s);
    return true;
}

static bool take_state(struct slot *s, struct rd body)
{
    struct frame_state f;
    if (!frame_get_state(body, &f) || !s->running || s->running->job != f.job)
        return false;
    s->events->state(s->ctx, s->running, f.meta);
    return true;
}

static bool take_log(struct slot *s, struct rd body)
{
    struct frame_log f;
    struct request *rq = s->running;
    if (!frame_get_log(body, &f) || !rq || rq->job != f.job)
        return false;
    log_line_as(s->name, (enum log_level)f.level, "%s[%s]: %.*s", rq->name.p, rq->id.p,
                (int)f.text.n, f.text.p);
    return true;
}

static bool take_refused(struct slot *s, struct rd body)
{
    struct frame_refused f;
    struct request *rq = frame_get_refused(body, &f) ? find_given(s, f.job) : NULL;
    if (!rq || rq == s->running || is_being_sent(s, f.job))
        return false;
    s->events->refused(s->ctx, take(s, rq), &f);
    return true;
}

static bool take_done(struct slot *s, struct rd body)
{
    struct frame_done f;
    if (!frame_get_done(body, &f) || !s->running || s->running->job != f.job)
        return false;
    struct request *rq = take(s, s->running);
    note_runtime(s, f.runtime_s);
    s->tasks++;
    s->events->done(s->ctx, rq, &f, s->name);
    if (s->config->max_tasks_per_child > 0 &&
        s->tasks >= (uint64_t)s->config->max_tasks_per_child)
        slot_stop(s);
    return true;
}

static bool take_frame(struct slot *s, const struct frame *f)
{
    switch (f->type) {
    case FRAME_READY:
        return take_ready(s, f->body);
    case FRAME_BROKEN:
        return take_broken(s, f->body);
    case FRAME_STARTED:
        return take_started(s, f->body);
    case FRAME_STATE:
        return take_state(s, f->body);
    case FRAME_LOG:
        return take_log(s, f->body);
    case FRAME_REFUSED:
        return take_refused(s, f->body);
    case FRAME_DONE:
        return take_done(s, f->body);
    default:
        return false;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[64u << 10]; /* consumed before the next read */
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct slot *s = stream->data;
    struct frame f;
    int more = 0;
    if (n < 0) {
        s->read_to_end = true;
        uv_read_stop(stream);
        if (!s->reaped)
            slot_kill(s); /* it closed its socket: no outcome can come any more */
        check_gone(s);
        return;
    }
    bool ok = frame_reader_feed(&s->reader, (struct str){buf->base, n});
    while (ok && s->state != SLOT_GONE &&
           (more = frame_reader_next(&s->reader, &f)) > 0)
        ok = take_frame(s, &f);
    if (!ok || more < 0) {
        log_line(LOG_ERROR, "%s pid:%d sent a frame that makes no sense: killed",
                 s->name, s->process.pid);
        uv_read_stop(stream);
        s->read_to_end = true;
        slot_kill(s);
    }
}

/* ---- frames to the child ------------------------------------------------------ */

struct slot_write {
    uv_write_t req;
    struct list link; /* on slot->sending */
    uint64_t job;     /* whose bytes the tail is */
    bool has_tail;
    char *head; /* owned */
};

static bool is_being_sent(const struct slot *s, uint64_t job)
{
    for (struct list *l = s->sending.next; l != &s->sending; l = l->next) {
        const struct slot_write *w = list_entry(l, struct slot_write, link);
        if (w->has_tail && w->job == job)
            return true;
    }
    return false;
}

static void on_written(uv_write_t *req, int status)
{
    struct slot_write *w = req->data;
    (void)status; /* a broken socket is read as its end */
    list_remove(&w->link);
    free(w->head);
    free(w);
}

/* Sends head (a copy is taken over) and, from where it stands, tail: the job's message.
 */
static void send_bytes(struct slot *s, struct str head, struct str tail, uint64_t job)
{
    struct slot_write *w = malloc(sizeof(*w));
    char *copy = malloc(head.n);
    if (!w || !copy) {
        free(w);
        free(copy);
        slot_kill(s); /* what it was given comes back */
        return;
    }
    memcpy(copy, head.p, head.n);
    *w = (struct slot_write){.head = copy, .job = job, .has_tail = tail.n > 0};
    w->req.data = w;
    list_push(&s->sending, &w->link);
    uv_buf_t bufs[] = {uv_buf_init(copy, (unsigned)head.n),
                       uv_buf_init((char *)(uintptr_t)tail.p, (unsigned)tail.n)};
    if (uv_write(&w->req, (uv_stream_t *)&s->pipe, bufs, tail.n ? 2 : 1, on_written) <
        0)
        on_written(&w->req, -1);
}

void slot_flush(struct slot *s)
{
    if (s->out.len == 0 || s->state == SLOT_GONE)
        return;
    uv_buf_t buf = uv_buf_init(s->out.p, (unsigned)s->out.len);
    /* Usually the socket takes it all, and nothing needs to be kept. */
    int n = uv_try_write((uv_stream_t *)&s->pipe, &buf, 1);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent < s->out.len)
        send_bytes(s, (struct str){s->out.p + sent, s->out.len - sent}, (struct str){0},
                   0);
    wr_reset(&s->out);
}

size_t slot_room(const struct slot *s)
{
    if (s->state != SLOT_SERVING)
        return 0;
    size_t depth = s->has_recent && s->recent_s < QUEUE_BELOW_S ? QUEUE_DEPTH : 1;
    if (s->config->max_tasks_per_child > 0) {
        uint64_t left = (uint64_t)s->config->max_tasks_per_child - s->tasks;
        depth = left < depth ? left : depth;
    }
    return depth > s->ngiven ? depth - s->ngiven : 0;
}

void slot_give(struct slot *s, struct request *rq)
{
    const struct frame_task f = {.job = rq->job,
                                 .queue = rq->queue,
                                 .redelivered = rq->redelivered,
                                 .envelope = rq->raw};
    request_move(rq, RQ_GIVEN);
    rq->child = (struct child *)s;
    list_remove(&rq->link);
    list_push(&s->given, &rq->link);
    s->ngiven++;
    frame_put_task_head(&s->out, &f);
    if (rq->raw.n <= LARGE_BYTES) {
        wr_put(&s->out, rq->raw);
    } else {
        struct wr head = s->out;
        send_bytes(s, wr_str(&head), rq->raw, rq->job);
        wr_reset(&s->out);
    }
    if (s->out.bad)
        slot_kill(s);
}

static void send_hello(struct slot *s, struct str plugins)
{
    const struct config *c = s->config;
    char accept[256];
    size_t n = strlen(c->accept_content) < sizeof(accept) - 1
                   ? strlen(c->accept_content)
                   : sizeof(accept) - 2;
    memcpy(accept, c->accept_content, n);
    accept[n++] = '\0';
    for (size_t i = 0; i < n; i++)
        if (accept[i] == ',')
            accept[i] = '\0';
    const struct frame_hello f = {
        .hostname = str_of(c->hostname),
        .plugins = plugins,
        .settings = str_of(c->plugin_settings ? c->plugin_settings : "{}"),
        .accept_content = {accept, n},
        .message_max_bytes = (uint64_t)c->message_max_bytes,
        .index = s->index,
        .log_level = (uint32_t)c->log_level,
        .soft_limit_s = c->soft_time_limit_s,
        .hard_limit_s = c->time_limit_s,
        .result_extended = c->result_extended,
        .track_started = c->track_started,
    };
    frame_put_hello(&s->out, &f);
    slot_flush(s);
}

/* ---- life --------------------------------------------------------------------- */

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

/* Reaped and read to the end: now it is known what was finished. */
static void check_gone(struct slot *s)
{
    if (!s->reaped || !s->read_to_end || s->state == SLOT_GONE)
        return;
    set_state(s, SLOT_GONE);
    describe_end(s);
    struct request *running = s->running ? take(s, s->running) : NULL;
    while (!list_empty(&s->given)) { /* the newest first, each to the front */
        struct request *rq = list_entry(s->given.prev, struct request, link);
        s->events->returned(s->ctx, take(s, rq));
    }
    if (running)
        s->events->lost(s->ctx, running,
                        running->killed_by_limit ? POOL_LOST_TIME_LIMIT
                        : s->exit_signal         ? POOL_LOST_SIGNAL
                                                 : POOL_LOST_EXIT,
                        s->exit_signal ? s->exit_signal : (int)s->exit_code);
    uv_close((uv_handle_t *)&s->limit, on_handle_closed);
    uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
    uv_close((uv_handle_t *)&s->process, on_handle_closed);
}

static void on_read_on(uv_timer_t *timer)
{
    struct slot *s = timer->data;
    s->read_to_end = true;
    check_gone(s);
}

static void on_reaped(uv_process_t *process, int64_t exit_code, int exit_signal)
{
    struct slot *s = process->data;
    s->reaped = true;
    s->exit_code = exit_code;
    s->exit_signal = exit_signal;
    kill(-process->pid, SIGKILL); /* whatever its handlers started */
    if (!s->read_to_end)
        uv_timer_start(&s->limit, on_read_on, READ_ON_MS, 0);
    check_gone(s);
}

void slot_stop(struct slot *s)
{
    if (s->state == SLOT_STARTING)
        slot_kill(s);
    if (s->state != SLOT_SERVING)
        return;
    set_state(s, SLOT_STOPPING);
    frame_put_stop(&s->out);
    slot_flush(s);
}

void slot_kill(struct slot *s)
{
    if (s->state == SLOT_GONE || s->reaped)
        return;
    s->told_to_go |= s->ngiven == 0;
    set_state(s, SLOT_STOPPING);
    kill(-s->process.pid, SIGKILL);
    uv_process_kill(&s->process, SIGKILL);
}

static int spawn(struct slot *s)
{
    char parent[16];
    char *argv[] = {(char *)(uintptr_t) "petiole", (char *)(uintptr_t) "child",
                    (char *)(uintptr_t) "3", parent, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
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
    return uv_spawn(s->loop, &s->process, &options);
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
                       .open_handles = 3};
    list_init(&s->link);
    list_init(&s->given);
    list_init(&s->sending);
    snprintf(s->name, sizeof(s->name), "ForkPoolWorker-%u", index);
    frame_reader_init(&s->reader, frame_max);
    wr_init(&s->out, frame_max + QUEUE_DEPTH * (LARGE_BYTES + 1024));
    uv_timer_init(loop, &s->limit);
    uv_pipe_init(loop, &s->pipe, 0);
    s->limit.data = s->pipe.data = s->process.data = s;
    int r = spawn(s);
    if (r < 0) {
        error_set(e, -r, "cannot start a child: %s", uv_strerror(r));
        uv_close((uv_handle_t *)&s->limit, on_stillborn_closed);
        uv_close((uv_handle_t *)&s->pipe, on_stillborn_closed);
        uv_close((uv_handle_t *)&s->process, on_stillborn_closed);
        return NULL;
    }
    uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
    send_hello(s, plugins);
    return s;
}

void slot_destroy(struct slot *s)
{
    frame_reader_finish(&s->reader);
    wr_finish(&s->out);
    free(s);
}
