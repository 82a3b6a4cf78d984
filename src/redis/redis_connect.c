/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: where to, when again, and its end. */
#include "redis.h"

#include "sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_UNSENT_BYTES ((size_t)1 << 30)
#define TICK_MAX_MS 1000u

static void connect_now(struct redis *r);

static void set_state(struct redis *r, enum redis_state to)
{
    r->state = to;
}

/* ---- losses -------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct redis *r = handle->data;
    set_state(r, REDIS_STOPPED);
    if (r->stopped)
        r->stopped(r->ctx);
}

static void close_timer(void *ctx)
{
    struct redis *r = ctx;
    if (!uv_is_closing((uv_handle_t *)&r->timer)) /* a reply function stopped us */
        uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void finish_stopping(struct redis *r)
{
    if (r->sentinel)
        sentinel_stop(r->sentinel, close_timer);
    else
        close_timer(r);
}

static void lost(struct redis *r, const char *why)
{
    uint64_t lived_ms =
        r->state == REDIS_READY ? uv_now(r->link.loop) - r->ready_since_ms : 0;
    snprintf(r->why, sizeof(r->why), "%s", why);
    set_state(r, REDIS_DOWN);
    redisReaderFree(r->reader);
    r->reader = NULL;
    uv_timer_stop(&r->timer);
    redis_fail_pending(r);
    free((void *)r->scripts);
    r->scripts = NULL;
    r->nscripts = 0;
    r->reloading = false;
    if (r->stopping) {
        finish_stopping(r);
        return;
    }
    double delay_s = reconnect_after_s(&r->reconnect, lived_ms);
    uv_timer_start(&r->timer, on_retry, (uint64_t)(delay_s * 1000), 0);
    r->events->down(r->ctx, r->why, delay_s, r->reconnect.attempts);
}

/* ---- events of the link -------------------------------------------------------- */

static void on_opened(void *ctx)
{
    redis_greet(ctx);
}

static void on_received(void *ctx, struct str bytes)
{
    redis_received(ctx, bytes);
}

/* A server that wants TLS hangs up on the greeting without a word. */
static void on_closed(void *ctx, const char *why)
{
    struct redis *r = ctx;
    char text[sizeof(r->why)];
    bool hung_up = r->pending > 0 && r->heard_ms == 0 && !strstr(why, "within");
    bool may_want_tls = !r->url->is_tls && !r->url->is_socket;
    snprintf(text, sizeof(text), "%.300s%s", why,
             hung_up && may_want_tls && !r->stopping
                 ? " (does this port want TLS? then write rediss://)"
                 : "");
    lost(r, text);
}

static const struct link_events link_events = {on_opened, on_received, on_closed};

void redis_become_ready(struct redis *r)
{
    set_state(r, REDIS_READY);
    r->reconnect.was_up = true;
    r->ready_since_ms = uv_now(r->link.loop);
    r->events->ready(r->ctx);
}

/* ---- where to ------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
    redis_tick(timer->data);
}

static void open_link(struct redis *r, const struct link_address *at)
{
    const struct connect_options *o = &r->url->options;
    uint64_t timeout_ms = (uint64_t)(o->socket_connect_timeout_s * 1000);
    uint64_t least = o->socket_timeout_s < o->socket_connect_timeout_s
                         ? (uint64_t)(o->socket_timeout_s * 1000)
                         : timeout_ms;
    uint64_t tick_ms = least / 4 < TICK_MAX_MS ? least / 4 + 1 : TICK_MAX_MS;
    set_state(r, REDIS_GREETING);
    r->reader = redis_reader_create();
    r->heard_ms = 0; /* nothing yet */
    link_open(&r->link, r->url, at, timeout_ms);
    uv_timer_start(&r->timer, on_tick, tick_ms, tick_ms);
}

static void on_master(void *ctx, const char *host, uint16_t port)
{
    struct redis *r = ctx;
    if (r->state != REDIS_FINDING || r->stopping)
        return;
    r->master = r->endpoint->master;
    snprintf(r->master.host, sizeof(r->master.host), "%s", host);
    r->master.port = port;
    r->url = &r->master;
    open_link(r, NULL);
}

