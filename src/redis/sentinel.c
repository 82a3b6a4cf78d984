/* SPDX-License-Identifier: Apache-2.0 */
#include "sentinel.h"

#include "../log/log.h"
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REPLY_BYTES ((size_t)1 << 20)

enum sentinel_state {
    SENTINEL_IDLE,     /* never asked */
    SENTINEL_ASKING,   /* somebody waits for the answer */
    SENTINEL_WATCHING, /* answered; told of a switch, or looking for a Sentinel */
};

struct sentinel {
    enum sentinel_state state;
    const struct endpoint *endpoint;
    const struct sentinel_events *events;
    void *ctx;
    struct redis redis;
    bool subscribed; /* on this connection */
    char host[256];  /* the master, as last told; empty: never */
    uint16_t port;
    void (*stopped)(void *ctx);
};

static void set_state(struct sentinel *s, enum sentinel_state to)
{
    s->state = to;
}

/* ---- answers ------------------------------------------------------------------- */

/* The value behind a name in SENTINEL MASTER's flat list; empty if there is none. */
static const char *field(const redisReply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2)
        if (list->element[i]->str && list->element[i + 1]->str &&
            strcmp(list->element[i]->str, name) == 0)
            return list->element[i + 1]->str;
    return "";
}

/* Why this Sentinel's word is not taken; NULL if it is. */
static const char *doubt(const struct sentinel *s, const redisReply *reply)
{
    const char *flags, *host;
    long port;
    if (redis_is_error(reply))
        return reply->str;
    if (reply->type != REDIS_REPLY_ARRAY)
        return "an unexpected reply";
    flags = field(reply, "flags");
    host = field(reply, "ip");
    port = strtol(field(reply, "port"), NULL, 10);
    if (strstr(flags, "o_down") || strstr(flags, "s_down"))
        return "it takes the master for down";
    if (!strstr(flags, "master"))
        return "it knows no master of that name";
    if (strtoul(field(reply, "num-other-sentinels"), NULL, 10) <
        s->endpoint->min_other_sentinels)
        return "it sees fewer other Sentinels than min_other_sentinels";
    if (!host[0] || strlen(host) >= sizeof(s->host) || port < 1 || port > 65535)
        return "it names no address";
    return NULL;
}

static void subscribe(struct sentinel *s)
{
    s->subscribed = true;
    redis_words(&s->redis, NULL, NULL, "SUBSCRIBE", "+switch-master", NULL);
    link_flush(&s->redis.link);
}

/* Notes where the master is; tells whoever waits, or is at another one. */
static void tell(struct sentinel *s, const char *host, uint16_t port)
{
    bool same = strcmp(s->host, host) == 0 && s->port == port;
    bool asked = s->state == SENTINEL_ASKING;
    snprintf(s->host, sizeof(s->host), "%s", host);
    s->port = port;
    set_state(s, SENTINEL_WATCHING);
    if (asked)
        s->events->found(s->ctx, s->host, port);
    else if (!same)
        s->events->moved(s->ctx, s->host, port);
}

static void on_master(void *ctx, const redisReply *reply)
{
    struct sentinel *s = ctx;
    if (!reply)
        return; /* on_down says why */
    const char *why = doubt(s, reply);
    if (why) {
        link_close(&s->redis.link, "Sentinel %.100s:%u: %.150s", s->redis.url->host,
                   s->redis.url->port, why);
        return;
    }
    subscribe(s);
    tell(s, field(reply, "ip"), (uint16_t)strtol(field(reply, "port"), NULL, 10));
}

/* "<name> <old host> <old port> <new host> <new port>" */
static void on_message(void *ctx, const redisReply *message)
{
    struct sentinel *s = ctx;
    char name[129], host[256];
    unsigned port;
    const char *text = message->element[2]->str;
    if (text && sscanf(text, "%128s %*s %*s %255s %u", name, host, &port) == 3 &&
        port <= 65535 && strcmp(name, s->endpoint->master_name) == 0)
        tell(s, host, (uint16_t)port);
}

/* ---- asking -------------------------------------------------------------------- */

/* A subscribed connection takes no other commands. */
static void ask(struct sentinel *s)
{
    if (s->subscribed)
        redis_words(&s->redis, NULL, NULL, "UNSUBSCRIBE", "+switch-master", NULL);
    s->subscribed = false;
    redis_words(&s->redis, on_master, s, "SENTINEL", "MASTER", s->endpoint->master_name,
                NULL);
    link_flush(&s->redis.link);
}

static void on_ready(void *ctx)
{
    struct sentinel *s = ctx;
    s->subscribed = false;
    ask(s);
}

/* After a whole round nobody is left to ask: the asker decides when again. */
static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct sentinel *s = ctx;
    char text[300];
    s->subscribed = false;
    log_line(LOG_DEBUG, "Sentinel lost (%s), attempt %u in %.1f s", why, attempts,
             retry_s);
    if (s->state != SENTINEL_ASKING || retry_s <= 0)
        return;
    set_state(s, SENTINEL_WATCHING);
    snprintf(text, sizeof(text), "no Sentinel finds the master '%.60s': %.180s",
             s->endpoint->master_name, why);
    s->events->failed(s->ctx, text);
}

static const struct redis_events redis_events = {on_ready, on_down, on_message};

void sentinel_find(struct sentinel *s)
{
    bool first = s->state == SENTINEL_IDLE;
    set_state(s, SENTINEL_ASKING);
    if (first)
        redis_start(&s->redis);
    else if (s->redis.state == REDIS_READY && s->redis.link.state == LINK_OPEN)
        ask(s);
    else
        redis_retry_now(&s->redis);
}

/* ---- life ---------------------------------------------------------------------- */

struct sentinel *sentinel_create(uv_loop_t *loop, const struct endpoint *endpoint,
                                 const struct sentinel_events *events, void *ctx)
{
    const struct redis_options options = {.max_reply_bytes = MAX_REPLY_BYTES,
                                          .sentinel_greeting = true};
    struct sentinel *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->endpoint = endpoint;
    s->events = events;
    s->ctx = ctx;
    redis_init(&s->redis, loop, endpoint, &options, &redis_events, s);
    return s;
}

static void on_stopped(void *ctx)
{
    struct sentinel *s = ctx;
    s->stopped(s->ctx);
}

void sentinel_stop(struct sentinel *s, void (*stopped)(void *ctx))
{
    s->stopped = stopped;
    redis_stop(&s->redis, on_stopped);
}

void sentinel_destroy(struct sentinel *s)
{
    redis_finish(&s->redis);
    free(s);
}
