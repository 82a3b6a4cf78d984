/* SPDX-License-Identifier: Apache-2.0 */
#include "throttle.h"

#include "../rate.h"

#include <stdlib.h>

struct bucket {
    struct rate rate;
    struct list waiting; /* requests, by their `link` */
    struct list active;  /* on throttle->active while somebody waits */
};

struct throttle {
    const struct table *table;
    const struct throttle_events *events;
    struct bucket *buckets; /* one for each row of the table */
    struct list active;
    uv_timer_t timer; /* the next token that somebody waits for */
};

static int64_t now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

struct throttle *throttle_create(uv_loop_t *loop, const struct table *table,
                                 const struct throttle_events *events)
{
    struct throttle *t = calloc(1, sizeof(*t));
    struct bucket *buckets = calloc(table->n + 1, sizeof(*buckets));
    if (!t || !buckets) {
        free(t);
        free(buckets);
        return NULL;
    }
    *t = (struct throttle){.table = table, .events = events, .buckets = buckets};
    list_init(&t->active);
    for (size_t i = 0; i < table->n; i++) {
        list_init(&buckets[i].waiting);
        list_init(&buckets[i].active);
        rate_set(&buckets[i].rate, table->rows[i].attributes.rate_per_s, now_us());
    }
    uv_timer_init(loop, &t->timer);
    t->timer.data = t;
    return t;
}

void throttle_destroy(struct throttle *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->table->n; i++)
        while (!list_empty(&t->buckets[i].waiting))
            request_destroy(
                list_entry(t->buckets[i].waiting.next, struct request, link));
    free(t->buckets);
    free(t);
}

/* Releases what there are tokens for; how long the next one takes, or -1 if nobody
 * waits. */
static int64_t pump(struct throttle *t, struct bucket *b)
{
    while (!list_empty(&b->waiting)) {
        struct request *rq = list_entry(b->waiting.next, struct request, link);
        if (t->events->dropped(rq))
            continue;
        if (!rate_take(&b->rate, now_us()))
            return rate_wait_us(&b->rate, now_us());
        list_remove(&rq->link);
        t->events->released(rq);
    }
    list_remove(&b->active);
    return -1;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct throttle *t, int64_t wait_us)
{
    uint64_t ms = (uint64_t)(wait_us + 999) / 1000;
    if (!uv_is_active((uv_handle_t *)&t->timer) || uv_timer_get_due_in(&t->timer) > ms)
        uv_timer_start(&t->timer, on_timer, ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct throttle *t = timer->data;
    struct list *next;
    for (struct list *l = t->active.next; l != &t->active; l = next) {
        next = l->next;
        int64_t wait_us = pump(t, list_entry(l, struct bucket, active));
        if (wait_us >= 0)
            arm(t, wait_us);
    }
}

static struct bucket *bucket_of(struct throttle *t, const struct request *rq)
{
    return &t->buckets[rq->row - t->table->rows];
}

bool throttle_admit(struct throttle *t, struct request *rq)
{
    struct bucket *b = bucket_of(t, rq);
    if (list_empty(&b->waiting) && rate_take(&b->rate, now_us()))
        return true;
    request_move(rq, RQ_LIMITED);
    list_remove(&rq->link);
    list_push(&b->waiting, &rq->link);
    if (list_empty(&b->active))
        list_push(&t->active, &b->active);
    arm(t, rate_wait_us(&b->rate, now_us()));
    return false;
}

void throttle_set(struct throttle *t, size_t i, double per_s)
{
    struct bucket *b = &t->buckets[i];
    rate_set(&b->rate, per_s, now_us());
    int64_t wait_us = pump(t, b);
    if (wait_us >= 0)
        arm(t, wait_us);
}

void throttle_each(struct throttle *t, void (*fn)(void *ctx, struct request *rq),
                   void *ctx)
{
    for (size_t i = 0; i < t->table->n; i++) {
        struct list *waiting = &t->buckets[i].waiting, *next;
        for (struct list *l = waiting->next; l != waiting; l = next) {
            next = l->next;
            fn(ctx, list_entry(l, struct request, link));
        }
    }
}
