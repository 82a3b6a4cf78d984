/* SPDX-License-Identifier: Apache-2.0 */
/* Acknowledging a delivery and publishing what takes its place, in one script: the next
 * attempt of a task, or all that follows upon it. Whatever was at the server when the
 * connection was lost is sent again: a delivery that is gone publishes nothing. */
#include "redis_broker.h"

#include <stdlib.h>

struct replacement {
    struct list link; /* on broker->replacements until sent */
    struct redis_broker *broker;
    struct delivery *delivery;
    size_t n;
    struct broker_message messages[]; /* their texts stand behind them */
};

/* ---- the answer --------------------------------------------------------------- */

/* An address that cannot be one is that of the list the delivery came from. */
static void find_route(const struct replacement *r, size_t i, struct redis_route *out)
{
    const struct redis_broker *b = r->broker;
    if (redis_route_of(&b->keys, &r->messages[i].to, out))
        return;
    *out = (struct redis_route){0};
    redis_keys_join(out->key, b->sources[r->delivery->source].key, STR(""));
}

static void tell_of_dead(const struct replacement *r, const redisReply *reply)
{
    const struct redis_broker *b = r->broker;
    for (size_t i = 1; i + 1 < reply->elements; i += 2) {
        const redisReply *why = reply->element[i + 1];
        struct redis_route route;
        size_t place = (size_t)reply->element[i]->integer;
        if (place < 1 || place > r->n || !why->str)
            return;
        find_route(r, place - 1, &route);
        log_line(LOG_ERROR,
                 "A message for '%s', routing key '" STR_FMT "', is kept in %s: %s",
                 route.key, STR_ARG(route.routing_key), b->keys.dead, why->str);
    }
}

static void on_replaced(void *ctx, const redisReply *reply)
{
    struct replacement *r = ctx;
    struct redis_broker *b = r->broker;

    b->in_flight--;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        if (reply)
            b->jobs_after_ms =
                redis_settle_refused(b, "settle a message",
                                     reply->str ? reply->str : "unexpected reply");
        list_push(&b->replacements, &r->link);
        b->unsent++;
        return;
    }
    tell_of_dead(r, reply);
    if (reply->elements > 0) {
        b->base.stats.acked++;
        redis_settle_done(b, r->delivery);
    } else { /* or a reply that was lost said that it is done */
        b->base.stats.leases_lost++;
        redis_broker_release(b, r->delivery);
        b->events->lost(b->ctx, r->delivery);
    }
    free(r);
}

/* ---- sending ------------------------------------------------------------------ */

static void put_keys(struct redis_broker *b, const struct replacement *r)
{
    struct redis_route route;
    redis_arg_text(&b->redis, b->keys.unacked);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_text(&b->redis, b->keys.dead);
    for (size_t i = 0; i < r->n; i++) {
        find_route(r, i, &route);
        redis_arg_text(&b->redis, route.key);
    }
}

static void put_messages(struct redis_broker *b, const struct replacement *r)
{
    struct redis_route route;
    for (size_t i = 0; i < r->n; i++) {
        find_route(r, i, &route);
        redis_arg(&b->redis, r->messages[i].text);
        redis_route_args(&b->redis, &b->keys, &route, b->config->deadletter_queue);
    }
}

/* Python's side should know the queues too, and some of them live only while used. */
static void declare(struct redis_broker *b, const struct replacement *r)
{
    struct redis_route route;
    for (size_t i = 0; i < r->n; i++) {
        find_route(r, i, &route);
        if (!route.bound && route.routing_key.n > 0)
            redis_send_declare(b, route.routing_key);
        redis_route_expire(&b->redis, &b->keys, &b->config->queues, &route);
    }
}

static void send_replacement(struct redis_broker *b, struct replacement *r)
{
    const unsigned n = (unsigned)r->n;
    char tag[TAG_BYTES];

    declare(b, r);
    b->in_flight++;
    redis_begin_script(&b->redis, &b->scripts.replace, 3 + n,
                       4 + n * (2 + REDIS_ROUTE_ARGS), on_replaced, r);
    if (b->redis.discarding) /* it has been answered, and waits again */
        return;
    put_keys(b, r);
    redis_broker_tag(b, r->delivery->tag, tag);
    redis_arg_text(&b->redis, tag);
    put_messages(b, r);
}

void redis_replace_flush(struct redis_broker *b)
{
    while (!list_empty(&b->replacements) && b->up && b->redis.link.state == LINK_OPEN &&
           uv_now(b->loop) >= b->jobs_after_ms) {
        struct replacement *r =
            list_entry(b->replacements.next, struct replacement, link);
        list_remove(&r->link);
        b->unsent--;
        send_replacement(b, r);
    }
}

/* ---- life --------------------------------------------------------------------- */

/* Without memory the delivery stays held: nothing is lost, and its lease ends with this
 * node. */
void redis_replace(struct broker *base, struct delivery *d,
                   const struct broker_message *messages, size_t n)
{
    struct redis_broker *b = (struct redis_broker *)base;
    size_t bytes = n * sizeof(messages[0]);
    for (size_t i = 0; i < n; i++)
        bytes += messages[i].to.exchange.n + messages[i].to.routing_key.n +
                 messages[i].text.n;
    struct replacement *r = malloc(sizeof(*r) + bytes);
    if (!r) {
        log_line(LOG_CRITICAL, "out of memory: a message stays held until this worker "
                               "stops");
        return;
    }
    *r = (struct replacement){.broker = b, .delivery = d, .n = n};
    char *at = (char *)(r->messages + n);
    for (size_t i = 0; i < n; i++) {
        const struct broker_address *to = &messages[i].to;
        r->messages[i].to =
            (struct broker_address){str_copy_to(&at, to->exchange),
                                    str_copy_to(&at, to->routing_key), to->priority};
        r->messages[i].text = str_copy_to(&at, messages[i].text);
    }
    d->settling = true;
    b->unsent++;
    list_push(&b->replacements, &r->link);
}

void redis_replace_finish(struct redis_broker *b)
{
    while (!list_empty(&b->replacements)) {
        struct replacement *r =
            list_entry(b->replacements.next, struct replacement, link);
        list_remove(&r->link);
        free(r);
    }
}
