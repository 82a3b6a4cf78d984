/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

#include <stdio.h>

#define RECENT_WEIGHT 0.2

static struct request *find_given(struct slot *s, uint64_t job)
{
    for (struct list *l = s->given.next; l != &s->given; l = l->next) {
        struct request *rq = list_entry(l, struct request, link);
        if (rq->job == job)
            return rq;
    }
    return NULL;
}

static void note_runtime(struct slot *s, double runtime_s)
{
    s->recent_s = s->has_recent
                      ? s->recent_s + RECENT_WEIGHT * (runtime_s - s->recent_s)
                      : runtime_s;
    s->has_recent = true;
}

/* After so many tasks, or with so much memory, a child makes room for a new one. */
static enum pool_end worn_out(const struct slot *s, uint64_t memory_bytes)
{
    const struct config *c = s->config;
    int64_t kib = (int64_t)(memory_bytes / 1024);
    if (c->max_memory_per_child_kib > 0 && kib > c->max_memory_per_child_kib) {
        log_line_as(s->name, LOG_WARNING,
                    "child process exiting after exceeding memory limit (%lldKiB / "
                    "%lldKiB)",
                    (long long)kib, (long long)c->max_memory_per_child_kib);
        return POOL_END_MEMORY;
    }
    return c->max_tasks_per_child > 0 && s->tasks >= (uint64_t)c->max_tasks_per_child
               ? POOL_END_TASKS
               : POOL_END_UNKNOWN;
}

static bool take_ready(struct slot *s, struct rd body)
{
    struct frame_ready f;
    if (s->state != SLOT_STARTING || !frame_get_ready(body, &f))
        return false;
    s->was_ready = true;
    uv_timer_stop(&s->timer);
    s->state = SLOT_SERVING;
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
    if (!rq || s->running || s->following || slot_is_sending(s, f.job))
        return false;
    s->running = rq;
    s->soft_sent = false;
    s->started_ms = uv_now(s->loop);
    s->events->started(s->ctx, rq, &f, (uint32_t)s->process.pid);
    slot_arm_limit(s);
    return true;
}

static bool runs(const struct slot *s, uint64_t job)
{
    return s->running && s->running->job == job;
}

static bool take_state(struct slot *s, struct rd body)
{
    struct frame_state f;
    if (!frame_get_state(body, &f) || !runs(s, f.job) || s->running->mode != TASK_RUN)
        return false;
    s->events->state(s->ctx, s->running, f.meta);
    return true;
}

static void pause_reading(struct slot *s)
{
    if (s->paused || s->reaped)
        return;
    s->paused = true;
    uv_read_stop((uv_stream_t *)&s->pipe);
}

/* The last one sets the child free, and with it the request. */
static void take_follow_up(struct slot *s, const struct frame_effect *f)
{
    struct request *rq = s->following;
    bool last = --s->effects_left == 0;
    if (last)
        slot_take(s, rq);
    if (!s->events->effect(s->ctx, rq, f) && !last)
        pause_reading(s);
}

static bool take_effect(struct slot *s, struct rd body)
{
    struct frame_effect f;
    if (!frame_get_effect(body, &f))
        return false;
    if (s->following && s->following->job == f.job) {
        take_follow_up(s, &f);
        return true;
    }
    /* Without a handler there is nothing but what follows. */
    if (!runs(s, f.job) || s->running->mode != TASK_RUN)
        return false;
    if (!s->events->effect(s->ctx, s->running, &f))
        pause_reading(s);
    return true;
}

static bool take_read(struct slot *s, struct rd body)
{
    struct frame_read f;
    if (!frame_get_read(body, &f) || !runs(s, f.job))
        return false;
    s->events->read(s->ctx, s->running, &f);
    return true;
}

static bool take_log(struct slot *s, struct rd body)
{
    struct frame_log f;
    struct request *rq = s->running;
    if (!frame_get_log(body, &f) || !rq || rq->job != f.job)
        return false;
    struct log_subject about = *REQUEST_SUBJECT(rq);
    about.process = s->name;
    log_handler(&about, (enum log_level)f.level, f.text);
    return true;
}

static bool take_event(struct slot *s, struct rd body)
{
    struct frame_event f;
    if (!frame_get_event(body, &f) || !runs(s, f.job) || s->running->mode != TASK_RUN)
        return false;
    s->events->event(s->ctx, s->running, &f, (uint32_t)s->process.pid);
    return true;
}

static bool take_metric(struct slot *s, struct rd body)
{
    struct frame_metric f;
    if (!frame_get_metric(body, &f) || !runs(s, f.job) || s->running->mode != TASK_RUN)
        return false;
    s->events->metric(s->ctx, s->running, &f);
    return true;
}

static bool take_refused(struct slot *s, struct rd body)
{
    struct frame_refused f;
    struct request *rq = frame_get_refused(body, &f) ? find_given(s, f.job) : NULL;
    if (!rq || rq == s->running || s->following || slot_is_sending(s, f.job))
        return false;
    s->events->refused(s->ctx, slot_take(s, rq), &f);
    return true;
}

/* What goes back to its queue has nothing that follows. */
static bool may_have_effects(const struct slot *s, const struct frame_done *f)
{
    return f->effects == 0 || s->running->mode != TASK_RUN ||
           f->outcome != OUTCOME_REQUEUE;
}

static struct request *end_with(struct slot *s, uint32_t effects)
{
    struct request *rq = s->running;
    if (effects == 0)
        return slot_take(s, rq);
    slot_end_run(s);
    s->following = rq;
    s->effects_left = effects;
    return rq;
}

static bool take_done(struct slot *s, struct rd body)
{
    struct frame_done f;
    if (!frame_get_done(body, &f) || !runs(s, f.job) || !may_have_effects(s, &f))
        return false;
    struct request *rq = end_with(s, f.effects);
    if (rq->mode == TASK_RUN) {
        note_runtime(s, f.runtime_s);
        s->tasks++;
    }
    s->events->done(s->ctx, rq, &f, s->name);
    enum pool_end worn = worn_out(s, f.memory_bytes);
    if (worn != POOL_END_UNKNOWN && s->state == SLOT_SERVING) {
        s->end = worn;
        slot_stop(s);
    }
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
    case FRAME_EVENT:
        return take_event(s, f->body);
    case FRAME_METRIC:
        return take_metric(s, f->body);
    case FRAME_EFFECT:
        return take_effect(s, f->body);
    case FRAME_READ:
        return take_read(s, f->body);
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
        slot_check_gone(s);
        return;
    }
    bool ok = frame_reader_feed(&s->reader, (struct str){buf->base, n});
    while (ok && s->state != SLOT_GONE &&
           (more = frame_reader_next(&s->reader, &f)) > 0)
        ok = take_frame(s, &f);
    if (!ok || more < 0) {
        log_line(LOG_ERROR, "%s pid:%d sent a frame that makes no sense: killed",
                 s->name, s->process.pid);
        s->end = POOL_END_NONSENSE;
        uv_read_stop(stream);
        s->read_to_end = true;
        slot_kill(s);
    }
}

void slot_listen(struct slot *s)
{
    uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
}

void slot_resume(struct slot *s)
{
    if (!s->paused || s->state == SLOT_GONE)
        return;
    s->paused = false;
    if (!s->read_to_end)
        slot_listen(s);
}
