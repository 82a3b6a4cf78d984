/* SPDX-License-Identifier: Apache-2.0 */
/* Which queues are taken from: those of the start, and what the remote control adds and
 * cancels.
 *
 * A queue that comes is declared, and its inboxes are registered with the peers, before
 * anything is taken from it: whoever dies then leaves nothing where nobody looks. One
 * that is cancelled keeps its place and its sources, because what was taken from it may
 * go back; its inboxes are emptied for as long as something may still get there. */
#include "redis_broker.h"

#include <errno.h>
#include <stdlib.h>

#define UNBOX_MS 30000 /* a server gives up a dead connection's BLMOVE before */

static struct redis_broker *of(struct broker *base)
{
    return (struct redis_broker *)base;
}

/* ---- in which order they are asked ----------------------------------------------- */

static size_t place_of(const struct redis_broker *b, const struct consumed *q)
{
    size_t i = b->norder;
    if (b->config->queue_order == QUEUES_SORTED)
        while (i > 0 &&
               strcmp(q->queue.name, b->consumed[b->order[i - 1]].queue.name) < 0)
            i--;
    return i;
}

static void enter(struct redis_broker *b, struct consumed *q)
{
    size_t at = place_of(b, q);
    memmove(&b->order[at + 1], &b->order[at], (b->norder - at) * sizeof(b->order[0]));
    b->order[at] = (size_t)(q - b->consumed);
    b->norder++;
    b->rotation = 0;
    q->active = true;
}

static void leave(struct redis_broker *b, struct consumed *q)
{
    size_t at = 0, n = (size_t)(q - b->consumed);
    while (b->order[at] != n)
        at++;
    b->norder--;
    memmove(&b->order[at], &b->order[at + 1], (b->norder - at) * sizeof(b->order[0]));
    b->rotation = 0;
    q->active = false;
}

/* ---- copies ---------------------------------------------------------------------- */

static void forget(struct queue *q)
{
    free(q->name);
    free(q->exchange);
    free(q->exchange_type);
    free(q->routing_key);
}

static bool copy(struct queue *to, const struct queue *q)
{
    *to = (struct queue){strdup(q->name), strdup(q->exchange), strdup(q->exchange_type),
                         strdup(q->routing_key), q->expires_ms};
    if (to->name && to->exchange && to->exchange_type && to->routing_key)
        return true;
    forget(to);
    return false;
}

/* ---- places ---------------------------------------------------------------------- */

static struct consumed *find(const struct redis_broker *b, const char *name)
{
    for (size_t i = 0; i < b->nconsumed; i++)
        if (strcmp(b->consumed[i].queue.name, name) == 0)
            return &b->consumed[i];
    return NULL;
}

static struct source *sources_of(const struct redis_broker *b, const struct consumed *q)
{
    return &b->sources[(size_t)(q - b->consumed) * b->keys.nsteps];
}

static void init_source(struct redis_broker *b, struct source *s,
                        const struct consumed *q, unsigned step)
{
    const char *name = q->queue.name;
    *s = (struct source){.broker = b,
                         .number = (uint32_t)(s - b->sources),
                         .of = q,
                         .waiting = -1,
                         .queue = name};
    redis_keys_list(&b->keys, str_of(name), step, s->key);
    redis_keys_inbox(&b->keys, b->id, s->key, s->inbox);
    snprintf(s->tail, sizeof(s->tail), ", \"\", \"%s\"]", name);
    redis_wait_init(s);
}

static struct consumed *add(struct redis_broker *b, const struct queue *queue)
{
    struct consumed *q = &b->consumed[b->nconsumed];
    if (!copy(&q->queue, queue))
        return NULL;
    b->nconsumed++;
    for (size_t i = 0; i < b->keys.nsteps; i++)
        init_source(b, &b->sources[b->nsources++], q, b->keys.steps[i]);
    return q;
}

bool redis_consume_init(struct redis_broker *b)
{
    const struct queue_table *t = &b->config->queues;
    b->consumed = calloc(CONFIG_QUEUES_MAX, sizeof(*b->consumed));
    b->sources = calloc(CONFIG_QUEUES_MAX * b->keys.nsteps, sizeof(*b->sources));
    bool ok = b->consumed && b->sources;
    for (size_t i = 0; ok && i < t->taken; i++) {
        struct consumed *q = add(b, &t->all[i]);
        ok = q != NULL;
        if (ok)
            enter(b, q);
    }
    return ok;
}

void redis_consume_finish(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++)
        redis_finish(&b->sources[i].listener);
    for (size_t i = 0; i < b->nconsumed; i++)
        forget(&b->consumed[i].queue);
    free(b->sources);
    free(b->consumed);
}

/* ---- coming and going ------------------------------------------------------------ */

static void begin(struct redis_broker *b, struct consumed *q)
{
    struct source *s = sources_of(b, q);
    for (size_t i = 0; i < b->keys.nsteps; i++) {
        s[i].boxed = true; /* from before, maybe */
        s[i].asked = false;
        redis_follow(&s[i].listener);
    }
    q->known = true;
    b->drained = false;
}

void redis_consume_known(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nconsumed; i++)
        if (b->consumed[i].active && !b->consumed[i].known)
            begin(b, &b->consumed[i]);
}

static void on_known(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (redis_is_error(reply)) /* unknown to its peers, what it held would be lost */
        link_close(&b->redis.link, "the server refuses what a worker needs: %.150s",
                   reply->str);
    else if (reply)
        redis_consume_known(b);
}

int redis_consume(struct broker *base, const struct queue *queue)
{
    struct redis_broker *b = of(base);
    struct consumed *q = find(b, queue->name);
    if (q && q->active)
        return 0;
    if (!q && b->nconsumed == CONFIG_QUEUES_MAX)
        return -ENOSPC;
    if (!q && !(q = add(b, queue)))
        return -ENOMEM;
    enter(b, q);
    if (b->up && b->redis.link.state == LINK_OPEN) {
        redis_declare_one(b, &q->queue);
        redis_lease_register(b, on_known);
    } /* else all are, once it is up */
    return 0;
}

bool redis_consume_cancel(struct broker *base, const char *name)
{
    struct redis_broker *b = of(base);
    struct consumed *q = find(b, name);
    if (!q || !q->active)
        return false;
    leave(b, q);
    q->known = false;
    q->unbox_until_ms = uv_now(b->loop) + UNBOX_MS;
    for (size_t i = 0; i < b->keys.nsteps; i++)
        redis_wait_leave(&sources_of(b, q)[i]);
    return true;
}

const struct queue *redis_consumed(const struct broker *base, size_t i)
{
    const struct redis_broker *b = (const struct redis_broker *)base;
    return i < b->norder ? &b->consumed[b->order[i]].queue : NULL;
}

void redis_consume_beat(struct redis_broker *b)
{
    for (size_t n = 0; b->up && n < b->nconsumed; n++) {
        struct consumed *q = &b->consumed[n];
        if (q->active || uv_now(b->loop) > q->unbox_until_ms)
            continue;
        for (size_t i = 0; i < b->keys.nsteps; i++)
            redis_wait_unbox(&sources_of(b, q)[i]);
    }
}
