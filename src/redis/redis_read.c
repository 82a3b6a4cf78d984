/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what is stored of tasks, groups and chords: bytes, passed on as they are. A
 * slice holds a bounded number of bytes; the next is asked for when it was passed on.
 */
#include "redis_ask.h"
#include "redis_chord.h"

#include <stdlib.h>

#define SLICE_MAX 256
#define SLICE_BYTES (1 << 20) /* or one document, if it is larger */

struct read_ask {
    struct redis_ask ask;
    enum backend_read what;
    backend_read_fn *done;
    void *ctx;
    size_t n, next;   /* ids, and how many are answered; of parts: those */
    struct str ids[]; /* their bytes stand behind them */
};

static struct read_ask *of(struct redis_ask *ask)
{
    return (struct read_ask *)ask;
}

/* ---- commands ------------------------------------------------------------------ */

static void put_bounds(struct redis_backend *b)
{
    redis_arg_int(&b->redis, SLICE_BYTES);
    redis_arg_int(&b->redis, b->config->message_max_bytes);
}

static void put_task_key(struct redis_backend *b, struct str id)
{
    char key[sizeof(b->meta) + REDIS_GROUP_KEY_MAX];
    const size_t prefix = strlen(b->meta);
    memcpy(key, b->meta, prefix);
    memcpy(key + prefix, id.p, id.n);
    redis_arg(&b->redis, (struct str){key, prefix + id.n});
}

static void send_strings(struct redis_ask *ask)
{
    struct read_ask *a = of(ask);
    struct redis_backend *b = ask->backend;
    const size_t left = a->n - a->next;
    const unsigned n = left < SLICE_MAX ? (unsigned)left : SLICE_MAX;
    redis_begin_script(&b->redis, &b->chords.strings, n, n + 2, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    for (size_t i = a->next; i < a->next + n; i++)
        if (a->what == READ_RESULTS)
            put_task_key(b, a->ids[i]);
        else
            redis_chord_key(b, a->ids[i], "");
    put_bounds(b);
}

static void send_parts(struct redis_ask *ask)
{
    struct read_ask *a = of(ask);
    struct redis_backend *b = ask->backend;
    redis_begin_script(&b->redis, &b->chords.parts, 1, 1 + 4, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    redis_chord_key(b, a->ids[0], ".j");
    redis_arg_int(&b->redis, b->config->result_chord_ordered);
    redis_arg_int(&b->redis, (int64_t)a->next);
    put_bounds(b);
}

/* ---- answers ------------------------------------------------------------------- */

/* The items from `first` on; false if one is neither text nor absent. */
static bool documents_of(const redisReply *reply, size_t first, struct str *out)
{
    for (size_t i = first; i < reply->elements; i++) {
        const redisReply *item = reply->element[i];
        if (item->type != REDIS_REPLY_STRING && item->type != REDIS_REPLY_NIL)
            return false;
        out[i - first] = item->type == REDIS_REPLY_STRING
                             ? (struct str){item->str, item->len}
                             : (struct str){0};
    }
    return true;
}

/* Passes the slice on, and asks for the next. */
static void pass_on(struct read_ask *a, const struct str *documents, size_t n,
                    bool last)
{
    struct redis_backend *b = a->ask.backend;
    a->next += n;
    a->ask.times = 0;
    a->done(a->ctx, documents, n, last, NULL);
    if (last)
        free(a);
    else
        redis_ask(b, &a->ask);
}

static bool on_strings(struct redis_ask *ask, const redisReply *reply)
{
    struct read_ask *a = of(ask);
    const size_t left = a->n - a->next;
    struct str documents[SLICE_MAX];
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->elements > left || reply->elements > SLICE_MAX ||
        !documents_of(reply, 0, documents))
        return false;
    pass_on(a, documents, reply->elements, reply->elements == left);
    return true;
}

static bool on_parts(struct redis_ask *ask, const redisReply *reply)
{
    struct read_ask *a = of(ask);
    struct str documents[SLICE_MAX] = {{NULL, 0}}; /* there may be none */
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->elements > SLICE_MAX + 1 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        !documents_of(reply, 1, documents))
        return false;
    const size_t n = reply->elements - 1;
    pass_on(a, documents, n,
            n == 0 || (long long)a->next + (long long)n >= reply->element[0]->integer);
    return true;
}

static void on_refused(struct redis_ask *ask, const char *why)
{
    struct read_ask *a = of(ask);
    a->done(a->ctx, NULL, 0, true, why);
    free(a);
}

/* ---- the operation ------------------------------------------------------------- */

static struct read_ask *new_ask(const struct str *ids, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += ids[i].n;
    struct read_ask *a = calloc(1, sizeof(*a) + n * sizeof(ids[0]) + bytes);
    char *at = a ? (char *)(a->ids + n) : NULL;
    for (size_t i = 0; a && i < n; i++) {
        memcpy(at, ids[i].p, ids[i].n);
        a->ids[i] = (struct str){at, ids[i].n};
        at += ids[i].n;
    }
    return a;
}

void redis_read(struct backend *base, enum backend_read what, const struct str *ids,
                size_t n, backend_read_fn *done, void *ctx)
{
    const char *why = NULL;
    for (size_t i = 0; i < n && !why; i++)
        why = redis_chord_check(ids[i]);
    struct read_ask *a = why || n == 0 ? NULL : new_ask(ids, n);
    if (!a) {
        done(ctx, NULL, 0, true, n == 0 ? NULL : why ? why : "out of memory");
        return;
    }
    a->ask = (struct redis_ask){.what = "read results",
                                .send = what == READ_PARTS ? send_parts : send_strings,
                                .reply = what == READ_PARTS ? on_parts : on_strings,
                                .refused = on_refused};
    a->what = what;
    a->n = n;
    a->done = done;
    a->ctx = ctx;
    redis_ask((struct redis_backend *)base, &a->ask);
}
