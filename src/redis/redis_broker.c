/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_broker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define DEAD_MANY 100 /* dead letters that a start warns of */

static struct redis_broker *of(struct broker *base)
{
    return (struct redis_broker *)base;
}

void redis_broker_tag(const struct redis_broker *b, uint64_t counter,
                      char out[TAG_BYTES])
{
    char digits[24], *p = digits + sizeof(digits);
    size_t prefix = NODE_ID_BYTES - 1;
    /* No printf: this is written several times a task. */
    *--p = '\0';
    do
        *--p = (char)('0' + counter % 10);
    while (counter /= 10);
    memcpy(out, b->id, prefix);
    out[prefix] = '.';
    memcpy(out + prefix + 1, p, (size_t)(digits + sizeof(digits) - p));
}

uint64_t redis_broker_counter(const struct redis_broker *b, const char *tag)
{
    const size_t prefix = NODE_ID_BYTES - 1;
    if (strncmp(tag, b->id, prefix) != 0 || tag[prefix] != '.')
        return 0;
    return strtoull(tag + prefix + 1, NULL, 10);
}

void redis_broker_release(struct redis_broker *b, struct delivery *d)
{
    list_remove(&d->held);
    held_remove(&b->by_tag, d);
}

/* ---- coming up ---------------------------------------------------------------- */

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
    redis_consume_known(b);
    if (!b->confirming)
        b->events->up(b->ctx);
}

/* Once: what is added later is told of as it happens. */
static void on_dead_counted(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || reply->type != REDIS_REPLY_INTEGER)
        return;
    b->dead_counted = true;
    if (reply->integer >= DEAD_MANY)
        log_line(LOG_WARNING,
                 "%s holds %lld messages that could not be run: 'petiole dead list' "
                 "shows them, and why",
                 b->keys.dead, reply->integer);
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
    redis_declare_queues(b);
    if (!b->dead_counted)
        redis_words(&b->redis, on_dead_counted, b, "LLEN", b->keys.dead, NULL);
    redis_lease_start(b);
    redis_words(&b->redis, on_registered, b, "HEXISTS", b->keys.nodes, b->id, NULL);
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
    if (server->cluster) {
        b->events->unfit(b->ctx, "it is a node of a Redis Cluster, which Celery cannot "
                                 "use either: give the URL of a server without cluster "
                                 "mode, or of Sentinels");
        return;
    }
    if (server->read_only) {
        link_close(&b->redis.link, "the server is a read-only replica: give the URL of "
                                   "its master, or of Sentinels");
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
    redis_send_lost(b);
    b->events->down(b->ctx, why, retry_s, attempts);
}

static const struct redis_events redis_events = {on_ready, on_down, NULL};

/* ---- operations --------------------------------------------------------------- */

static void on_turn(uv_prepare_t *turn)
{
    struct redis_broker *b = turn->data;
    redis_send_flush(b);
    redis_replace_flush(b);
    redis_settle_flush(b);
    redis_fetch_pump(b);
    link_flush(&b->redis.link);
}

static void start(struct broker *base)
{
    struct redis_broker *b = of(base);
    uv_prepare_start(&b->turn, on_turn);
    if (b->config->broker.warning[0])
        log_line(LOG_WARNING, "%s", b->config->broker.warning);
    redis_start(&b->redis);
}

static void want(struct broker *base, size_t n)
{
    struct redis_broker *b = of(base);
    if (!b->quiescing)
        b->want = n;
}

static void quiesce(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_broker *b = of(base);
    b->quiesced = done;
    b->quiesced_ctx = ctx;
    redis_wait_quiesce(b);
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
        redis_wait_stop(b, on_listener_stopped);
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
                            list_empty(&b->held) && redis_settle_idle(b) &&
                            redis_send_idle(b) && !redis_restore_own_left(b);
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
    redis_replace_finish(b);
    redis_send_finish(b);
    redis_restore_finish(b);
    redis_consume_finish(b);
    redis_finish(&b->redis);
    held_finish(&b->by_tag);
    free(b);
}

/* Of a list, the one; of Sentinels, the first, as Celery shows them. */
static const char *where(const struct broker *base)
{
    static char masked[URL_MASKED_BYTES];
    const struct redis_broker *b = (const struct redis_broker *)base;
    if (b->config->broker.is_sentinel)
        return b->config->broker.masked;
    url_mask(b->redis.url, URL_MASK_BROKER, masked);
    return masked;
}

static const struct broker_ops ops = {
    .transport = "redis",
    .where = where,
    .start = start,
    .want = want,
    .ack = redis_settle_ack,
    .put_back = redis_settle_put_back,
    .forward = redis_settle_forward,
    .replace = redis_replace,
    .bury = redis_settle_bury,
    .publish = redis_settle_publish,
    .send = redis_send,
    .consume = redis_consume,
    .cancel = redis_consume_cancel,
    .consumed = redis_consumed,
    .waiting = redis_waiting,
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
    uv_timer_init(b->loop, &b->renewal_timer);
    b->turn.data = b->fetch_timer.data = b->beat_timer.data = b;
    b->renewal_timer.data = b;
    uv_unref((uv_handle_t *)&b->turn);
    list_init(&b->held);
    list_init(&b->acking);
    list_init(&b->jobs);
    list_init(&b->replacements);
    list_init(&b->sends);
    list_init(&b->absent);
    list_init(&b->renewal_mark);
}

static int make_id(char id[NODE_ID_BYTES], struct error *e)
{
    uint64_t r[3];
    if (getrandom(r, sizeof(r), 0) != sizeof(r))
        return error_set(e, errno, "cannot make a node id: getrandom: %s",
                         strerror(errno));
    snprintf(id, NODE_ID_BYTES, "ptl%016" PRIx64 "%016" PRIx64 "%016" PRIx64, r[0],
             r[1], r[2]);
    return 0;
}

struct broker *redis_broker_create(uv_loop_t *loop, const struct config *config,
                                   const struct broker_events *events, void *ctx,
                                   struct error *e)
{
    const struct redis_options options = {
        .max_reply_bytes = 2 * (size_t)config->message_max_bytes + (1u << 20),
    };
    struct redis_broker *b = calloc(1, sizeof(*b));
    bool room = b && held_init(&b->by_tag);
    if (!room)
        error_set(e, ENOMEM, "out of memory");
    if (!room || make_id(b->id, e) < 0 || redis_keys_init(&b->keys, config, e) < 0) {
        if (b)
            held_finish(&b->by_tag);
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
    redis_fetch_init(b);
    if (redis_consume_init(b))
        return &b->base;
    error_set(e, ENOMEM, "out of memory");
    destroy(&b->base);
    return NULL;
}
