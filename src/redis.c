/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_UNSENT_BYTES ((size_t)1 << 30)
#define MAX_ELEMENTS (1u << 17) /* of one array: hiredis 0.14 itself takes 2^31 */
#define STARTUP_STEP_S 2.0      /* Celery's 2, 4, 6 … 30 s */
#define STARTUP_MAX_S 30.0
#define LOST_FIRST_S 0.1
#define LOST_MAX_S 8.0

struct redis_pending {
    redis_reply_fn *fn;
    void *ctx;
    uint64_t deadline_ms;
};

static void connect_now(struct redis *r);

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

static redisReader *reader_create(void)
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

static void fail_pending(struct redis *r)
{
    while (r->pending > 0) {
        struct redis_pending p = take_pending(r);
        if (p.fn)
            p.fn(p.ctx, NULL);
    }
}

static void on_received(void *ctx, struct str bytes)
{
    struct redis *r = ctx;
    redisReply *reply = NULL;

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
        if (r->pending == 0) {
            link_close(&r->link, "the server sent a reply nobody asked for");
        } else {
            struct redis_pending p = take_pending(r);
            if (p.fn)
                p.fn(p.ctx, reply);
        }
        freeReplyObject(reply);
    }
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
    begin(r, nargs, fn, ctx,
          r->state == REDIS_READY ? r->reply_timeout_ms : r->connect_timeout_ms);
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

/* ---- greeting ----------------------------------------------------------------- */

static void greeting_failed(struct redis *r, const char *what, const redisReply *reply)
{
    if (!reply)
        return; /* the link says why */
    const char *hint = "";
    if (strncmp(reply->str, "WRONGPASS", 9) == 0 ||
        strncmp(reply->str, "NOAUTH", 6) == 0)
        hint = " (check the user and the password in the URL)";
    link_close(&r->link, "%s refused: %.120s%s", what, reply->str, hint);
}

static void on_auth(void *ctx, const redisReply *reply)
{
    if (!reply || redis_is_error(reply))
        greeting_failed(ctx, "AUTH", reply);
}

static void on_select(void *ctx, const redisReply *reply)
{
    if (!reply || redis_is_error(reply))
        greeting_failed(ctx, "SELECT", reply);
}

static void become_ready(struct redis *r)
{
    r->state = REDIS_READY;
    r->attempts = 0;
    r->was_ready = true;
    r->events->ready(r->ctx);
}

static void on_client_id(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    if (!reply || redis_is_error(reply)) {
        greeting_failed(r, "CLIENT ID", reply);
        return;
    }
    r->client_id = (uint64_t)reply->integer;
    if (r->quick_greeting && r->link.state == LINK_OPEN)
        become_ready(r);
}

/* The value of "name:value\r\n" in an INFO reply. */
static void info_field(const char *info, const char *name, char *out, size_t size)
{
    const char *p = strstr(info, name);
    out[0] = '\0';
    if (p && p[strlen(name)] == ':') {
        p += strlen(name) + 1;
        snprintf(out, size, "%.*s", (int)strcspn(p, "\r\n"), p);
    }
}

static void on_info(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    char role[16];
    if (!reply || redis_is_error(reply) || !reply->str) {
        greeting_failed(r, "INFO", reply);
        return;
    }
    if (r->link.state != LINK_OPEN)
        return;
    info_field(reply->str, "redis_version", r->server.version,
               sizeof(r->server.version));
    info_field(reply->str, "run_id", r->server.run_id, sizeof(r->server.run_id));
    info_field(reply->str, "maxmemory_policy", r->server.maxmemory_policy,
               sizeof(r->server.maxmemory_policy));
    info_field(reply->str, "role", role, sizeof(role));
    r->server.read_only = strcmp(role, "slave") == 0;
    if (sscanf(r->server.version, "%u.%u", &r->server.major, &r->server.minor) != 2)
        r->server.major = r->server.minor = 0;
    become_ready(r);
}

static void on_opened(void *ctx)
{
    struct redis *r = ctx;
    const struct url *u = r->url;

    if (u->password[0] && u->user[0])
        redis_words(r, on_auth, r, "AUTH", u->user, u->password, NULL);
    else if (u->password[0])
        redis_words(r, on_auth, r, "AUTH", u->password, NULL);
    if (u->db > 0) {
        redis_begin(r, 2, on_select, r);
        redis_arg_text(r, "SELECT");
        redis_arg_int(r, u->db);
    }
    redis_words(r, on_client_id, r, "CLIENT", "ID", NULL);
    if (!r->quick_greeting)
        redis_words(r, on_info, r, "INFO", NULL);
}

/* ---- life --------------------------------------------------------------------- */

static double retry_delay_s(const struct redis *r)
{
    double jitter = 0.75 + (double)(rand() % 1000) / 2000; /* spreads a fleet */
    if (!r->was_ready)
        return r->attempts * STARTUP_STEP_S < STARTUP_MAX_S
                   ? r->attempts * STARTUP_STEP_S
                   : STARTUP_MAX_S;
    double delay = LOST_FIRST_S;
    for (unsigned i = 1; i < r->attempts && delay < LOST_MAX_S; i++)
        delay *= 2.5;
    return (delay < LOST_MAX_S ? delay : LOST_MAX_S) * jitter;
}

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct redis *r = handle->data;
    r->state = REDIS_STOPPED;
    if (r->stopped)
        r->stopped(r->ctx);
}

static void on_closed(void *ctx, const char *why)
{
    struct redis *r = ctx;
    snprintf(r->why, sizeof(r->why), "%s", why);
    r->state = REDIS_DOWN;
    r->attempts++;
    redisReaderFree(r->reader);
    r->reader = NULL;
    uv_timer_stop(&r->timer);
    fail_pending(r);
    if (r->stopping) {
        uv_close((uv_handle_t *)&r->timer, on_timer_closed);
        return;
    }
    double delay = retry_delay_s(r);
    uv_timer_start(&r->timer, on_retry, (uint64_t)(delay * 1000), 0);
    r->events->down(r->ctx, r->why, delay, r->attempts);
}

static void on_tick(uv_timer_t *timer)
{
    struct redis *r = timer->data;
    if (r->pending > 0 && uv_now(r->link.loop) > r->ring[r->first].deadline_ms)
        link_close(&r->link, "no reply within %.1f s",
                   (double)(r->state == REDIS_READY ? r->reply_timeout_ms
                                                    : r->connect_timeout_ms) /
                       1000);
}

static const struct link_events link_events = {on_opened, on_received, on_closed};

static void connect_now(struct redis *r)
{
    r->state = REDIS_GREETING;
    r->reader = reader_create();
    link_open(&r->link, r->connect_timeout_ms);
    uv_timer_start(&r->timer, on_tick, 250, 250);
}

void redis_init(struct redis *r, uv_loop_t *loop, const struct url *url,
                const struct redis_options *options, const struct redis_events *events,
                void *ctx)
{
    *r = (struct redis){.url = url,
                        .events = events,
                        .ctx = ctx,
                        .connect_timeout_ms = options->connect_timeout_ms,
                        .reply_timeout_ms = options->reply_timeout_ms,
                        .max_reply_bytes = options->max_reply_bytes,
                        .quick_greeting = options->quick_greeting};
    link_init(&r->link, loop, url, &link_events, r, MAX_UNSENT_BYTES);
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
}

void redis_start(struct redis *r)
{
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
        uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

void redis_finish(struct redis *r)
{
    link_finish(&r->link);
    redisReaderFree(r->reader);
    free(r->ring);
    r->ring = NULL;
}