static void on_no_master(void *ctx, const char *why)
{
    struct redis *r = ctx;
    if (r->state == REDIS_FINDING && !r->stopping)
        lost(r, why);
}

/* A master that was replaced may be alive and take writes for a while, for nothing. */
static void on_another_master(void *ctx, const char *host, uint16_t port)
{
    struct redis *r = ctx;
    if (r->state == REDIS_GREETING || r->state == REDIS_READY)
        link_close(&r->link, "the Sentinels have made %.100s:%u the master", host,
                   port);
}

static const struct sentinel_events sentinel_events = {on_master, on_no_master,
                                                       on_another_master};

static void follow_leader(struct redis *r)
{
    const struct redis *leader = r->leader;
    if (leader->state != REDIS_READY)
        return; /* redis_follow comes when it is */
    r->master = *leader->url;
    r->url = &r->master;
    open_link(r, link_peer(&leader->link));
}

static void connect_now(struct redis *r)
{
    uv_timer_stop(&r->timer);
    if (r->leader) {
        follow_leader(r);
    } else if (r->sentinel) {
        set_state(r, REDIS_FINDING);
        sentinel_find(r->sentinel);
    } else if (r->endpoint->is_sentinel && !r->greets_sentinel) {
        lost(r, "out of memory for the Sentinels");
    } else {
        r->url = &r->endpoint->urls[r->reconnect.next];
        open_link(r, NULL);
    }
}

static bool at_leaders_server(const struct redis *r)
{
    const struct link_address *to = link_peer(&r->leader->link);
    return to ? link_leads_to(&r->link, to)
              : r->url->is_socket && strcmp(r->url->host, r->leader->url->host) == 0;
}

void redis_retry_now(struct redis *r)
{
    if (r->state == REDIS_DOWN && !r->stopping)
        connect_now(r);
}

void redis_follow(struct redis *r)
{
    if (r->stopping)
        return;
    if (r->state == REDIS_DOWN || r->state == REDIS_STOPPED) {
        set_state(r, REDIS_DOWN);
        connect_now(r);
    } else if (!at_leaders_server(r)) {
        link_close(&r->link, "the server has changed");
    }
}

/* ---- beginning and end --------------------------------------------------------- */

void redis_init(struct redis *r, uv_loop_t *loop, const struct endpoint *endpoint,
                const struct redis_options *options, const struct redis_events *events,
                void *ctx)
{
    *r = (struct redis){.endpoint = endpoint,
                        .url = &endpoint->urls[0],
                        .events = events,
                        .ctx = ctx,
                        .leader = options->leader,
                        .greets_quickly = options->quick_greeting,
                        .greets_sentinel = options->sentinel_greeting,
                        .waits_ms = options->waits_ms,
                        .max_reply_bytes = options->max_reply_bytes};
    /* A follower and the Sentinels' master have one URL. */
    bool has_choice =
        !options->leader && (!endpoint->is_sentinel || options->sentinel_greeting);
    r->reconnect = (struct reconnect){.nurls = has_choice ? endpoint->nurls : 1,
                                      .shuffle = has_choice && endpoint->shuffle};
    link_init(&r->link, loop, &link_events, r, MAX_UNSENT_BYTES);
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    if (endpoint->is_sentinel && !options->sentinel_greeting && !options->leader)
        r->sentinel = sentinel_create(loop, endpoint, &sentinel_events, r);
}

void redis_start(struct redis *r)
{
    set_state(r, REDIS_DOWN);
    connect_now(r);
}

void redis_stop(struct redis *r, void (*stopped)(void *ctx))
{
    if (r->stopping)
        return;
    r->stopping = true;
    r->stopped = stopped;
    if (r->link.state != LINK_DOWN)
        link_close(&r->link, "stopped");
    else
        finish_stopping(r);
}

void redis_finish(struct redis *r)
{
    if (r->sentinel)
        sentinel_destroy(r->sentinel);
    link_finish(&r->link);
    redisReaderFree(r->reader);
    free((void *)r->scripts);
    free(r->ring);
    r->ring = NULL;
}
