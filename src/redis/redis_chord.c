/* SPDX-License-Identifier: Apache-2.0 */
/* Counting a chord's parts by their tasks, and who joins them once all are there. */
#include "redis_chord.h"
#include "redis_ask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum step { STEP_PART, STEP_SENDING, STEP_END };

struct chord_ask {
    struct redis_ask ask;
    enum step step;
    backend_part_fn *told; /* of a part, or of sending */
    backend_done_fn *done; /* of the end */
    void *ctx;
    double index;
    bool sent;
    struct str group, task_id, part; /* in text */
    char text[];
};

/* ---- keys and times ------------------------------------------------------------ */

const char *redis_chord_check(struct str group)
{
    if (group.n == 0)
        return "its group has no id";
    return group.n <= REDIS_GROUP_KEY_MAX ? NULL : "its group's id is too long";
}

void redis_chord_key(struct redis_backend *b, struct str group, const char *suffix)
{
    char key[PREFIX_MAX + sizeof(KEY_GROUP) + REDIS_GROUP_KEY_MAX + 32];
    int n =
        snprintf(key, sizeof(key), "%s" STR_FMT "%s", b->group, STR_ARG(group), suffix);
    redis_arg(&b->redis, (struct str){key, n > 0 ? (size_t)n : 0});
}

/* As Celery 5.7: a claim is for twice the time that a join may take. */
struct redis_chord_times redis_chord_times(const struct redis_backend *b)
{
    const struct config *c = b->config;
    const int64_t results = (int64_t)c->result_expires_s;
    const double join_s = c->result_chord_join_timeout_s;
    struct redis_chord_times t = {
        .chord =
            c->result_chord_expires ? (int64_t)atof(c->result_chord_expires) : results,
        .claim = (int64_t)(2 * (join_s > 0 ? join_s : 5)),
    };
    t.claim = t.claim > 5 ? t.claim : 5;
    t.done = 2 * t.claim > 300 ? 2 * t.claim : 300;
    if (t.chord > 0 && results > 0)
        t.group = t.chord > results ? t.chord : results;
    return t;
}

static void put_tokens(struct redis_backend *b, struct str task_id)
{
    static const char *const kinds[] = {"petiole:", "petiole-sending:"};
    char token[REDIS_GROUP_KEY_MAX + 32];
    for (size_t i = 0; i < 2; i++) {
        int n =
            snprintf(token, sizeof(token), "%s" STR_FMT, kinds[i], STR_ARG(task_id));
        redis_arg(&b->redis, (struct str){token, n > 0 ? (size_t)n : 0});
    }
}

/* Python's way to write it: what stands in .d must be the same. */
static void put_index(struct redis_backend *b, double index)
{
    char text[32] = "+inf";
    if (isfinite(index))
        snprintf(text, sizeof(text), "%.17g", index);
    redis_arg_text(&b->redis, text);
}

/* ---- commands ------------------------------------------------------------------ */

static void put_keys(struct redis_backend *b, struct str group, const char *const *ends)
{
    for (; *ends; ends++)
        redis_chord_key(b, group, *ends);
}

