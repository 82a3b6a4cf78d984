/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define REPLY_TIMEOUT_MS 15000
#define BINDING_SEP "\x06\x16"

static struct redis_broker *of(struct broker *base)
{
    return (struct redis_broker *)base;
}

void redis_broker_tag(const struct redis_broker *b, uint64_t counter,
                      char out[TAG_BYTES])
{
    snprintf(out, TAG_BYTES, "%s.%016llu", b->id, (unsigned long long)counter);
}

/* ---- coming up ---------------------------------------------------------------- */

/* So that Python publishers, and `celery inspect`, see the queue as kombu declares it.
 */
static void declare(struct redis_broker *b, const char *queue)
{
    char key[KEY_MAX_BYTES], member[2 * KEY_MAX_BYTES];
    snprintf(key, sizeof(key), "_kombu.binding.%.256s", queue);
    snprintf(member, sizeof(member), "%.256s" BINDING_SEP BINDING_SEP "%.256s", queue,
             queue);
    redis_words(&b->redis, NULL, NULL, "SADD", key, member, NULL);
}

static void warn_of_eviction(const struct redis_broker *b)
{
    const char *policy = b->redis.server.maxmemory_policy;
    if (policy[0] && strcmp(policy, "noeviction") != 0)
        log_line(LOG_WARNING,
                 "Redis may evict queued messages (maxmemory-policy %s): set it to "
                 "noeviction",
                 policy);
}

/* Replies come in order: once the registration's beat is answered, peers know us, and
 * only then may anything be taken. */
static void on_registered(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || redis_is_error(reply)) {
        if (reply)
            link_close(&b->redis.link, "the server refuses what a worker needs: %.150s",
                       reply->str);
        return;
    }
    b->up = true;
    redis_fetch_start(b);
    if (!b->confirming)
        b->events->up(b->ctx);
}

static void on_loaded(void *ctx, const char *why)
{
    struct redis_broker *b = ctx;
    if (why) {
        link_close(&b->redis.link, "%s", why);
        return;
    }
    if (b->redis.state != REDIS_READY)
        return;
    for (size_t i = 0; i < b->config->nqueues; i++)
        declare(b, b->config->queue_names[i]);
    redis_lease_start(b);
    redis_words(&b->redis, on_registered, b, "HEXISTS", KEY_NODES, b->id, NULL);
}

static void on_ready(void *ctx)
{
    struct redis_broker *b = ctx;
    struct redis_script *scripts[REDIS_SCRIPTS];
    const struct redis_server *server = &b->redis.server;

    if (server->major < 6 || (server->major == 6 && server->minor < 2)) {
        char why[160];
        snprintf(why, sizeof(why),
                 "Redis %s is too old: BLMOVE needs 6.2 or newer; upgrade the server",
                 server->version[0] ? server->version : "of unknown version");
        b->events->unfit(b->ctx, why);
        return;
    }
    if (server->read_only) {
        link_close(&b->redis.link, "the server is a read-only replica");
        return;
    }
    warn_of_eviction(b);
    redis_scripts_init(&b->scripts);
    redis_scripts_list(&b->scripts, scripts);
    redis_load_scripts(&b->redis, scripts, REDIS_SCRIPTS, on_loaded, b);
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct redis_broker *b = ctx;
    b->own_orphans |= b->up;
    b->up = false;
    redis_lease_lost(b);
    redis_restore_lost(b);
    redis_fetch_lost(b);
    b->events->down(b->ctx, why, retry_s, attempts);
}

static const struct redis_events redis_events = {on_ready, on_down};

/* ---- operations --------------------------------------------------------------- */

static void on_turn(uv_prepare_t *turn)
{
    redis_settle_flush(turn->data);
    link_flush(&((struct redis_broker *)turn->data)->redis.link);
}

static void start(struct broker *base)
{
    struct redis_broker *b = of(base);
    uv_prepare_start(&b->turn, on_turn);
    redis_start(&b->redis);
}

static void want(struct broker *base, size_t n)
{
    struct redis_broker *b = of(base);
    if (b->want == n || b->quiescing)
        return;
    b->want = n;
    redis_fetch_pump(b);
}

