/* SPDX-License-Identifier: Apache-2.0 */
/* Results as Celery's Redis backend writes them: a document with a time to live, and a
 * message to whoever waits for it, under the key that AsyncResult reads and listens to.
 * What is stored during one loop turn, and while a batch is at the server, goes out
 * together.
 *
 * Celery reads a document before it writes one, since a stored SUCCESS stays. Here the
 * first document of a task is written by a plain SET NX, half as dear to the server as
 * a script that looks first; it is announced behind it, also in the rare case that the
 * SET finds an earlier document. Then, and for every later document, a script looks and
 * writes in one step. */
#include "redis_backend.h"

#include <stdlib.h>

#define BATCH_MAX 256
#define BATCH_MAX_BYTES (4u << 20)
/* Redis' least proto-max-bulk-len: it hangs up on a string beyond it, and its error
 * reply may be lost with the connection. A document so large that was at the server
 * when it hung up is sent alone from then on, and given up after so many times. */
#define SUSPECT_BYTES (1u << 20)
#define HANG_UPS_MAX 3
/* Progress that may wait for a lost server; more is dropped. */
#define STATES_MAX 1024

/* KEYS one per document   ARGV seconds to live (0: for ever), documents…
 * → "<position> <error>" for those that could not be stored
 * A stored SUCCESS stays, as in celery.backends.base: in JSON, msgpack, or YAML, whose
 * keys are sorted. */
static const char update_source[] =
    "local function is_success(key)\n"
    "  local head = redis.pcall('GETRANGE', key, 0, 31)\n"
    "  if type(head) ~= 'string' or head == '' then return false end\n"
    "  if head:byte() == 123 then\n"
    "    return head:sub(1, 20) == '{\"status\": \"SUCCESS\"' end\n"
    "  if head:byte() > 127 then\n"
    "    return head:find('\\166status\\167SUCCESS', 1, true) end\n"
    "  return redis.call('GET', key):find('\\nstatus: SUCCESS\\n', 1, true)\n"
    "end\n"
    "local ttl, out = tonumber(ARGV[1]), {}\n"
    "for i = 1, #KEYS do\n"
    "  local key, meta = KEYS[i], ARGV[i + 1]\n"
    "  if not is_success(key) then\n"
    "    local r\n"
    "    if ttl > 0 then r = redis.pcall('SETEX', key, ttl, meta)\n"
    "    else r = redis.pcall('SET', key, meta) end\n"
    "    if r.err then out[#out + 1] = i .. ' ' .. r.err\n"
    "    else redis.call('PUBLISH', key, meta) end\n"
    "  end\n"
    "end\n"
    "return out\n";

struct store {
    struct list link; /* on backend->waiting, or on one of its batch's lists */
    struct store_batch *batch;
    enum backend_document document;
    backend_done_fn *done;
    void *ctx;
    unsigned hang_ups; /* it may be the cause of; sent alone unless 0 */
    size_t key_bytes, meta_bytes;
    char text[]; /* key, then meta */
};

struct store_batch {
    struct redis_backend *backend;
    struct list first;   /* sent by SET, not yet answered */
    struct list updates; /* sent by the script, not yet answered */
    struct list again;   /* to be tried again, in their order */
    size_t nupdates, pending;
};

static struct store *store_of(struct list *l)
{
    return list_entry(l, struct store, link);
}

static struct str key_of(const struct store *s)
{
    return (struct str){s->text, s->key_bytes};
}

static struct str meta_of(const struct store *s)
{
    return (struct str){s->text + s->key_bytes, s->meta_bytes};
}

static void move_to(struct list *to, struct list *l)
{
    list_remove(l);
    list_push(to, l);
}

/* ---- what became of a document ------------------------------------------------ */

