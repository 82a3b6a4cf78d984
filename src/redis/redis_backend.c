/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_backend.h"

#include "redis_chord.h"

#include "../../protocol/result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static struct redis_backend *of(struct backend *base)
{
    return (struct redis_backend *)base;
}

/* ---- reading ------------------------------------------------------------------ */

struct question {
    struct redis_backend *backend;
    backend_status_fn *done;
    void *ctx;
};

static void on_read(void *ctx, const redisReply *reply)
{
    struct question *q = ctx;
    struct arena a;
    struct str status = {0};

    arena_init(&a, (size_t)q->backend->config->message_max_bytes * 8);
    if (reply && reply->type == REDIS_REPLY_STRING)
        status = result_read_status(&a, (struct str){reply->str, reply->len});
    q->done(q->ctx, status);
    arena_finish(&a);
    free(q);
}

static void read_status(struct backend *base, struct str task_id,
                        backend_status_fn *done, void *ctx)
{
    struct redis_backend *b = of(base);
    struct question *q = malloc(sizeof(*q));
    char key[512];
    int n = snprintf(key, sizeof(key), "%s%.*s", b->meta, (int)task_id.n, task_id.p);
    if (!q || !b->up || n < 0 || (size_t)n >= sizeof(key)) {
        free(q);
        done(ctx, (struct str){0}); /* unknown: running twice is the lesser harm */
        return;
    }
    *q = (struct question){b, done, ctx};
    redis_words(&b->redis, on_read, q, "GET", key, NULL);
}

/* ---- life --------------------------------------------------------------------- */

static void on_loaded(void *ctx, const char *why)
{
    struct redis_backend *b = ctx;
    if (why) {
        link_close(&b->redis.link, "%s", why);
        return;
    }
    b->up = true;
    b->events->up(b->ctx);
}

static void on_ready(void *ctx)
{
    struct redis_backend *b = ctx;
    struct redis_script *scripts[1 + REDIS_CHORD_SCRIPTS] = {&b->update};
    if (b->redis.server.cluster || b->redis.server.read_only) {
        link_close(&b->redis.link, "%s",
                   b->redis.server.cluster
                       ? "the server is a node of a Redis Cluster: give the URL of a "
                         "server without cluster mode"
                       : "the server is a read-only replica: give the URL of its "
                         "master, or of Sentinels");
        return;
    }
    b->update.sha[0] = '\0'; /* this server may not have it */
    redis_chord_scripts_init(&b->chords);
    redis_chord_scripts_list(&b->chords, scripts + 1);
    redis_load_scripts(&b->redis, scripts, 1 + REDIS_CHORD_SCRIPTS, on_loaded, b);
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct redis_backend *b = ctx;
    b->up = false;
    b->events->down(b->ctx, why, retry_s, attempts);
}

static const struct redis_events redis_events = {on_ready, on_down, NULL};

static void start(struct backend *base)
{
    struct redis_backend *b = of(base);
    redis_store_start(b);
    if (b->config->backend.warning[0])
        log_line(LOG_WARNING, "%s", b->config->backend.warning);
    redis_start(&b->redis);
}

static void on_stopped(void *ctx)
{
    struct redis_backend *b = ctx;
    b->stopped(b->stopped_ctx);
}

static void stop(struct backend *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_backend *b = of(base);
    b->stopped = done;
    b->stopped_ctx = ctx;
    redis_stop(&b->redis, on_stopped);
}

static void destroy(struct backend *base)
{
    struct redis_backend *b = of(base);
    redis_store_finish(b);
    redis_ask_finish(b);
    redis_finish(&b->redis);
    free(b);
}

static const struct backend_ops ops = {
    .start = start,
    .store = redis_store_put,
    .read_status = read_status,
    .chord_part = redis_chord_part,
    .chord_sending = redis_chord_sending,
    .chord_end = redis_chord_end,
    .chord_size = redis_chord_size,
    .chord_grow = redis_chord_grow,
    .save_group = redis_save_group,
    .read = redis_read,
    .stop = stop,
    .destroy = destroy,
};

/* As Celery from 5.5 on joins them; before, there was always a "_". */
static int name_keys(struct redis_backend *b, const char *prefix, struct error *e)
{
    size_t n = prefix ? strlen(prefix) : 0;
    bool joined = n == 0 || strchr(":_-.", prefix[n - 1]);
    if (n > PREFIX_MAX)
        return error_set(e, EINVAL,
                         "result_backend_transport_options.global_keyprefix is longer "
                         "than %d bytes",
                         PREFIX_MAX);
    prefix = n ? prefix : "";
    snprintf(b->meta, sizeof(b->meta), "%s%s" KEY_META, prefix, joined ? "" : "_");
    snprintf(b->group, sizeof(b->group), "%s%s" KEY_GROUP, prefix, joined ? "" : "_");
    return 0;
}

struct backend *redis_backend_create(uv_loop_t *loop, const struct config *config,
                                     const struct backend_events *events, void *ctx,
                                     struct error *e)
{
    const struct redis_options options = {
        .max_reply_bytes = (size_t)config->message_max_bytes + (1u << 20),
    };
    struct redis_backend *b = calloc(1, sizeof(*b));
    if (!b) {
        error_set(e, ENOMEM, "out of memory");
        return NULL;
    }
    if (name_keys(b, config->result_global_keyprefix, e) < 0) {
        free(b);
        return NULL;
    }
    b->base.ops = &ops;
    b->config = config;
    b->events = events;
    b->ctx = ctx;
    if (getrandom(&b->nonce, sizeof(b->nonce), 0) != sizeof(b->nonce))
        b->nonce = uv_hrtime(); /* as good: it need not be secret */
    redis_store_init(b, loop);
    redis_ask_init(b, loop);
    redis_init(&b->redis, loop, &config->backend, &options, &redis_events, b);
    return &b->base;
}