static void quiesce(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_broker *b = of(base);
    b->quiesced = done;
    b->quiesced_ctx = ctx;
    redis_fetch_quiesce(b);
}

static void on_connection_stopped(struct redis_broker *b)
{
    if (--b->connections == 0)
        b->stopped(b->stopped_ctx);
}

static void on_listener_stopped(void *ctx)
{
    on_connection_stopped(((struct source *)ctx)->broker);
}

static void on_redis_stopped(void *ctx)
{
    on_connection_stopped(ctx);
}

static void on_retired(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    (void)reply;
    if (!b->stopping) { /* the first of two replies: the second decides */
        b->stopping = true;
        return;
    }
    if (b->connections == 0) {
        b->connections = 1 + b->nsources;
        redis_fetch_stop(b, on_listener_stopped);
        redis_stop(&b->redis, on_redis_stopped);
    }
}

static void stop(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_broker *b = of(base);
    b->stopped = done;
    b->stopped_ctx = ctx;
    if (b->up) {
        /* While anything is left, our peers must know whose it was. */
        bool nothing_left = b->emptied && b->unboxing == 0 && !b->inbox_left &&
                            list_empty(&b->held) && redis_settle_idle(b);
        redis_lease_retire(b, nothing_left, on_retired);
    } else { /* nobody to say good-bye to */
        on_retired(b, NULL);
        on_retired(b, NULL);
    }
}

static void destroy(struct broker *base)
{
    struct redis_broker *b = of(base);
    redis_settle_finish(b);
    redis_restore_finish(b);
    for (size_t i = 0; i < b->nsources; i++)
        redis_finish(&b->sources[i].listener);
    redis_finish(&b->redis);
    free(b->sources);
    free(b);
}

static const struct broker_ops ops = {
    .transport = "redis",
    .start = start,
    .want = want,
    .ack = redis_settle_ack,
    .put_back = redis_settle_put_back,
    .replace = redis_settle_replace,
    .bury = redis_settle_bury,
    .publish = redis_settle_publish,
    .quiesce = quiesce,
    .stop = stop,
    .destroy = destroy,
    .leases_sure = redis_lease_sure,
};

static void init_handles(struct redis_broker *b)
{
    uv_prepare_init(b->loop, &b->turn);
    uv_timer_init(b->loop, &b->fetch_timer);
    uv_timer_init(b->loop, &b->beat_timer);
    b->turn.data = b->fetch_timer.data = b->beat_timer.data = b;
    uv_unref((uv_handle_t *)&b->turn);
    list_init(&b->held);
    list_init(&b->acking);
    list_init(&b->jobs);
    list_init(&b->absent);
    list_init(&b->renewal_mark);
}

static int make_id(char id[NODE_ID_BYTES], struct error *e)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return error_set(e, errno, "cannot make a node id: getrandom: %s",
                         strerror(errno));
    snprintf(id, NODE_ID_BYTES, "ptl%016llx", (unsigned long long)random);
    return 0;
}

struct broker *redis_broker_create(uv_loop_t *loop, const struct config *config,
                                   const struct broker_events *events, void *ctx,
                                   struct error *e)
{
    const struct redis_options options = {
        .connect_timeout_ms = (uint64_t)(config->connection_timeout_s * 1000),
        .reply_timeout_ms = REPLY_TIMEOUT_MS,
        .max_reply_bytes = 2 * (size_t)config->message_max_bytes + (1u << 20),
    };
    struct redis_broker *b = calloc(1, sizeof(*b));
    if (b)
        b->sources = calloc(config->nqueues * PRIORITY_STEPS, sizeof(*b->sources));
    if (!b || !b->sources || make_id(b->id, e) < 0) {
        if (!b || !b->sources)
            error_set(e, ENOMEM, "out of memory");
        if (b)
            free(b->sources);
        free(b);
        return NULL;
    }
    b->base.ops = &ops;
    b->loop = loop;
    b->config = config;
    b->events = events;
    b->ctx = ctx;
    init_handles(b);
    redis_init(&b->redis, loop, &config->broker, &options, &redis_events, b);
    redis_fetch_init_sources(b);
    return &b->base;
}
