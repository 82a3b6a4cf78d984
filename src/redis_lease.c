/* SPDX-License-Identifier: Apache-2.0 */
/* Leases. A beat a second keeps the liveness key; the scores of all held tags are
 * renewed every quarter of the visibility timeout, at most every 10 s, so that neither
 * a Python peer's sweep nor ours takes what is waiting or running. After a silence of
 * one TTL peers may have taken over what we held: then nothing starts until a round of
 * renewals has told what is still ours. */
#include "redis_broker.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SLICE 250
#define RENEWAL_MAX_MS 10000u

static void renew_slice(struct redis_broker *b);

static uint64_t renewal_interval_ms(const struct redis_broker *b)
{
    uint64_t quarter = (uint64_t)b->config->visibility_timeout_s * 1000 / 4;
    return quarter < RENEWAL_MAX_MS ? quarter : RENEWAL_MAX_MS;
}

bool redis_lease_sure(const struct broker *base)
{
    const struct redis_broker *b = (const struct redis_broker *)base;
    return b->last_beat_ms != 0 && !b->confirming &&
           uv_now(b->loop) - b->last_beat_ms < NODE_TTL_MS;
}

/* ---- renewing ----------------------------------------------------------------- */

static struct delivery *find_held(struct redis_broker *b, uint64_t counter)
{
    for (struct list *l = b->held.next; l != &b->held; l = l->next)
        if (l != &b->renewal_mark &&
            list_entry(l, struct delivery, held)->tag == counter)
            return list_entry(l, struct delivery, held);
    return NULL;
}

static void lease_gone(struct redis_broker *b, const char *tag)
{
    const char *dot = strrchr(tag, '.');
    struct delivery *d = dot ? find_held(b, strtoull(dot + 1, NULL, 10)) : NULL;
    if (!d || d->settling)
        return; /* settled meanwhile */
    b->base.stats.leases_lost++;
    list_remove(&d->held);
    b->events->lost(b->ctx, d);
}

static void round_over(struct redis_broker *b)
{
    list_remove(&b->renewal_mark);
    b->renewing = false;
    if (b->confirming) {
        b->confirming = false;
        redis_fetch_pump(b);
        b->events->up(b->ctx);
    }
}

/* Whichever of them were asked for: all are asked for again. */
static void forget_stretched(struct redis_broker *b)
{
    for (struct list *l = b->held.next; l != &b->held; l = l->next)
        list_entry(l, struct delivery, held)->leased_until_s = 0;
}

static void on_renewed(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        if (reply)
            log_line(LOG_ERROR, "cannot renew leases: %.200s; trying again",
                     reply->str ? reply->str : "unexpected reply");
        list_remove(&b->renewal_mark);
        b->renewing = false;
        forget_stretched(b);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->str)
            lease_gone(b, reply->element[i]->str);
    renew_slice(b);
}

/* The next deliveries that need it, behind the mark; moves the mark behind them. */
static size_t collect_slice(struct redis_broker *b, struct delivery *out[SLICE])
{
    int64_t soon = time(NULL) + 3 * (int64_t)RENEWAL_MAX_MS / 1000;
    struct list *l = b->renewal_mark.next;
    size_t n = 0;
    for (; l != &b->held && n < SLICE; l = l->next) {
        struct delivery *d = list_entry(l, struct delivery, held);
        if (d->leased_until_s < soon || b->confirming)
            out[n++] = d;
    }
    list_remove(&b->renewal_mark);
    list_insert_before(l, &b->renewal_mark);
    return n;
}

static void renew_slice(struct redis_broker *b)
{
    struct delivery *slice[SLICE];
    char tag[TAG_BYTES];
    size_t n = collect_slice(b, slice);
    if (n == 0) {
        round_over(b);
        return;
    }
    redis_begin_script(&b->redis, &b->scripts.renew, 1, 1 + 2 * (unsigned)n, on_renewed,
                       b);
    redis_arg_text(&b->redis, KEY_UNACKED_INDEX);
    for (size_t i = 0; i < n; i++) {
        redis_broker_tag(b, slice[i]->tag, tag);
        redis_arg_text(&b->redis, tag);
        redis_arg_int(&b->redis, slice[i]->eta_s);
        slice[i]->leased_until_s = slice[i]->eta_s;
    }
}

