/* SPDX-License-Identifier: Apache-2.0 */
/* Results as Celery's Redis backend writes them: SETEX and PUBLISH under the key that
 * AsyncResult reads and listens to. What is stored during one loop turn, and while a
 * batch is at the server, goes out together in one script. */
#include "backend.h"
#include "config.h"
#include "redis.h"

#include "../protocol/result.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_META "celery-task-meta-"
#define REPLY_TIMEOUT_MS 15000
#define RETRY_MS 1000
#define BATCH_MAX 256
#define STATES_MAX                                                                     \
    1024 /* progress that may wait for a lost server; more is dropped                  \
          */
#define BATCH_MAX_BYTES (4u << 20)

/* KEYS one per document   ARGV seconds to live (0: for ever), documents…
 * → "<position> <error>" for those that could not be stored
 * A stored SUCCESS stays, as in celery.backends.base. */
static const char store_source[] =
    "local ttl, out = tonumber(ARGV[1]), {}\n"
    "for i = 1, #KEYS do\n"
    "  local key, meta = KEYS[i], ARGV[i + 1]\n"
    "  if redis.pcall('GETRANGE', key, 0, 19) ~= '{\"status\": \"SUCCESS\"' then\n"
    "    local r\n"
    "    if ttl > 0 then r = redis.pcall('SETEX', key, ttl, meta)\n"
    "    else r = redis.pcall('SET', key, meta) end\n"
    "    if r.err then out[#out + 1] = i .. ' ' .. r.err\n"
    "    else redis.call('PUBLISH', key, meta) end\n"
    "  end\n"
    "end\n"
    "return out\n";

struct store {
    struct list link; /* on backend->waiting, or on its batch */
    backend_done_fn *done;
    void *ctx;
    size_t key_bytes, meta_bytes;
    char text[]; /* key, then meta */
};

struct batch {
    struct redis_backend *backend;
    struct list stores;
    size_t n;
};

