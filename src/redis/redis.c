/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ELEMENTS (1u << 17) /* of one array: hiredis 0.14 itself takes 2^31 */

struct redis_pending {
    redis_reply_fn *fn;
    void *ctx;
    uint64_t deadline_ms;
};

/* ---- replies ------------------------------------------------------------------ */

static void *create_bounded_array(const redisReadTask *task, int elements)
{
    static redisReplyObjectFunctions *standard;
    if (!standard) {
        redisReader *reader = redisReaderCreate();
        standard = reader ? reader->fn : NULL;
        redisReaderFree(reader);
    }
    bool too_many = elements > 0 && (unsigned)elements > MAX_ELEMENTS;
    return too_many || !standard ? NULL : standard->createArray(task, elements);
}

redisReader *redis_reader_create(void)
{
    static redisReplyObjectFunctions bounded;
    redisReader *reader = redisReaderCreate();
    if (!reader)
        return NULL;
    bounded = *reader->fn;
    bounded.createArray = create_bounded_array;
    reader->fn = &bounded;
    return reader;
}

static struct redis_pending take_pending(struct redis *r)
{
    struct redis_pending p = r->ring[r->first];
    r->first = (r->first + 1) % r->room;
    r->pending--;
    return p;
}

void redis_fail_pending(struct redis *r)
{
    while (r->pending > 0) {
        struct redis_pending p = take_pending(r);
        if (p.fn)
            p.fn(p.ctx, NULL);
    }
}

/* These end the connection whatever was asked: the server has changed its nature, and
 * the next attempt finds out into what. What was asked gets NULL, as in any loss. */
static bool is_no_master(const redisReply *reply)
{
    static const char *const codes[] = {"READONLY", "MASTERDOWN", "UNBLOCKED",
                                        "LOADING"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (redis_is_error(reply) && redis_error_is(reply->str, codes[i]))
            return true;
    return false;
}

/* In RESP 2 a channel's messages look like replies; only their first word tells. */
static bool is_message(const struct redis *r, const redisReply *reply)
{
    const char *word = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
                           ? reply->element[0]->str
                           : NULL;
    if (!r->events->message || !word)
        return false;
    return (reply->elements == 3 && strcmp(word, "message") == 0) ||
           (reply->elements == 4 && strcmp(word, "pmessage") == 0);
}

static void take_reply(struct redis *r, const redisReply *reply)
{
    if (is_message(r, reply)) {
        r->events->message(r->ctx, reply);
    } else if (r->pending == 0) {
        link_close(&r->link, "the server sent a reply nobody asked for");
    } else if (r->state == REDIS_READY && is_no_master(reply)) {
        link_close(&r->link, "the server takes no writes any more: %.100s", reply->str);
    } else {
        if (redis_is_error(reply) && redis_error_is(reply->str, "NOSCRIPT"))
            redis_reload_scripts(r);
        struct redis_pending p = take_pending(r);
        if (p.fn)
            p.fn(p.ctx, reply);
    }
}

void redis_received(struct redis *r, struct str bytes)
{
    redisReply *reply = NULL;

    r->heard_ms = uv_now(r->link.loop);
    if (redisReaderFeed(r->reader, bytes.p, bytes.n) != REDIS_OK ||
        r->reader->len - r->reader->pos > r->max_reply_bytes) {
        link_close(&r->link, "a reply is larger than the %zu bytes allowed",
                   r->max_reply_bytes);
        return;
    }
    while (r->link.state == LINK_OPEN) {
        if (redisReaderGetReply(r->reader, (void **)&reply) != REDIS_OK) {
            link_close(&r->link, "the server does not speak Redis: %s",
                       r->reader->errstr);
            return;
        }
        if (!reply)
            return;
        take_reply(r, reply);
        freeReplyObject(reply);
    }
}

/* ---- deadlines ----------------------------------------------------------------- */

uint64_t redis_reply_timeout_ms(const struct redis *r)
{
    const struct connect_options *o = &r->url->options;
    double s =
        r->state == REDIS_READY ? o->socket_timeout_s : o->socket_connect_timeout_s;
    return (uint64_t)(s * 1000) + (r->state == REDIS_READY ? r->waits_ms : 0);
}

void redis_tick(struct redis *r)
{
    uint64_t now = uv_now(r->link.loop);
    uint64_t pulse_ms = (uint64_t)(r->url->options.health_check_interval_s * 1000);
    if (r->pending > 0 && now > r->ring[r->first].deadline_ms)
        link_close(&r->link, "no reply within %.1f s",
                   (double)redis_reply_timeout_ms(r) / 1000);
    else if (r->pending == 0 && r->state == REDIS_READY && pulse_ms > 0 &&
             now - r->heard_ms >= pulse_ms)
        redis_words(r, NULL, NULL, "PING", NULL);
}

/* ---- commands ----------------------------------------------------------------- */

static bool ring_grow(struct redis *r)
{
    size_t room = r->room ? r->room * 2 : 64;
    struct redis_pending *ring = malloc(room * sizeof(*ring));
    if (!ring)
        return false;
    for (size_t i = 0; i < r->pending; i++)
        ring[i] = r->ring[(r->first + i) % r->room];
    free(r->ring);
    r->ring = ring;
    r->room = room;
    r->first = 0;
    return true;
}

static void begin(struct redis *r, unsigned nargs, redis_reply_fn *fn, void *ctx,
                  uint64_t timeout_ms)
{
    if (r->pending == r->room && !ring_grow(r))
        link_close(&r->link, "out of memory for another command");
    r->discarding = r->link.state != LINK_OPEN;
    if (r->discarding) {
        if (fn)
            fn(ctx, NULL);
        return;
    }
    r->ring[(r->first + r->pending++) % r->room] =
        (struct redis_pending){.fn = fn,
                               .ctx = ctx,
                               .deadline_ms = uv_now(r->link.loop) + timeout_ms};
    wr_printf(&r->link.out, "*%u\r\n", nargs);
}

void redis_begin(struct redis *r, unsigned nargs, redis_reply_fn *fn, void *ctx)
{
    begin(r, nargs, fn, ctx, redis_reply_timeout_ms(r));
}

void redis_arg(struct redis *r, struct str arg)
{
    /* "$<n>\r\n": no printf, this is written thousands of times a second. */
    char head[24], *p = head + sizeof(head);
    size_t n = arg.n;
    if (r->discarding)
        return;
    *--p = '\n';
    *--p = '\r';
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    *--p = '$';
    wr_put(&r->link.out, (struct str){p, head + sizeof(head) - p});
    wr_put(&r->link.out, arg);
    wr_put(&r->link.out, STR("\r\n"));
}

void redis_arg_text(struct redis *r, const char *arg)
{
    redis_arg(r, str_of(arg));
}

void redis_arg_int(struct redis *r, int64_t arg)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)arg);
    redis_arg(r, (struct str){text, n > 0 ? n : 0});
}

void redis_words(struct redis *r, redis_reply_fn *fn, void *ctx, ...)
{
    va_list ap;
    unsigned n = 0;

    va_start(ap, ctx);
    while (va_arg(ap, const char *))
        n++;
    va_end(ap);
    redis_begin(r, n, fn, ctx);
    va_start(ap, ctx);
    for (unsigned i = 0; i < n; i++)
        redis_arg_text(r, va_arg(ap, const char *));
    va_end(ap);
}