static void start_round(struct redis_broker *b)
{
    b->next_renewal_ms = uv_now(b->loop) + renewal_interval_ms(b);
    b->renewing = true;
    list_push_front(&b->held, &b->renewal_mark);
    renew_slice(b);
}

/* ---- the beat ----------------------------------------------------------------- */

static void on_beat_reply(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || redis_is_error(reply)) {
        if (reply)
            log_line(LOG_ERROR, "cannot prove to be alive: %.200s", reply->str);
        return;
    }
    uint64_t now = uv_now(b->loop), last = b->last_beat_ms;
    b->last_beat_ms = now;
    if (!b->renewing && (last == 0 || now - last >= NODE_TTL_MS)) {
        b->confirming = true;
        start_round(b);
    } else if (b->confirming && !b->renewing) {
        start_round(b); /* the round before was cut off */
    }
}

static void on_node_written(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (redis_is_error(reply)) /* unknown to its peers, what it held would be lost */
        link_close(&b->redis.link, "the server refuses what a worker needs: %.150s",
                   reply->str);
}

/* {"hostname": …, "pid": …, "sources": [["inbox", "key"], …]} for whoever restores. */
static void register_node(struct redis_broker *b)
{
    json_object *node = json_object_new_object(), *sources = json_object_new_array();
    json_object_object_add(node, "hostname",
                           json_object_new_string(b->config->hostname));
    json_object_object_add(node, "pid", json_object_new_int(getpid()));
    for (size_t i = 0; i < b->nsources; i++) {
        json_object *pair = json_object_new_array();
        json_object_array_add(pair, json_object_new_string(b->sources[i].inbox));
        json_object_array_add(pair, json_object_new_string(b->sources[i].key));
        json_object_array_add(sources, pair);
    }
    json_object_object_add(node, "sources", sources);
    redis_words(&b->redis, on_node_written, b, "HSET", KEY_NODES, b->id,
                json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN), NULL);
    json_object_put(node);
}

static void beat(struct redis_broker *b)
{
    char key[KEY_MAX_BYTES];
    snprintf(key, sizeof(key), KEY_NODE "%s", b->id);
    redis_begin(&b->redis, 5, on_beat_reply, b);
    redis_arg_text(&b->redis, "SET");
    redis_arg_text(&b->redis, key);
    redis_arg_text(&b->redis, b->config->hostname);
    redis_arg_text(&b->redis, "PX");
    redis_arg_int(&b->redis, NODE_TTL_MS);
}

static void on_beat_timer(uv_timer_t *timer)
{
    struct redis_broker *b = timer->data;
    beat(b);
    if (!b->renewing && uv_now(b->loop) >= b->next_renewal_ms)
        start_round(b);
    redis_restore_watch(b);
}

void redis_lease_start(struct redis_broker *b)
{
    register_node(b);
    beat(b);
    uv_timer_start(&b->beat_timer, on_beat_timer, NODE_BEAT_MS, NODE_BEAT_MS);
}

void redis_lease_lost(struct redis_broker *b)
{
    uv_timer_stop(&b->beat_timer);
    list_remove(&b->renewal_mark);
    b->renewing = false;
    /* Whatever is thought of us now, the first beat afterwards asks. */
    if (b->last_beat_ms)
        b->confirming = true;
}

void redis_lease_retire(struct redis_broker *b, bool forget, redis_reply_fn *fn)
{
    char key[KEY_MAX_BYTES];
    snprintf(key, sizeof(key), KEY_NODE "%s", b->id);
    uv_timer_stop(&b->beat_timer);
    redis_words(&b->redis, fn, b, forget ? "HDEL" : "HEXISTS", KEY_NODES, b->id, NULL);
    redis_words(&b->redis, fn, b, "DEL", key, NULL);
}
