/* SPDX-License-Identifier: Apache-2.0 */
/* Declaring queues: the bindings by which Python publishers, and `celery inspect`, find
 * them. Those of a queue with x-expires have a deadline, which is moved on while we
 * take from it: kombu sweeps an exchange's bindings that nobody has refreshed. */
#include "redis_declare.h"

#include "redis_broker.h"

#include <stdio.h>

#define TTL_FACTOR 2
#define TTL_MIN_MS INT64_C(3600000)
#define NEVER_MS UINT64_MAX

static int64_t binding_ttl_ms(const struct queue *q)
{
    int64_t ms = q->expires_ms < INT64_MAX / TTL_FACTOR ? q->expires_ms * TTL_FACTOR
                                                        : q->expires_ms;
    return ms > TTL_MIN_MS ? ms : TTL_MIN_MS;
}

static void bind_for_good(struct redis *r, const struct redis_keys *k,
                          struct str exchange, const char *member)
{
    char key[REDIS_KEY_BYTES];
    redis_keys_join(key, k->binding, exchange);
    redis_words(r, NULL, NULL, "SADD", key, member, NULL);
    redis_keys_join(key, k->binding_permanent, exchange);
    redis_words(r, NULL, NULL, "SADD", key, member, NULL);
}

static void bind_for_a_while(struct redis *r, const struct redis_keys *k,
                             const struct redis_script *bind, const struct queue *q,
                             const char *member)
{
    char key[REDIS_KEY_BYTES];
    redis_keys_join(key, k->binding, str_of(q->exchange));
    redis_begin_script(r, bind, 2, 5, NULL, NULL);
    redis_arg_text(r, key);
    redis_arg_text(r, k->binding_deadlines);
    redis_arg_text(r, member);
    redis_arg_text(r, q->exchange);
    redis_arg_int(r, binding_ttl_ms(q));
}

static void declare(struct redis *r, const struct redis_keys *k,
                    const struct redis_script *bind, const struct queue *q)
{
    char pattern[4 * QUEUE_NAME_MAX] = "", member[REDIS_MEMBER_BYTES];
    if (strcmp(q->exchange_type, "topic") == 0)
        redis_route_pattern(str_of(q->routing_key), pattern, sizeof(pattern));
    redis_keys_member(k, str_of(q->routing_key), str_of(pattern), str_of(q->name),
                      member);
    if (q->expires_ms > 0)
        bind_for_a_while(r, k, bind, q, member);
    else
        bind_for_good(r, k, str_of(q->exchange), member);
}

void redis_declare_named(struct redis *r, const struct redis_keys *k,
                         const struct redis_script *bind,
                         const struct queue_table *queues, struct str name)
{
    char text[QUEUE_NAME_MAX + 1];
    snprintf(text, sizeof(text), STR_FMT, STR_ARG(name));
    const struct queue *known = queue_find(queues, text);
    static char direct[] = "direct";
    const struct queue missing = {text, text, direct, text, 0};
    declare(r, k, bind, known ? known : &missing);
}

static void on_erased(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        b->erased += reply->element[0]->integer;
}

static void say_erased(long long n)
{
    char text[96];
    int len =
        snprintf(text, sizeof(text), "purge: Erased %lld message%s from the queue.\n\n",
                 n, n == 1 ? "" : "s");
    log_print((struct str){text, (size_t)len});
}

/* The last answer, by which the sum is known. */
static void on_purged(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || b->purged)
        return;
    b->purged = true;
    if (b->erased > 0)
        say_erased(b->erased);
}

/* LLEN and DEL in one transaction for each list; nothing is taken before they are
 * answered, since replies come in order. */
static void purge(struct redis_broker *b)
{
    b->erased = 0;
    for (size_t i = 0; i < b->nsources; i++) {
        const char *key = b->sources[i].key;
        redis_words(&b->redis, NULL, NULL, "MULTI", NULL);
        redis_words(&b->redis, NULL, NULL, "LLEN", key, NULL);
        redis_words(&b->redis, NULL, NULL, "DEL", key, NULL);
        redis_words(&b->redis, on_erased, b, "EXEC", NULL);
    }
    redis_words(&b->redis, on_purged, b, "PING", NULL);
}

void redis_declare_one(struct redis_broker *b, const struct queue *q)
{
    declare(&b->redis, &b->keys, &b->scripts.bind, q);
    if (q->expires_ms > 0)
        b->next_declare_ms = 0; /* to be found anew */
}

void redis_declare_queues(struct redis_broker *b)
{
    const struct queue *q;
    if (b->config->purge && !b->purged)
        purge(b);
    for (size_t i = 0; (q = redis_consumed(&b->base, i)); i++)
        redis_declare_one(b, q);
    redis_declare_refresh(b);
}

/* Also tells when the next time is; called with each beat. */
void redis_declare_refresh(struct redis_broker *b)
{
    const struct queue *q;
    uint64_t now = uv_now(b->loop);
    bool due = b->next_declare_ms && now >= b->next_declare_ms;
    if (b->next_declare_ms && !due)
        return;
    b->next_declare_ms = NEVER_MS;
    for (size_t i = 0; (q = redis_consumed(&b->base, i)); i++) {
        if (q->expires_ms == 0)
            continue;
        if (due)
            declare(&b->redis, &b->keys, &b->scripts.bind, q);
        uint64_t next = now + (uint64_t)binding_ttl_ms(q) / 3;
        b->next_declare_ms = next < b->next_declare_ms ? next : b->next_declare_ms;
    }
    if (due)
        redis_begin_script(&b->redis, &b->scripts.sweep_bindings, 1, 3, NULL, NULL);
    if (due) {
        redis_arg_text(&b->redis, b->keys.binding_deadlines);
        redis_arg_text(&b->redis, b->keys.binding);
        redis_arg_text(&b->redis, b->keys.binding_permanent);
    }
}
