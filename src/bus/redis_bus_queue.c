/* SPDX-License-Identifier: Apache-2.0 */
/* Names of exchanges, queues and channels, and the bindings that Python's workers leave
 * for them: nothing is delivered by those of a fanout exchange, but they are looked at.
 * Queues with an end have bindings with a deadline, which is moved on while we live. */
#include "redis_bus.h"

#include <errno.h>
#include <stdio.h>

#define TTL_FACTOR 2
#define TTL_MIN_MS 3600000.0

static double ttl_ms(double expires_s)
{
    double ms = expires_s * 1000 * TTL_FACTOR;
    return ms > TTL_MIN_MS ? ms : TTL_MIN_MS;
}

static void bind_queue(struct redis_bus *b, const char *exchange,
                       const char *routing_key, const char *queue, double expires_s)
{
    struct redis *r = &b->writer;
    char key[REDIS_KEY_BYTES], member[REDIS_MEMBER_BYTES];
    redis_keys_member(&b->keys, str_of(routing_key), STR(""), str_of(queue), member);
    redis_keys_join(key, b->keys.binding, str_of(exchange));
    if (expires_s > 0) {
        redis_begin_script(r, &b->scripts.bind, 2, 5, NULL, NULL);
        redis_arg_text(r, key);
        redis_arg_text(r, b->keys.binding_deadlines);
        redis_arg_text(r, member);
        redis_arg_text(r, exchange);
        redis_arg_int(r, (int64_t)ttl_ms(expires_s));
        return;
    }
    redis_words(r, NULL, NULL, "SADD", key, member, NULL);
    redis_keys_join(key, b->keys.binding_permanent, str_of(exchange));
    redis_words(r, NULL, NULL, "SADD", key, member, NULL);
}

/* Its lists go with it, as in kombu: one for each priority. */
static void unbind_queue(struct redis_bus *b, const char *exchange,
                         const char *routing_key, const char *queue)
{
    struct redis *r = &b->writer;
    char key[REDIS_KEY_BYTES], member[REDIS_MEMBER_BYTES];
    redis_keys_member(&b->keys, str_of(routing_key), STR(""), str_of(queue), member);
    redis_keys_join(key, b->keys.binding, str_of(exchange));
    redis_words(r, NULL, NULL, "SREM", key, member, NULL);
    redis_keys_join(key, b->keys.binding_permanent, str_of(exchange));
    redis_words(r, NULL, NULL, "SREM", key, member, NULL);
    redis_begin(r, 1 + (unsigned)b->keys.nsteps, NULL, NULL);
    redis_arg_text(r, "DEL");
    for (size_t i = 0; i < b->keys.nsteps; i++) {
        redis_keys_list(&b->keys, str_of(queue), b->keys.steps[i], key);
        redis_arg_text(r, key);
    }
}

static const char *event_routing_key(const struct redis_bus *b)
{
    return b->hearing & BUS_ALL_EVENTS ? "#" : "worker.#";
}

static void sweep(struct redis_bus *b)
{
    redis_begin_script(&b->writer, &b->scripts.sweep_bindings, 1, 3, NULL, NULL);
    redis_arg_text(&b->writer, b->keys.binding_deadlines);
    redis_arg_text(&b->writer, b->keys.binding);
    redis_arg_text(&b->writer, b->keys.binding_permanent);
}

void redis_bus_bind(struct redis_bus *b)
{
    const struct config *c = b->config;
    if (b->hearing & BUS_CONTROL)
        bind_queue(b, b->exchange, "", b->queue, c->control_queue_expires_s);
    if (b->hearing & (BUS_WORKER_EVENTS | BUS_ALL_EVENTS))
        bind_queue(b, c->event_exchange, event_routing_key(b), b->event_queue,
                   c->event_queue_expires_s);
    if (b->hearing)
        sweep(b);
}

void redis_bus_unbind(struct redis_bus *b)
{
    if (b->hearing & (BUS_WORKER_EVENTS | BUS_ALL_EVENTS))
        unbind_queue(b, b->config->event_exchange, event_routing_key(b),
                     b->event_queue);
    if (b->hearing & BUS_CONTROL)
        unbind_queue(b, b->exchange, "", b->queue);
}

void redis_bus_bind_reply(struct redis_bus *b)
{
    bind_queue(b, b->reply_exchange, b->oid, b->reply_queue,
               b->config->control_queue_expires_s);
}

void redis_bus_unbind_reply(struct redis_bus *b)
{
    b->reply_queue_left = !b->writable;
    if (b->writable)
        unbind_queue(b, b->reply_exchange, b->oid, b->reply_queue);
}

/* ---- names -------------------------------------------------------------------- */

static int name(char out[REDIS_BUS_NAME_MAX], const char *first, const char *middle,
                const char *last, struct error *e)
{
    int n = snprintf(out, REDIS_BUS_NAME_MAX, "%s%s%s", first, middle, last);
    if (n > 0 && n < REDIS_BUS_NAME_MAX)
        return 0;
    return error_set(e, EINVAL,
                     "control_exchange, event_exchange, event_queue_prefix "
                     "or the node's name are too long");
}

int redis_bus_name(struct redis_bus *b, struct error *e)
{
    const struct config *c = b->config;
    char id[UUID_TEXT];
    redis_bus_uuid(id);
    redis_bus_uuid(b->oid);
    if (name(b->exchange, c->control_exchange, ".pidbox", "", e) < 0 ||
        name(b->reply_exchange, "reply.", b->exchange, "", e) < 0 ||
        name(b->queue, c->hostname ? c->hostname : "", ".", b->exchange, e) < 0 ||
        name(b->event_queue, c->event_queue_prefix, ".", id, e) < 0 ||
        name(b->reply_queue, b->oid, ".", b->reply_exchange, e) < 0)
        return -EINVAL;
    redis_keys_channel(&b->keys, str_of(b->exchange), STR(""), b->control_channel);
    redis_keys_channel(&b->keys, str_of(c->event_exchange),
                       str_of(event_routing_key(b)), b->event_channel);
    return 0;
}