static void send_part(struct redis_backend *b, struct chord_ask *a)
{
    static const char *const ends[] = {"", ".j", ".t", ".s", ".d", ".c", NULL};
    const struct redis_chord_times t = redis_chord_times(b);
    redis_begin_script(&b->redis, &b->chords.part, 6, 6 + 9, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    put_keys(b, a->group, ends);
    redis_arg(&b->redis, a->task_id);
    put_index(b, a->index);
    redis_arg(&b->redis, a->part);
    redis_arg_int(&b->redis, b->config->result_chord_ordered);
    redis_arg_int(&b->redis, t.chord);
    redis_arg_int(&b->redis, t.group);
    redis_arg_int(&b->redis, t.claim);
    put_tokens(b, a->task_id);
}

static void send_sending(struct redis_backend *b, struct chord_ask *a)
{
    static const char *const ends[] = {".c", ".s", NULL};
    redis_begin_script(&b->redis, &b->chords.sending, 2, 2 + 3, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    put_keys(b, a->group, ends);
    put_tokens(b, a->task_id);
    redis_arg_int(&b->redis, redis_chord_times(b).done);
}

static void send_end(struct redis_backend *b, struct chord_ask *a)
{
    static const char *const ends[] = {".c", ".s", ".j", ".t", ".d", NULL};
    redis_begin_script(&b->redis, &b->chords.end, 5, 5 + 4, redis_ask_answered, a);
    if (b->redis.discarding)
        return;
    put_keys(b, a->group, ends);
    put_tokens(b, a->task_id);
    redis_arg_int(&b->redis, a->sent);
    redis_arg_int(&b->redis, redis_chord_times(b).done);
}

static void send_chord(struct redis_ask *ask)
{
    struct chord_ask *a = (struct chord_ask *)ask;
    switch (a->step) {
    case STEP_PART:
        send_part(ask->backend, a);
        break;
    case STEP_SENDING:
        send_sending(ask->backend, a);
        break;
    case STEP_END:
        send_end(ask->backend, a);
        break;
    }
}

/* ---- answers ------------------------------------------------------------------- */

static bool on_state(struct redis_ask *ask, const redisReply *reply)
{
    struct chord_ask *a = (struct chord_ask *)ask;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_INTEGER ||
        reply->element[0]->integer < PART_WAITING ||
        reply->element[0]->integer > PART_DONE)
        return false;
    a->told(a->ctx, (enum backend_part_state)reply->element[0]->integer,
            (double)reply->element[1]->integer / 1000, NULL);
    free(a);
    return true;
}

static bool on_end(struct redis_ask *ask, const redisReply *reply)
{
    struct chord_ask *a = (struct chord_ask *)ask;
    if (reply->type != REDIS_REPLY_INTEGER)
        return false;
    a->done(a->ctx, BACKEND_STORED, NULL);
    free(a);
    return true;
}

static void on_refused(struct redis_ask *ask, const char *why)
{
    struct chord_ask *a = (struct chord_ask *)ask;
    if (a->told)
        a->told(a->ctx, PART_WAITING, 0, why);
    else
        a->done(a->ctx, BACKEND_REFUSED, why);
    free(a);
}

/* ---- operations ---------------------------------------------------------------- */

/* What the server is asked; NULL with why it cannot be. */
static struct chord_ask *new_ask(enum step step, struct str group, struct str task_id,
                                 struct str part, const char **why)
{
    static const char *const whats[] = {"count a chord's part", "claim a chord",
                                        "end a chord"};
    const size_t bytes = group.n + task_id.n + part.n;
    struct chord_ask *a;
    *why = redis_chord_check(group);
    if (!*why && task_id.n > REDIS_GROUP_KEY_MAX)
        *why = "its task's id is too long";
    if (*why)
        return NULL;
    a = calloc(1, sizeof(*a) + bytes);
    if (!a) {
        *why = "out of memory for a chord";
        return NULL;
    }
    char *at = a->text;
    a->ask = (struct redis_ask){.what = whats[step],
                                .bytes = bytes,
                                .send = send_chord,
                                .reply = step == STEP_END ? on_end : on_state,
                                .refused = on_refused};
    a->step = step;
    a->group = str_copy_to(&at, group);
    a->task_id = str_copy_to(&at, task_id);
    a->part = str_copy_to(&at, part);
    return a;
}

void redis_chord_part(struct backend *base, const struct backend_part *part,
                      backend_part_fn *done, void *ctx)
{
    const char *why;
    struct chord_ask *a =
        new_ask(STEP_PART, part->group, part->task_id, part->text, &why);
    if (!a) {
        done(ctx, PART_WAITING, 0, why);
        return;
    }
    a->told = done;
    a->ctx = ctx;
    a->index = part->index;
    redis_ask((struct redis_backend *)base, &a->ask);
}

void redis_chord_sending(struct backend *base, struct str group, struct str task_id,
                         backend_part_fn *done, void *ctx)
{
    const char *why;
    struct chord_ask *a = new_ask(STEP_SENDING, group, task_id, STR(""), &why);
    if (!a) {
        done(ctx, PART_WAITING, 0, why);
        return;
    }
    a->told = done;
    a->ctx = ctx;
    redis_ask((struct redis_backend *)base, &a->ask);
}

void redis_chord_end(struct backend *base, struct str group, struct str task_id,
                     bool sent, backend_done_fn *done, void *ctx)
{
    const char *why;
    struct chord_ask *a = new_ask(STEP_END, group, task_id, STR(""), &why);
    if (!a) {
        done(ctx, BACKEND_REFUSED, why);
        return;
    }
    a->done = done;
    a->ctx = ctx;
    a->sent = sent;
    redis_ask((struct redis_backend *)base, &a->ask);
}
