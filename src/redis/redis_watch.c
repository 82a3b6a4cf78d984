/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes are dead. One is only after its liveness key was missing in every answer
 * for one full TTL, on one connection: a paused server that answers late, or a new
 * server, starts the watch anew, so that live nodes never look dead. */
#include "redis_restore.h"

#include <stdlib.h>

#define WATCH_GAP_MS 2500 /* a longer silence between two answers voids the watch */

struct absence {
    struct list link; /* on broker->absent */
    char node[NODE_ID_BYTES];
    uint64_t since_ms;
    bool seen; /* missing in the newest answer too */
};

static struct absence *find_absence(struct redis_broker *b, const char *node)
{
    for (struct list *l = b->absent.next; l != &b->absent; l = l->next) {
        struct absence *a = list_entry(l, struct absence, link);
        if (strcmp(a->node, node) == 0)
            return a;
    }
    return NULL;
}

static void forget_absence(struct absence *a)
{
    list_remove(&a->link);
    free(a);
}

/* Drops those that were not missing in the newest answer; marks the rest unseen. */
static void keep_seen(struct redis_broker *b)
{
    for (struct list *l = b->absent.next, *next; l != &b->absent; l = next) {
        struct absence *a = list_entry(l, struct absence, link);
        next = l->next;
        if (!a->seen)
            forget_absence(a);
        else
            a->seen = false;
    }
}

static void note_absent(struct redis_broker *b, const char *node, uint64_t now)
{
    struct absence *a = find_absence(b, node);
    if (!a && strlen(node) < NODE_ID_BYTES && (a = calloc(1, sizeof(*a)))) {
        strcpy(a->node, node);
        a->since_ms = now;
        list_push(&b->absent, &a->link);
    }
    if (a)
        a->seen = true;
}

void restore_next_dead(struct redis_broker *b)
{
    const uint64_t now = uv_now(b->loop);
    for (struct list *l = b->absent.next; l != &b->absent; l = l->next) {
        struct absence *a = list_entry(l, struct absence, link);
        if (now - a->since_ms < NODE_TTL_MS)
            continue;
        if (restore_begin(b, RESTORE_NODE, a->node))
            forget_absence(a);
        return;
    }
}

static void on_absent(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    uint64_t now = uv_now(b->loop);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return;
    if (now - b->last_watch_ms > WATCH_GAP_MS)
        redis_restore_lost(b); /* a silence: nobody could have renewed meanwhile */
    b->last_watch_ms = now;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->str && strcmp(reply->element[i]->str, b->id) != 0)
            note_absent(b, reply->element[i]->str, now);
    keep_seen(b);
    if (!b->restore)
        restore_next_dead(b);
}

static uint64_t sweep_interval_ms(const struct config *c)
{
    double s = c->unacked_restore_interval_s * (double)c->unacked_restore_throttle;
    return s < 1 ? 1000 : (uint64_t)(s * 1000);
}

void redis_restore_watch(struct redis_broker *b)
{
    redis_begin_script(&b->redis, &b->scripts.absent, 1, 2, on_absent, b);
    redis_arg_text(&b->redis, b->keys.nodes);
    redis_arg_text(&b->redis, b->keys.node);
    if (b->restore)
        return;
    if (b->own_orphans && !b->fetching) {
        b->own_orphans = false;
        if (!restore_begin(b, RESTORE_OWN, b->id))
            b->own_orphans = true;
    } else if (!b->quiescing && uv_now(b->loop) >= b->next_sweep_ms) {
        b->next_sweep_ms = uv_now(b->loop) + sweep_interval_ms(b->config);
        restore_begin(b, RESTORE_OVERDUE, "");
    }
}

bool redis_restore_own_left(const struct redis_broker *b)
{
    return b->own_orphans || (b->restore && b->restore->kind == RESTORE_OWN);
}

void redis_restore_lost(struct redis_broker *b)
{
    while (!list_empty(&b->absent))
        forget_absence(list_entry(b->absent.next, struct absence, link));
}

void redis_restore_finish(struct redis_broker *b)
{
    redis_restore_lost(b);
    if (b->restore)
        restore_end(b->restore);
}
