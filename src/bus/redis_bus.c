/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_bus.h"

#include "../log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define SILENCE_MS 30000u
#define REFRESH_MS 1200000u /* a third of the shortest time a binding lives */
#define STOP_MS 1000u
#define ARENA_FACTOR 16u /* what is read is larger than its text */
/* Redis itself leaves a subscriber that is 32 MiB behind. */
#define LARGEST_HEARD (8 * BUS_MESSAGE_MAX)

void redis_bus_complain(struct redis_bus *b, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    uint64_t now = uv_now(b->loop);
    if (b->complained_ms && now - b->complained_ms < SILENCE_MS) {
        b->left++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (b->left)
        log_line(LOG_ERROR, "remote control and events: %s (%llu such lines left out)",
                 text, (unsigned long long)b->left);
    else
        log_line(LOG_ERROR, "remote control and events: %s", text);
    b->left = 0;
    b->complained_ms = now;
}

void redis_bus_uuid(char out[UUID_TEXT])
{
    uint8_t random[16] = {0};
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        memset(random, 0, sizeof(random)); /* a tag that nobody compares */
    uuid_format(out, random);
}

/* ---- coming up ---------------------------------------------------------------- */

static void check_up(struct redis_bus *b)
{
    if (b->base.up || b->stopping || !b->writable || (b->hearing && !b->subscribed))
        return;
    b->base.up = true;
    b->events->up(b->ctx);
}

static void went_down(struct redis_bus *b, const char *why, double retry_s)
{
    b->base.up = false;
    if (!b->stopping && b->events->down)
        b->events->down(b->ctx, why, retry_s);
}

static void on_loaded(void *ctx, const char *why)
{
    struct redis_bus *b = ctx;
    if (why) {
        link_close(&b->writer.link, "%s", why);
        return;
    }
    if (b->writer.state != REDIS_READY || b->closing)
        return;
    b->writable = true;
    redis_bus_bind(b);
    if (b->reply_queue_left)
        redis_bus_unbind_reply(b);
    if (b->hearing)
        redis_follow(&b->listener);
    if (b->asker_lives && b->ask.active)
        redis_follow(&b->asker);
    check_up(b);
}

static void writer_ready(void *ctx)
{
    struct redis_bus *b = ctx;
    if (b->writer.server.read_only) {
        link_close(&b->writer.link, "the server is a read-only replica");
        return;
    }
    redis_scripts_init(&b->scripts);
    b->reply_script = (struct redis_script){.source = redis_bus_reply_source};
    struct redis_script *scripts[] = {&b->scripts.bind, &b->scripts.sweep_bindings,
                                      &b->reply_script};
    redis_load_scripts(&b->writer, scripts, sizeof(scripts) / sizeof(scripts[0]),
                       on_loaded, b);
}

static void writer_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct redis_bus *b = ctx;
    (void)attempts;
    b->writable = false;
    went_down(b, why, retry_s);
}

static const struct redis_events writer_events = {writer_ready, writer_down, NULL};

/* ---- hearing ------------------------------------------------------------------ */

/* A refusal is said, and what is allowed goes on. */
static void on_subscribed(void *ctx, const redisReply *reply)
{
    struct redis_bus *b = ctx;
    if (redis_is_error(reply))
        redis_bus_complain(b, "cannot subscribe: %.200s%s", reply->str,
                           redis_error_hint(reply->str));
    if (!reply || b->unsubscribed == 0 || --b->unsubscribed > 0)
        return;
    b->subscribed = true;
    check_up(b);
}

static void subscribe(struct redis_bus *b, const char *channel)
{
    b->unsubscribed++;
    redis_words(&b->listener, on_subscribed, b, "PSUBSCRIBE", channel, NULL);
}

static void listener_ready(void *ctx)
{
    struct redis_bus *b = ctx;
    b->unsubscribed = 0;
    if (b->hearing & BUS_CONTROL)
        subscribe(b, b->control_channel);
    if (b->hearing & (BUS_WORKER_EVENTS | BUS_ALL_EVENTS))
        subscribe(b, b->event_channel);
}

static void listener_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct redis_bus *b = ctx;
    (void)attempts;
    b->subscribed = false;
    b->unsubscribed = 0;
    if (b->writable)
        went_down(b, why, retry_s);
}

static const struct redis_events listener_events = {listener_ready, listener_down,
                                                    redis_bus_heard};

/* ---- operations --------------------------------------------------------------- */

static void on_turn(uv_prepare_t *turn)
{
    struct redis_bus *b = turn->data;
    link_flush(&b->writer.link);
}

