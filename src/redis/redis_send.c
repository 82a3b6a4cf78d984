/* SPDX-License-Identifier: Apache-2.0 */
/* Sending what handlers publish, in the order given. What gathers during a turn of the
 * loop goes out together, and neighbours for one list in one LPUSH.
 *
 * What was at the server when the connection was lost is sent again: the server may
 * have it already, and then it is there twice. Kombu does the same. */
#include "redis_broker.h"
#include "redis_declare.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH_MAX 64

struct waiting {
    struct list link; /* on broker->sends, or on a batch's */
    broker_sent_fn *done;
    void *ctx;
    size_t n;
    struct redis_route route; /* its routing key stands behind the text */
    char text[];
};

struct batch {
    struct redis_broker *broker;
    struct list messages;
};

/* ---- where to ----------------------------------------------------------------- */

/* The table forgets a name when another takes its place: declaring twice does no harm.
 */
void redis_send_declare(struct redis_broker *b, struct str queue)
{
    uint64_t hash = 1469598103934665603u;

    for (size_t i = 0; i < queue.n; i++)
        hash = (hash ^ (unsigned char)queue.p[i]) * 1099511628211u;
    if (b->declared[hash % REDIS_DECLARED] == hash)
        return;
    b->declared[hash % REDIS_DECLARED] = hash;
    redis_declare_named(&b->redis, &b->keys, &b->scripts.bind, &b->config->queues,
                        queue);
}

/* ---- away --------------------------------------------------------------------- */

static void finish(struct waiting *m, const char *why)
{
    if (m->done)
        m->done(m->ctx, why);
    free(m);
}

static void settle(struct redis_broker *b, struct waiting *m, const redisReply *reply)
{
    if (!reply)
        list_push(&b->sends, &m->link); /* for the next connection */
    else
        finish(m, redis_is_error(reply) ? reply->str : NULL);
}

static void on_sent(void *ctx, const redisReply *reply)
{
    struct batch *batch = ctx;
    struct redis_broker *b = batch->broker;

    b->sending--;
    while (!list_empty(&batch->messages)) {
        struct waiting *m = list_entry(batch->messages.next, struct waiting, link);
        list_remove(&m->link);
        settle(b, m, reply);
    }
    free(batch);
}

/* Takes the first message and those behind it that go to the same list. */
static size_t gather(struct redis_broker *b, struct batch *batch)
{
    const struct redis_route *first = NULL;
    size_t n = 0;

    while (!list_empty(&b->sends) && n < BATCH_MAX) {
        struct waiting *m = list_entry(b->sends.next, struct waiting, link);
        if (first && (first->bound || strcmp(first->key, m->route.key) != 0))
            break;
        first = &m->route;
        list_remove(&m->link);
        list_push(&batch->messages, &m->link);
        n++;
    }
    return n;
}

/* The script asks the exchange's bindings. */
static void send_bound(struct redis_broker *b, const struct waiting *m,
                       struct batch *batch)
{
    redis_begin_script(&b->redis, &b->scripts.publish, 2, 3 + REDIS_ROUTE_ARGS, on_sent,
                       batch);
    redis_arg_text(&b->redis, m->route.key);
    redis_arg_text(&b->redis, b->keys.dead);
    redis_arg(&b->redis, (struct str){m->text, m->n});
    redis_route_args(&b->redis, &b->keys, &m->route, b->config->deadletter_queue);
}

static void send_batch(struct redis_broker *b, struct batch *batch)
{
    size_t n = gather(b, batch);
    struct list *l = batch->messages.next;
    const struct waiting *first = list_entry(l, struct waiting, link);
    const struct redis_route route = first->route; /* its batch may end meanwhile */

    b->sending++;
    if (route.bound) {
        send_bound(b, first, batch);
        return;
    }
    redis_begin(&b->redis, 2 + (unsigned)n, on_sent, batch);
    redis_arg_text(&b->redis, "LPUSH");
    redis_arg_text(&b->redis, route.key);
    for (; n > 0 && !b->redis.discarding; n--, l = l->next) {
        struct waiting *m = list_entry(l, struct waiting, link);
        redis_arg(&b->redis, (struct str){m->text, m->n});
    }
    redis_route_expire(&b->redis, &b->keys, &b->config->queues, &route);
}

void redis_send_flush(struct redis_broker *b)
{
    while (!list_empty(&b->sends) && b->up && b->redis.link.state == LINK_OPEN) {
        struct batch *batch = malloc(sizeof(*batch));
        if (!batch)
            return; /* tried again at the next turn */
        batch->broker = b;
        list_init(&batch->messages);
        send_batch(b, batch);
    }
}

void redis_send(struct broker *base, const struct broker_address *to, struct str text,
                broker_sent_fn *done, void *ctx)
{
    struct redis_broker *b = (struct redis_broker *)base;
    struct waiting *m = malloc(sizeof(*m) + text.n + to->routing_key.n);
    const char *why = !m ? "out of memory"
                      : !redis_route_of(&b->keys, to, &m->route)
                          ? "its queue's name is "
                            "too long, or empty"
                          : NULL;

    if (why) {
        free(m);
        done(ctx, why);
        return;
    }
    m->done = done;
    m->ctx = ctx;
    m->n = text.n;
    memcpy(m->text, text.p, text.n);
    if (to->routing_key.n)
        memcpy(m->text + text.n, to->routing_key.p, to->routing_key.n);
    m->route.routing_key = (struct str){m->text + text.n, to->routing_key.n};
    list_push(&b->sends, &m->link);
    if (b->up && !m->route.bound)
        redis_send_declare(b, to->routing_key);
}

bool redis_send_idle(const struct redis_broker *b)
{
    return list_empty(&b->sends) && b->sending == 0;
}

void redis_send_lost(struct redis_broker *b)
{
    memset(b->declared, 0, sizeof(b->declared));
}

void redis_send_finish(struct redis_broker *b)
{
    while (!list_empty(&b->sends)) {
        struct waiting *m = list_entry(b->sends.next, struct waiting, link);
        list_remove(&m->link);
        free(m);
    }
}
