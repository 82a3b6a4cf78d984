/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a group before its tasks end: how many parts its chord will have,
 * and the document with the shape of its results. */
#include "redis_ask.h"
#include "redis_chord.h"

#include <stdio.h>
#include <stdlib.h>

struct group_ask {
    struct redis_ask ask;
    backend_done_fn *done;
    void *ctx;
    int64_t size;
    bool again;
    uint64_t number;            /* names the marker of a growth */
    struct str group, document; /* in text */
    char text[];
};

static struct group_ask *of(struct redis_ask *ask)
{
    return (struct group_ask *)ask;
}

/* ---- commands ------------------------------------------------------------------ */

/* Sent a second time it is a repeat: the chord may be over by then. */
static void send_size(struct redis_ask *ask)
{
    struct group_ask *a = of(ask);
    struct redis_backend *b = ask->backend;
    redis_begin_script(&b->redis, &b->chords.size, 2, 2 + 3, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    redis_chord_key(b, a->group, ".s");
    redis_chord_key(b, a->group, ".c");
    redis_arg_int(&b->redis, a->size);
    redis_arg_int(&b->redis, a->again || ask->times > 1);
    redis_arg_int(&b->redis, redis_chord_times(b).chord);
}

static void put_marker(struct redis_backend *b, const struct group_ask *a)
{
    char suffix[48];
    snprintf(suffix, sizeof(suffix), ".t.%016llx.%llu", (unsigned long long)b->nonce,
             (unsigned long long)a->number);
    redis_chord_key(b, a->group, suffix);
}

static void send_growth(struct redis_ask *ask)
{
    struct group_ask *a = of(ask);
    struct redis_backend *b = ask->backend;
    redis_begin_script(&b->redis, &b->chords.grow, 2, 2 + 1, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    redis_chord_key(b, a->group, ".t");
    put_marker(b, a);
    redis_arg_int(&b->redis, redis_chord_times(b).chord);
}

static void send_document(struct redis_ask *ask)
{
    struct group_ask *a = of(ask);
    struct redis_backend *b = ask->backend;
    const int64_t ttl_s = redis_chord_times(b).chord;
    redis_begin(&b->redis, ttl_s > 0 ? 5 : 3, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    redis_arg_text(&b->redis, "SET");
    redis_chord_key(b, a->group, "");
    redis_arg(&b->redis, a->document);
    if (ttl_s > 0) {
        redis_arg_text(&b->redis, "EX");
        redis_arg_int(&b->redis, ttl_s);
    }
}

/* ---- answers ------------------------------------------------------------------- */

static bool finish(struct group_ask *a)
{
    a->done(a->ctx, BACKEND_STORED, NULL);
    free(a);
    return true;
}

static bool on_size(struct redis_ask *ask, const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER && finish(of(ask));
}

/* Nobody will ask for the marker any more. */
static bool on_grown(struct redis_ask *ask, const redisReply *reply)
{
    struct redis_backend *b = ask->backend;
    if (reply->type != REDIS_REPLY_INTEGER)
        return false;
    redis_begin(&b->redis, 2, NULL, NULL);
    redis_arg_text(&b->redis, "DEL");
    put_marker(b, of(ask));
    return finish(of(ask));
}

static bool on_document(struct redis_ask *ask, const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STATUS && finish(of(ask));
}

static void on_refused(struct redis_ask *ask, const char *why)
{
    struct group_ask *a = of(ask);
    a->done(a->ctx, BACKEND_REFUSED, why);
    free(a);
}

/* ---- operations ---------------------------------------------------------------- */

/* Puts the question; fields that only some have are zero. NULL: `done` knows why. */
static struct group_ask *new_ask(const struct redis_ask *ask, struct str group,
                                 struct str document, backend_done_fn *done, void *ctx)
{
    const char *why = redis_chord_check(group);
    struct group_ask *a = why ? NULL : calloc(1, sizeof(*a) + group.n + document.n);
    if (!a) {
        done(ctx, BACKEND_REFUSED, why ? why : "out of memory for a group");
        return NULL;
    }
    a->ask = *ask;
    a->ask.refused = on_refused;
    a->ask.bytes = group.n + document.n;
    a->done = done;
    a->ctx = ctx;
    char *at = a->text;
    a->group = str_copy_to(&at, group);
    a->document = str_copy_to(&at, document);
    return a;
}

void redis_chord_size(struct backend *base, struct str group, int64_t size, bool again,
                      backend_done_fn *done, void *ctx)
{
    const struct redis_ask ask = {.what = "store a chord's size",
                                  .send = send_size,
                                  .reply = on_size};
    struct group_ask *a = new_ask(&ask, group, STR(""), done, ctx);
    if (!a)
        return;
    a->size = size;
    a->again = again;
    redis_ask((struct redis_backend *)base, &a->ask);
}

void redis_chord_grow(struct backend *base, struct str group, backend_done_fn *done,
                      void *ctx)
{
    struct redis_backend *b = (struct redis_backend *)base;
    const struct redis_ask ask = {.what = "add to a chord",
                                  .send = send_growth,
                                  .reply = on_grown};
    struct group_ask *a = new_ask(&ask, group, STR(""), done, ctx);
    if (!a)
        return;
    a->number = b->growths++;
    redis_ask(b, &a->ask);
}

void redis_save_group(struct backend *base, struct str group, struct str document,
                      backend_done_fn *done, void *ctx)
{
    const struct redis_ask ask = {.what = "store a group",
                                  .send = send_document,
                                  .reply = on_document};
    struct group_ask *a = new_ask(&ask, group, document, done, ctx);
    if (a)
        redis_ask((struct redis_backend *)base, &a->ask);
}