static void finish(struct redis_backend *b, struct store *s,
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

/* result_backend_base_sleep_between_retries_ms, doubled each time up to …_max_sleep_…
 */
static uint64_t pause_ms(const struct redis_backend *b)
{
    uint64_t most = (uint64_t)b->config->result_max_sleep_ms;
    uint64_t ms = (uint64_t)b->config->result_base_sleep_ms;
    for (unsigned i = 1; i < b->refusals && ms < most; i++)
        ms *= 2;
    return ms < most ? ms : most;
}

static void pause_storing(struct redis_backend *b, const char *why)
{
    if (b->paused || redis_error_is(why, "NOSCRIPT")) /* loaded again by now */
        return;
    b->refusals++;
    redis_complain(&b->redis, "store a result", why, (double)pause_ms(b) / 1000);
    b->paused = true;
    uv_timer_start(&b->retry, on_retry, pause_ms(b), 0);
}

/* One part of the batch is answered; with the last, what failed leads the next. */
static void answered(struct store_batch *batch)
{
    struct redis_backend *b = batch->backend;
    if (--batch->pending > 0)
        return;
    while (!list_empty(&batch->again)) {
        struct list *l = batch->again.prev;
        list_remove(l);
        list_push_front(&b->waiting, l);
    }
    b->batch = NULL;
    free(batch);
}

/* A document beyond proto-max-bulk-len, if its reply arrives: the server hangs up. */
static bool is_too_large(const redisReply *reply)
{
    return redis_is_error(reply) && strstr(reply->str, "Protocol error");
}

/* The connection was lost with the document at the server: again, or no more. */
static void lost(struct store_batch *batch, struct store *s)
{
    struct redis_backend *b = batch->backend;
    if (b->redis.link.hung_up && s->meta_bytes > SUSPECT_BYTES)
        s->hang_ups++;
    if (s->hang_ups < HANG_UPS_MAX)
        move_to(&batch->again, &s->link);
    else
        finish(b, s, BACKEND_REFUSED,
               "the server hangs up on it each time (its proto-max-bulk-len may be "
               "smaller than the result)");
}

static void on_first(void *ctx, const redisReply *reply)
{
    struct store *s = ctx;
    struct store_batch *batch = s->batch;
    struct redis_backend *b = batch->backend;

    if (reply && reply->type == REDIS_REPLY_STATUS) {
        b->refusals = 0;
        finish(b, s, BACKEND_STORED, NULL);
    } else if (is_too_large(reply)) {
        finish(b, s, BACKEND_REFUSED, reply->str);
    } else if (!reply) {
        lost(batch, s);
    } else {
        if (reply->type == REDIS_REPLY_NIL)
            s->document = BACKEND_UPDATE; /* there is one already: see which */
        else
            pause_storing(b, reply->str ? reply->str : "unexpected reply");
        move_to(&batch->again, &s->link);
    }
    answered(batch);
}

/* Takes the documents that the server would not store out of the batch, to be tried
 * again: it is full, loading, or lacks a right that may be granted. */
static void keep_failed(struct store_batch *batch, const redisReply *failed)
{
    struct list *l = batch->updates.next;
    size_t position = 1;
    for (size_t i = 0; i < failed->elements; i++) {
        size_t want = strtoul(failed->element[i]->str, NULL, 10);
        for (; position < want && l != &batch->updates; position++)
            l = l->next;
        if (l == &batch->updates)
            break;
        struct list *next = l->next;
        move_to(&batch->again, l);
        l = next;
        position++;
    }
    if (failed->elements > 0) {
        const char *space = strchr(failed->element[0]->str, ' ');
        pause_storing(batch->backend, space ? space + 1 : failed->element[0]->str);
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

static void finish_updates(struct store_batch *batch, enum backend_verdict verdict,
                           const char *why)
{
    while (!list_empty(&batch->updates))
        finish(batch->backend, store_of(batch->updates.next), verdict, why);
}

/* One of them broke the connection: each alone tells which. */
static void suspect_updates(struct store_batch *batch)
{
    for (struct list *l = batch->updates.next; l != &batch->updates; l = l->next)
        if (store_of(l)->hang_ups == 0)
            store_of(l)->hang_ups = 1;
}

static void on_updated(void *ctx, const redisReply *reply)
{
    struct store_batch *batch = ctx;
    struct redis_backend *b = batch->backend;

    if (is_list_of_texts(reply)) {
        if (reply->elements == 0)
            b->refusals = 0;
        keep_failed(batch, reply);
        finish_updates(batch, BACKEND_STORED, NULL);
    } else if (is_too_large(reply) && batch->nupdates == 1) {
        finish_updates(batch, BACKEND_REFUSED, reply->str);
    } else if (is_too_large(reply)) {
        suspect_updates(batch);
    } else if (reply) {
        pause_storing(b, reply->str ? reply->str : "unexpected reply");
    }
    while (!reply && !list_empty(&batch->updates))
        lost(batch, store_of(batch->updates.next));
    while (!list_empty(&batch->updates))
        move_to(&batch->again, batch->updates.next);
    answered(batch);
}

/* ---- sending ------------------------------------------------------------------ */

static void send_first(struct redis_backend *b, struct store *s)
{
    const int64_t ttl_s = (int64_t)b->config->result_expires_s;
    redis_begin(&b->redis, ttl_s > 0 ? 6 : 4, on_first, s);
    if (b->redis.discarding)
        return;
    redis_arg_text(&b->redis, "SET");
    redis_arg(&b->redis, key_of(s));
    redis_arg(&b->redis, meta_of(s));
    redis_arg_text(&b->redis, "NX");
    if (ttl_s > 0) {
        redis_arg_text(&b->redis, "EX");
        redis_arg_int(&b->redis, ttl_s);
    }
    redis_begin(&b->redis, 3, NULL, NULL);
    redis_arg_text(&b->redis, "PUBLISH");
    redis_arg(&b->redis, key_of(s));
    redis_arg(&b->redis, meta_of(s));
}

static void send_updates(struct redis_backend *b, struct store_batch *batch)
{
    const unsigned n = (unsigned)batch->nupdates;
    redis_begin_script(&b->redis, &b->update, n, 2 * n + 1, on_updated, batch);
    if (b->redis.discarding)
        return;
    for (struct list *l = batch->updates.next; l != &batch->updates; l = l->next)
        redis_arg(&b->redis, key_of(store_of(l)));
    redis_arg_int(&b->redis, (int64_t)b->config->result_expires_s);
    for (struct list *l = batch->updates.next; l != &batch->updates; l = l->next)
        redis_arg(&b->redis, meta_of(store_of(l)));
}

static bool has_room(const struct store *s, size_t n, size_t bytes)
{
    return n == 0 || (n < BATCH_MAX && bytes < BATCH_MAX_BYTES && s->hang_ups == 0);
}

/* Several first documents in one batch are commands of their own: each is answered. */
static void gather(struct redis_backend *b, struct store_batch *batch)
{
    size_t n = 0, bytes = 0;
    bool alone = false;
    while (!alone && !list_empty(&b->waiting) &&
           has_room(store_of(b->waiting.next), n, bytes)) {
        struct store *s = store_of(b->waiting.next);
        n++;
        bytes += s->meta_bytes;
        alone = s->hang_ups > 0;
        s->batch = batch;
        if (s->document == BACKEND_FIRST) {
            move_to(&batch->first, &s->link);
            batch->pending++;
        } else {
            move_to(&batch->updates, &s->link);
            batch->nupdates++;
        }
    }
}

static void send_batch(struct redis_backend *b)
{
    struct store_batch *batch = malloc(sizeof(*batch));
    if (!batch)
        return; /* tried again at the next turn */
    *batch = (struct store_batch){.backend = b, .pending = 1}; /* ours, until below */
    list_init(&batch->first);
    list_init(&batch->updates);
    list_init(&batch->again);
    b->batch = batch;
    gather(b, batch);
    /* A connection that breaks meanwhile answers at once: the next is taken first. */
    for (struct list *l = batch->first.next, *next; l != &batch->first; l = next) {
        next = l->next;
        send_first(b, store_of(l));
    }
    if (batch->nupdates > 0) {
        batch->pending++;
        send_updates(b, batch);
    }
    answered(batch);
}

static void on_turn(uv_prepare_t *turn)
{
    struct redis_backend *b = turn->data;
    if (b->up && b->redis.link.state == LINK_OPEN && !b->batch && !b->paused &&
        !list_empty(&b->waiting))
        send_batch(b);
    redis_ask_flush(b);
    link_flush(&b->redis.link);
}

/* ---- life --------------------------------------------------------------------- */

void redis_store_put(struct backend *base, struct str task_id, struct str meta,
                     enum backend_document document, backend_done_fn *done, void *ctx)
{
    struct redis_backend *b = (struct redis_backend *)base;
    const size_t prefix = strlen(b->meta);
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
    *s = (struct store){.document = document,
                        .done = done,
                        .ctx = ctx,
                        .meta_bytes = meta.n};
    s->key_bytes = prefix + task_id.n;
    memcpy(s->text, b->meta, prefix);
    memcpy(s->text + prefix, task_id.p, task_id.n);
    memcpy(s->text + s->key_bytes, meta.p, meta.n);
    b->nstates += !done;
    list_push(&b->waiting, &s->link);
}

void redis_store_init(struct redis_backend *b, uv_loop_t *loop)
{
    list_init(&b->waiting);
    uv_prepare_init(loop, &b->turn);
    uv_timer_init(loop, &b->retry);
    b->turn.data = b->retry.data = b;
    uv_unref((uv_handle_t *)&b->turn);
    b->update = (struct redis_script){.source = update_source};
}

void redis_store_start(struct redis_backend *b)
{
    uv_prepare_start(&b->turn, on_turn);
}

void redis_store_finish(struct redis_backend *b)
{
    while (!list_empty(&b->waiting))
        finish(b, store_of(b->waiting.next), BACKEND_REFUSED, "the worker stopped");
}
