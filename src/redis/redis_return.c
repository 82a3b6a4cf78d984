/* SPDX-License-Identifier: Apache-2.0 */
/* Each tag's message goes back to the front of its queue, newest first, so that the
 * oldest ends up first to be taken. */
#include "redis_restore.h"

#include "../../protocol/envelope.h"
#include "../../protocol/json.h"

#define SLICE 100

static void settled_one(struct restore *r, const redisReply *reply)
{
    if (--r->pending == 0 && reply)
        restore_return(r);
    else if (r->pending == 0)
        restore_end(r);
}

static void on_moved(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    restore_note_refusal(r, reply);
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        r->restored += reply->integer == 1;
    settled_one(r, reply);
}

/* Cuts `"text"` with what stands before it off the end of *s; false if it ends
 * otherwise. */
static bool cut_last_text(struct str *s, const char *before, struct str *text)
{
    size_t n = s->n, lead = strlen(before);
    if (n < 2 || s->p[n - 1] != '"')
        return false;
    size_t first = n - 1;
    while (first > 0 && s->p[first - 1] != '"')
        first--;
    if (first < lead + 1 || memcmp(s->p + first - 1 - lead, before, lead) != 0)
        return false;
    *text = (struct str){s->p + first, n - 1 - first};
    s->n = first - 1 - lead;
    return true;
}

/* What cannot be read: the message alone, if the end of what is held still is kombu's
 * `, "exchange", "routing key"]`, else all of it. */
static void bury(struct restore *r, const char *tag, struct str held)
{
    struct redis_broker *b = r->broker;
    struct redis *redis = &b->redis;
    struct str message = held, tail = {"", 0}, key = {"", 0}, exchange;
    if (held.n > 1 && held.p[0] == '[' && held.p[held.n - 1] == ']') {
        message.n--;
        if (cut_last_text(&message, ", ", &key) &&
            cut_last_text(&message, ", ", &exchange))
            tail = (struct str){held.p + message.n, held.n - message.n};
    }
    r->pending++;
    redis_begin_script(redis, &r->broker->scripts.bury, 3, 9, on_moved, r);
    redis_arg_text(redis, b->keys.unacked);
    redis_arg_text(redis, b->keys.unacked_index);
    redis_arg_text(redis, b->keys.dead);
    redis_arg_text(redis, tag);
    redis_arg(redis, tail);
    redis_arg(redis, tail.n ? key : (struct str){"", 0});
    redis_arg_text(redis, tail.n ? "invalid task message: held, but cannot be read"
                                 : "held in a form that is not [message, exchange, "
                                   "routing key]");
    redis_arg_text(redis, "");
    redis_arg_text(redis, "");
}

/* To the front of the list it came from, as kombu books it: without an exchange the
 * routing key is the queue; else the script looks up what is bound to it. */
static void move_to_front(struct restore *r, const char *tag,
                          const struct redis_route *route, struct str text)
{
    struct redis_broker *b = r->broker;
    r->pending++;
    redis_begin_script(&b->redis, &b->scripts.move, 4, 8 + REDIS_ROUTE_ARGS, on_moved,
                       r);
    redis_arg_text(&b->redis, b->keys.unacked);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_text(&b->redis, route->key);
    redis_arg_text(&b->redis, b->keys.dead);
    redis_arg_text(&b->redis, tag);
    redis_arg_text(&b->redis, "front");
    redis_arg(&b->redis, text);
    redis_arg_text(&b->redis, "");
    redis_route_args(&b->redis, &b->keys, route, b->config->deadletter_queue);
}

/* held is kombu's [envelope, exchange, routing_key]. */
static bool put_back(struct restore *r, struct arena *a, const char *tag,
                     struct str held)
{
    struct json_error why;
    struct envelope e;
    const char *fault;
    struct wr plain, marked;
    const ptl_value *triple = json_read(a, held, 0, &json_default_limits, &why);
    struct broker_address from = {value_as_str(value_at(triple, 1)),
                                  value_as_str(value_at(triple, 2)), 0};
    struct redis_route route;
    bool ok = value_len(triple) == 3;

    wr_init(&plain, held.n * 6 + 64);
    wr_init(&marked, held.n * 6 + 256);
    if (ok)
        json_write(&plain, value_at(triple, 0));
    ok = ok && !plain.bad && envelope_read(a, wr_str(&plain), &e, &fault) &&
         envelope_mark_redelivered(a, wr_str(&plain), &marked) && !marked.bad;
    if (ok)
        from.priority = e.priority;
    ok = ok && redis_route_of(&r->broker->keys, &from, &route);
    if (ok)
        move_to_front(r, tag, &route, wr_str(&marked));
    wr_finish(&plain);
    wr_finish(&marked);
    return ok;
}

static void on_forgotten(void *ctx, const redisReply *reply)
{
    settled_one(ctx, reply);
}

/* An index entry without a message: nothing is restored, only swept away. */
static void forget(struct restore *r, const char *tag)
{
    r->pending++;
    redis_words(&r->broker->redis, on_forgotten, r, "ZREM",
                r->broker->keys.unacked_index, tag, NULL);
}

/* ---- slices ------------------------------------------------------------------- */

static void on_slice(void *ctx, const redisReply *reply)
{
    struct restore *r = ctx;
    size_t first = r->next;
    if (!reply || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements > r->ntags - r->next) {
        restore_give_up(r, reply);
        return;
    }
    r->next += reply->elements;
    r->pending = 1; /* ours, so that the slice ends only below */
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *held = reply->element[i];
        struct arena a;
        arena_init(&a, (size_t)r->broker->config->message_max_bytes *
                           16); /* as for one taken */
        if (!held->str)
            forget(r, r->tags[first + i]);
        else if (!put_back(r, &a, r->tags[first + i],
                           (struct str){held->str, held->len}))
            bury(r, r->tags[first + i], (struct str){held->str, held->len});
        arena_finish(&a);
    }
    if (--r->pending == 0)
        restore_return(r);
}

void restore_return(struct restore *r)
{
    struct redis_broker *b = r->broker;
    size_t n = r->ntags - r->next < SLICE ? r->ntags - r->next : SLICE;
    if (n == 0) {
        restore_tags_done(r);
        return;
    }
    if (r->next > 0)
        restore_renew(r);
    redis_begin(&b->redis, 2 + (unsigned)n, on_slice, r);
    if (b->redis.discarding)
        return; /* the link is closing: it was answered, and is gone */
    redis_arg_text(&b->redis, "HMGET");
    redis_arg_text(&b->redis, b->keys.unacked);
    for (size_t i = 0; i < n; i++)
        redis_arg_text(&b->redis, r->tags[r->next + i]);
}