struct redis_backend {
    struct backend base;
    const struct config *config;
    const struct backend_events *events;
    void *ctx;
    struct redis redis;
    struct redis_script store;
    bool up, in_flight, paused;
    bool singly; /* one of a batch broke the connection: find out which */
    struct list waiting;
    size_t nstates; /* of them and at the server, those nobody waits for */
    uint64_t states_dropped;
    uv_prepare_t turn;
    uv_timer_t retry;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

static struct redis_backend *of(struct backend *base)
{
    return (struct redis_backend *)base;
}

/* ---- storing ------------------------------------------------------------------ */

static void finish_store(struct redis_backend *b, struct store *s,
                         enum backend_verdict verdict, const char *why)
{
    list_remove(&s->link);
    if (s->done)
        s->done(s->ctx, verdict, why);
    else
        b->nstates--;
    free(s);
}

static void on_retry(uv_timer_t *timer)
{
    ((struct redis_backend *)timer->data)->paused = false;
}

static void pause_storing(struct redis_backend *b, const char *why)
{
    log_line(LOG_ERROR, "cannot store a result: %.200s; trying again in %d s", why,
             RETRY_MS / 1000);
    b->paused = true;
    uv_timer_start(&b->retry, on_retry, RETRY_MS, 0);
}

/* Back to the front, in their order. */
static void store_again(struct redis_backend *b, struct batch *batch)
{
    while (!list_empty(&batch->stores)) {
        struct list *l = batch->stores.prev;
        list_remove(l);
        list_push_front(&b->waiting, l);
    }
}

/* Takes the documents that the server would not store out of the batch, to be tried
 * again: it is full, loading, or lacks a right that may be granted. */
static void keep_failed(struct redis_backend *b, struct batch *batch,
                        const redisReply *failed)
{
    struct list *l = batch->stores.next;
    size_t position = 1;
    for (size_t i = 0; i < failed->elements; i++) {
        size_t want = strtoul(failed->element[i]->str, NULL, 10);
        for (; position < want && l != &batch->stores; position++)
            l = l->next;
        if (l == &batch->stores)
            break;
        struct list *next = l->next;
        list_remove(l);
        list_push(&b->waiting, l);
        l = next;
        position++;
    }
    if (failed->elements > 0) {
        const char *space = strchr(failed->element[0]->str, ' ');
        pause_storing(b, space ? space + 1 : failed->element[0]->str);
    }
}

static bool is_list_of_texts(const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (!reply->element[i]->str)
            return false;
    return true;
}

static void on_stored(void *ctx, const redisReply *reply)
{
    struct batch *batch = ctx;
    struct redis_backend *b = batch->backend;

    b->in_flight = false;
    if (is_list_of_texts(reply)) {
        keep_failed(b, batch, reply);
        while (!list_empty(&batch->stores))
            finish_store(b, list_entry(batch->stores.next, struct store, link),
                         BACKEND_STORED, NULL);
        b->singly = false;
    } else if (redis_is_error(reply) && strstr(reply->str, "Protocol error")) {
        /* A document beyond proto-max-bulk-len: the server hangs up on it. */
        if (batch->n == 1)
            finish_store(b, list_entry(batch->stores.next, struct store, link),
                         BACKEND_REFUSED, reply->str);
        b->singly = batch->n > 1;
        store_again(b, batch);
    } else {
        if (reply)
            pause_storing(b, reply->str ? reply->str : "unexpected reply");
        store_again(b, batch);
    }
    free(batch);
}

static void send_batch(struct redis_backend *b)
{
    struct batch *batch = malloc(sizeof(*batch));
    size_t bytes = 0, most = b->singly ? 1 : BATCH_MAX;
    if (!batch)
        return; /* tried again at the next turn */
    *batch = (struct batch){.backend = b};
    list_init(&batch->stores);
    while (!list_empty(&b->waiting) && batch->n < most && bytes < BATCH_MAX_BYTES) {
        struct list *l = b->waiting.next;
        bytes += list_entry(l, struct store, link)->meta_bytes;
        list_remove(l);
        list_push(&batch->stores, l);
        batch->n++;
    }
    b->in_flight = true;
    unsigned n = (unsigned)batch->n;
    redis_begin_script(&b->redis, &b->store, n, 2 * n + 1, on_stored, batch);
    if (!b->in_flight)
        return; /* it failed at once: the batch is gone */
    for (struct list *l = batch->stores.next; l != &batch->stores; l = l->next) {
        struct store *s = list_entry(l, struct store, link);
        redis_arg(&b->redis, (struct str){s->text, s->key_bytes});
    }
    redis_arg_int(&b->redis, (int64_t)b->config->result_expires_s);
    for (struct list *l = batch->stores.next; l != &batch->stores; l = l->next) {
        struct store *s = list_entry(l, struct store, link);
        redis_arg(&b->redis, (struct str){s->text + s->key_bytes, s->meta_bytes});
    }
}

static void on_turn(uv_prepare_t *turn)
{
    struct redis_backend *b = turn->data;
    if (b->up && b->redis.link.state == LINK_OPEN && !b->in_flight && !b->paused &&
        !list_empty(&b->waiting))
        send_batch(b);
    link_flush(&b->redis.link);
}

static void store(struct backend *base, struct str task_id, struct str meta,
                  backend_done_fn *done, void *ctx)
{
    struct redis_backend *b = of(base);
    size_t prefix = sizeof(KEY_META) - 1;
    if (!done && b->nstates >= STATES_MAX) {
        b->states_dropped++;
        return;
    }
    struct store *s = malloc(sizeof(*s) + prefix + task_id.n + meta.n);
    if (!s) {
        if (done)
            done(ctx, BACKEND_REFUSED, "out of memory for the result");
        return;
    }
    *s = (struct store){.done = done, .ctx = ctx, .meta_bytes = meta.n};
    s->key_bytes = prefix + task_id.n;
    memcpy(s->text, KEY_META, prefix);
    memcpy(s->text + prefix, task_id.p, task_id.n);
    memcpy(s->text + s->key_bytes, meta.p, meta.n);
    b->nstates += !done;
    list_push(&b->waiting, &s->link);
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
    int n = snprintf(key, sizeof(key), KEY_META "%.*s", (int)task_id.n, task_id.p);
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
    struct redis_script *scripts[] = {&b->store};
    b->store = (struct redis_script){.source = store_source};
    redis_load_scripts(&b->redis, scripts, 1, on_loaded, b);
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct redis_backend *b = ctx;
    b->up = false;
    b->events->down(b->ctx, why, retry_s, attempts);
}

static const struct redis_events redis_events = {on_ready, on_down};

static void start(struct backend *base)
{
    struct redis_backend *b = of(base);
    uv_prepare_start(&b->turn, on_turn);
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
    while (!list_empty(&b->waiting))
        finish_store(b, list_entry(b->waiting.next, struct store, link),
                     BACKEND_REFUSED, "the worker stopped");
    redis_finish(&b->redis);
    free(b);
}

static const struct backend_ops ops = {
    .start = start,
    .store = store,
    .read_status = read_status,
    .stop = stop,
    .destroy = destroy,
};

struct backend *redis_backend_create(uv_loop_t *loop, const struct config *config,
                                     const struct backend_events *events, void *ctx,
                                     struct error *e)
{
    const struct redis_options options = {
        .connect_timeout_ms = (uint64_t)(config->connection_timeout_s * 1000),
        .reply_timeout_ms = REPLY_TIMEOUT_MS,
        .max_reply_bytes = (size_t)config->message_max_bytes + (1u << 20),
    };
    struct redis_backend *b = calloc(1, sizeof(*b));
    if (!b) {
        error_set(e, ENOMEM, "out of memory");
        return NULL;
    }
    b->base.ops = &ops;
    b->config = config;
    b->events = events;
    b->ctx = ctx;
    list_init(&b->waiting);
    uv_prepare_init(loop, &b->turn);
    uv_timer_init(loop, &b->retry);
    b->turn.data = b->retry.data = b;
    uv_unref((uv_handle_t *)&b->turn);
    redis_init(&b->redis, loop, &config->backend, &options, &redis_events, b);
    return &b->base;
}
