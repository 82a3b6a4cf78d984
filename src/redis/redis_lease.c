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
#define LOOKS 2000 /* deliveries that one turn looks at */
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

static void lease_gone(struct redis_broker *b, const char *tag)
{
    struct delivery *d = held_find(&b->by_tag, redis_broker_counter(b, tag));
    if (!d || d->settling)
        return; /* settled meanwhile */
    b->base.stats.leases_lost++;
    redis_broker_release(b, d);
    b->events->lost(b->ctx, d);
}

static void stop_round(struct redis_broker *b)
{
    uv_timer_stop(&b->renewal_timer);
    list_remove(&b->renewal_mark);
    b->renewing = false;
}

static void round_over(struct redis_broker *b)
{
    stop_round(b);
    if (b->confirming) {
        b->confirming = false;
        b->events->up(b->ctx);
    }
}

static void on_renewed(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    b->renewal_at_server = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        if (reply)
            redis_complain(&b->redis, "renew leases", reply->str,
                           (double)renewal_interval_ms(b) / 1000);
        stop_round(b);
        b->stretched_in_doubt = true;
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->str)
            lease_gone(b, reply->element[i]->str);
    if (b->confirming && b->renewing)
        renew_slice(b); /* the worker waits for it */
}

/* What the server was told to keep until its eta needs no renewal before. */
static bool needs_renewal(const struct redis_broker *b, const struct delivery *d,
                          int64_t soon_s)
{
    return b->confirming || b->stretching_anew || d->leased_until_s < soon_s;
}

/* The next deliveries that need it, behind the mark; moves the mark behind them. */
static size_t collect_slice(struct redis_broker *b, struct delivery *out[SLICE])
{
    int64_t soon_s = time(NULL) + 3 * (int64_t)RENEWAL_MAX_MS / 1000;
    struct list *l = b->renewal_mark.next;
    size_t n = 0;
    for (size_t looks = 0; l != &b->held && n < SLICE && looks < LOOKS; looks++) {
        struct delivery *d = list_entry(l, struct delivery, held);
        if (needs_renewal(b, d, soon_s))
            out[n++] = d;
        l = l->next;
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
        if (b->renewal_mark.next == &b->held)
            round_over(b);
        return;
    }
    b->renewal_at_server = true;
    b->base.stats.leases_renewed += n;
    redis_begin_script(&b->redis, &b->scripts.renew, 1, 1 + 2 * (unsigned)n, on_renewed,
                       b);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    for (size_t i = 0; i < n; i++) {
        redis_broker_tag(b, slice[i]->tag, tag);
        redis_arg_text(&b->redis, tag);
        redis_arg_int(&b->redis, slice[i]->eta_s);
        slice[i]->leased_until_s = slice[i]->eta_s;
    }
}

static void on_renewal_timer(uv_timer_t *timer)
{
    struct redis_broker *b = timer->data;
    if (b->renewing && !b->renewal_at_server && b->redis.link.state == LINK_OPEN)
        renew_slice(b);
}

/* A million leases are a thousand slices: one every few milliseconds, so that neither
 * this loop nor the server notices the round. */
static uint64_t slice_interval_ms(const struct redis_broker *b)
{
    uint64_t slices = b->by_tag.n / SLICE + 1;
    return b->confirming ? 1 : renewal_interval_ms(b) / 2 / slices + 1;
}

static void start_round(struct redis_broker *b)
{
    b->next_renewal_ms = uv_now(b->loop) + renewal_interval_ms(b);
    b->renewing = true;
    b->renewal_at_server = false;
    b->stretching_anew = b->stretched_in_doubt;
    b->stretched_in_doubt = false;
    list_push_front(&b->held, &b->renewal_mark);
    uint64_t ms = slice_interval_ms(b);
    uv_timer_start(&b->renewal_timer, on_renewal_timer, ms, ms);
    renew_slice(b);
}

/* ---- the beat ----------------------------------------------------------------- */

static void on_node_written(void *ctx, const redisReply *reply);
static void beat(struct redis_broker *b);

static void on_beat_reply(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || redis_is_error(reply)) {
        if (reply)
            redis_complain(&b->redis, "prove to be alive", reply->str,
                           NODE_BEAT_MS / 1000.0);
        return;
    }
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
        b->registered = false; /* it has expired, or all keys were removed */
        redis_lease_register(b, on_node_written);
        beat(b);
        return;
    }
    uint64_t now = uv_now(b->loop), last = b->last_beat_ms;
    b->registered = true;
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
void redis_lease_register(struct redis_broker *b, redis_reply_fn *fn)
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
    redis_words(&b->redis, fn, b, "HSET", b->keys.nodes, b->id,
                json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN), NULL);
    json_object_put(node);
}

/* SET is refused where memory has run out, PEXPIRE is not: a full server must not make
 * live nodes look dead. */
static void beat(struct redis_broker *b)
{
    char key[REDIS_KEY_BYTES];
    bool renews = b->registered;
    redis_keys_join(key, b->keys.node, str_of(b->id));
    redis_begin(&b->redis, renews ? 3 : 5, on_beat_reply, b);
    redis_arg_text(&b->redis, renews ? "PEXPIRE" : "SET");
    redis_arg_text(&b->redis, key);
    if (!renews) {
        redis_arg_text(&b->redis, b->config->hostname);
        redis_arg_text(&b->redis, "PX");
    }
    redis_arg_int(&b->redis, NODE_TTL_MS);
}

static void on_beat_timer(uv_timer_t *timer)
{
    struct redis_broker *b = timer->data;
    beat(b);
    if (!b->renewing && uv_now(b->loop) >= b->next_renewal_ms)
        start_round(b);
    redis_restore_watch(b);
    redis_declare_refresh(b);
    redis_consume_beat(b);
    redis_waiting_beat(b);
    redis_fetch_pump(b); /* a queue may have rested */
    /* A predecessor of the same name that was killed seems alive for a while. */
    if (++b->beats == NODE_TTL_MS / NODE_BEAT_MS + 2)
        redis_namesake_look(b);
}

void redis_lease_start(struct redis_broker *b)
{
    b->registered = false;
    b->beats = 0;
    redis_lease_register(b, on_node_written);
    beat(b);
    uv_timer_start(&b->beat_timer, on_beat_timer, NODE_BEAT_MS, NODE_BEAT_MS);
}

void redis_lease_lost(struct redis_broker *b)
{
    uv_timer_stop(&b->beat_timer);
    stop_round(b);
    /* Whatever is thought of us now, the first beat afterwards asks. */
    if (b->last_beat_ms)
        b->confirming = true;
}

void redis_lease_retire(struct redis_broker *b, bool forget, redis_reply_fn *fn)
{
    char key[REDIS_KEY_BYTES];
    redis_keys_join(key, b->keys.node, str_of(b->id));
    uv_timer_stop(&b->beat_timer);
    redis_words(&b->redis, fn, b, forget ? "HDEL" : "HEXISTS", b->keys.nodes, b->id,
                NULL);
    redis_words(&b->redis, fn, b, "DEL", key, NULL);
}