static void on_refresh(uv_timer_t *timer)
{
    struct redis_bus *b = timer->data;
    if (b->writable && !b->stopping)
        redis_bus_bind(b);
}

static void start(struct bus *base)
{
    struct redis_bus *b = redis_bus_of(base);
    uv_prepare_start(&b->turn, on_turn);
    uv_timer_start(&b->refresh, on_refresh, REFRESH_MS, REFRESH_MS);
    redis_start(&b->writer);
}

void redis_bus_closed_one(struct redis_bus *b)
{
    if (--b->connections > 0)
        return;
    uv_timer_stop(&b->stop_timer);
    uv_timer_stop(&b->refresh);
    uv_prepare_stop(&b->turn);
    b->stopped(b->stopped_ctx);
}

static void on_connection_closed(void *ctx)
{
    redis_bus_closed_one(ctx);
}

static void close_all(struct redis_bus *b)
{
    if (b->closing)
        return;
    b->closing = true;
    b->connections = 2 + b->asker_lives;
    if (b->asker_lives) /* it may be closing already */
        redis_stop(&b->asker, redis_bus_asker_stopped);
    redis_stop(&b->listener, on_connection_closed);
    redis_stop(&b->writer, on_connection_closed);
}

static void on_stop_time(uv_timer_t *timer)
{
    close_all(timer->data);
}

/* All that was sent before is at the server, too. */
static void on_good_bye(void *ctx, const redisReply *reply)
{
    (void)reply;
    close_all(ctx);
}

static void stop(struct bus *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_bus *b = redis_bus_of(base);
    b->stopped = done;
    b->stopped_ctx = ctx;
    redis_bus_ask_end(b, "it is stopping");
    b->stopping = true;
    base->up = false;
    if (!b->writable) {
        close_all(b);
        return;
    }
    uv_timer_start(&b->stop_timer, on_stop_time, STOP_MS, 0);
    redis_bus_unbind(b);
    redis_words(&b->writer, on_good_bye, b, "PING", NULL);
    link_flush(&b->writer.link);
}

static void destroy(struct bus *base)
{
    struct redis_bus *b = redis_bus_of(base);
    if (b->asker_lives)
        redis_finish(&b->asker);
    redis_finish(&b->listener);
    redis_finish(&b->writer);
    arena_finish(&b->arena);
    wr_finish(&b->text);
    wr_finish(&b->headers);
    free(b);
}

static const struct bus_ops ops = {
    .start = start,
    .send_event = redis_bus_send_event,
    .reply = redis_bus_reply,
    .ask = redis_bus_ask,
    .tell = redis_bus_tell,
    .stop = stop,
    .destroy = destroy,
};

static void init_handles(struct redis_bus *b)
{
    uv_prepare_init(b->loop, &b->turn);
    uv_timer_init(b->loop, &b->refresh);
    uv_timer_init(b->loop, &b->ask_timer);
    uv_timer_init(b->loop, &b->stop_timer);
    b->turn.data = b->refresh.data = b->ask_timer.data = b->stop_timer.data = b;
    uv_unref((uv_handle_t *)&b->turn);
    uv_unref((uv_handle_t *)&b->refresh);
}

static void init_connections(struct redis_bus *b)
{
    const struct redis_options writing = {.max_reply_bytes = 1u << 20};
    const struct redis_options hearing = {.max_reply_bytes = LARGEST_HEARD,
                                          .quick_greeting = true,
                                          .leader = &b->writer};
    redis_init(&b->writer, b->loop, &b->config->broker, &writing, &writer_events, b);
    redis_init(&b->listener, b->loop, &b->config->broker, &hearing, &listener_events,
               b);
}

struct bus *redis_bus_create(uv_loop_t *loop, const struct config *config,
                             unsigned hearing, const struct bus_events *events,
                             void *ctx, struct error *e)
{
    struct redis_bus *b = calloc(1, sizeof(*b));
    if (!b) {
        error_set(e, ENOMEM, "out of memory");
        return NULL;
    }
    b->base.ops = &ops;
    b->loop = loop;
    b->config = config;
    b->hearing = hearing;
    b->events = events;
    b->ctx = ctx;
    if (redis_keys_init(&b->keys, config, e) < 0 || redis_bus_name(b, e) < 0) {
        free(b);
        return NULL;
    }
    arena_init(&b->arena, ARENA_FACTOR * BUS_MESSAGE_MAX);
    wr_init(&b->text, 2 * BUS_MESSAGE_MAX);
    wr_init(&b->headers, 64u << 10);
    init_handles(b);
    init_connections(b);
    return &b->base;
}
