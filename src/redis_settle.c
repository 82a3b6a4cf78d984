/* SPDX-License-Identifier: Apache-2.0 */
/* Settling what is held. Acknowledgements gather during a loop turn, and while a batch
 * is at the server, and go out together. Whatever was at the server when the connection
 * was lost is sent again: each of these steps changes nothing the second time. */
#include "redis_broker.h"

#include <stdlib.h>

#define RETRY_MS 1000 /* after a refusal; the beat's timer turns the loop by then */

struct ack_batch {
    struct redis_broker *broker;
    struct list deliveries;
    size_t n;
};

enum job_kind {
    JOB_MOVE,    /* put back, or replaced by a retry */
    JOB_BURY,    /* to the dead letters */
    JOB_PUBLISH, /* a message of our own */
};

struct job {
    struct list link; /* on broker->jobs until sent */
    struct redis_broker *broker;
    enum job_kind kind;
    struct delivery *delivery;
    uint32_t source;
    enum broker_side side;
    void (*done)(void *ctx);
    void *ctx;
    size_t n; /* bytes of text; 0: the held bytes */
    char text[];
};

static void settled(struct redis_broker *b, struct delivery *d)
{
    list_remove(&d->held);
    b->events->settled(b->ctx, d);
}

/* Returns when to try again. */
static uint64_t refused(struct redis_broker *b, const char *what,
                        const redisReply *reply)
{
    log_line(LOG_ERROR, "cannot %s: %.200s; trying again in %d s", what, reply->str,
             RETRY_MS / 1000);
    return uv_now(b->loop) + RETRY_MS;
}

/* ---- acknowledgements --------------------------------------------------------- */

static void on_acked(void *ctx, const redisReply *reply)
{
    struct ack_batch *batch = ctx;
    struct redis_broker *b = batch->broker;
    bool ok = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;

    b->in_flight--;
    if (ok && (size_t)reply->element[0]->integer < batch->n)
        b->base.stats.leases_lost += batch->n - (size_t)reply->element[0]->integer;
    if (redis_is_error(reply))
        b->ack_after_ms = refused(b, "acknowledge", reply);
    while (!list_empty(&batch->deliveries)) {
        struct delivery *d = list_entry(batch->deliveries.next, struct delivery, held);
        list_remove(&d->held);
        if (ok) {
            b->base.stats.acked++;
            b->events->settled(b->ctx, d);
        } else {
            list_push(&b->acking, &d->held);
        }
    }
    free(batch);
}

static void ack_command(struct redis_broker *b, struct ack_batch *batch,
                        const char *command, const char *key)
{
    char tag[TAG_BYTES];
    redis_begin(&b->redis, 2 + (unsigned)batch->n, NULL, NULL);
    redis_arg_text(&b->redis, command);
    redis_arg_text(&b->redis, key);
    for (struct list *l = batch->deliveries.next; l != &batch->deliveries;
         l = l->next) {
        redis_broker_tag(b, list_entry(l, struct delivery, held)->tag, tag);
        redis_arg_text(&b->redis, tag);
    }
}

static void send_acks(struct redis_broker *b)
{
    struct ack_batch *batch = malloc(sizeof(*batch));
    if (!batch)
        return; /* tried again at the next turn */
    *batch = (struct ack_batch){.broker = b};
    list_init(&batch->deliveries);
    while (!list_empty(&b->acking)) {
        struct list *l = b->acking.next;
        list_remove(l);
        list_push(&batch->deliveries, l);
        batch->n++;
    }
    b->in_flight++;
    redis_words(&b->redis, NULL, NULL, "MULTI", NULL);
    ack_command(b, batch, "ZREM", KEY_UNACKED_INDEX);
    ack_command(b, batch, "HDEL", KEY_UNACKED);
    redis_words(&b->redis, on_acked, batch, "EXEC", NULL);
}

void redis_settle_ack(struct broker *base, struct delivery *d)
{
    struct redis_broker *b = (struct redis_broker *)base;
    d->settling = true;
    list_remove(&d->held);
    list_push(&b->acking, &d->held);
}

/* ---- everything else ---------------------------------------------------------- */

static void on_job_done(void *ctx, const redisReply *reply)
{
    struct job *j = ctx;
    struct redis_broker *b = j->broker;

    b->in_flight--;
    if (!reply || redis_is_error(reply)) {
        if (reply)
            b->jobs_after_ms = refused(b, "settle a message", reply);
        list_push(&b->jobs, &j->link);
        return;
    }
    if (j->kind == JOB_MOVE || j->kind == JOB_BURY) {
        bool ours = reply->integer == 1;
        b->base.stats.put_back += ours && j->kind == JOB_MOVE;
        b->base.stats.buried += ours && j->kind == JOB_BURY;
        b->base.stats.leases_lost += !ours;
        settled(b, j->delivery);
    }
    if (j->done)
        j->done(j->ctx);
    free(j);
}

static void send_job(struct redis_broker *b, struct job *j)
{
    const struct source *s = &b->sources[j->source];
    struct str text = {j->text, j->n};
    char tag[TAG_BYTES];

    b->in_flight++;
    if (j->kind == JOB_PUBLISH) {
        redis_begin(&b->redis, 3, on_job_done, j);
        redis_arg_text(&b->redis, "LPUSH");
        redis_arg_text(&b->redis, s->key);
        redis_arg(&b->redis, text);
        return;
    }
    redis_broker_tag(b, j->delivery->tag, tag);
    if (j->kind == JOB_MOVE && j->side == BROKER_BACK)
        redis_fetch_step_aside(b, j->source);
    if (j->kind == JOB_MOVE)
        redis_begin_script(&b->redis, &b->scripts.move, 2, 7, on_job_done, j);
    else
        redis_begin_script(&b->redis, &b->scripts.bury, 3, 7, on_job_done, j);
    redis_arg_text(&b->redis, KEY_UNACKED);
    redis_arg_text(&b->redis, KEY_UNACKED_INDEX);
    if (j->kind == JOB_BURY)
        redis_arg_text(&b->redis, KEY_DEAD);
    redis_arg_text(&b->redis, tag);
    if (j->kind == JOB_MOVE) {
        redis_arg_text(&b->redis, j->side == BROKER_FRONT ? "front" : "back");
        redis_arg_text(&b->redis, s->key);
        redis_arg(&b->redis, text);
        redis_arg_text(&b->redis, s->tail);
    } else {
        redis_arg_text(&b->redis, s->tail);
        redis_arg_text(&b->redis, s->queue);
        redis_arg(&b->redis, text);
    }
}

/* Without memory for the job the delivery simply stays held: it is not lost, and its
 * lease ends with this node. */
static struct job *add_job(struct redis_broker *b, enum job_kind kind, uint32_t source,
                           struct delivery *d, struct str text)
{
    struct job *j = malloc(sizeof(*j) + text.n);
    if (!j) {
        log_line(LOG_CRITICAL, "out of memory: a message stays held until this worker "
                               "stops");
        return NULL;
    }
    *j = (struct job){.broker = b, .kind = kind, .source = source, .delivery = d};
    j->n = text.n;
    if (text.n)
        memcpy(j->text, text.p, text.n);
    if (d)
        d->settling = true;
    list_push(&b->jobs, &j->link);
    return j;
}

void redis_settle_put_back(struct broker *base, struct delivery *d,
                           enum broker_side side, struct str text)
{
    struct job *j = add_job((struct redis_broker *)base, JOB_MOVE, d->source, d, text);
    if (j)
        j->side = side;
}

void redis_settle_replace(struct broker *base, struct delivery *d, struct str text)
{
    redis_settle_put_back(base, d, BROKER_BACK, text);
}

void redis_settle_bury(struct broker *base, struct delivery *d, const char *reason)
{
    add_job((struct redis_broker *)base, JOB_BURY, d->source, d, str_of(reason));
}

void redis_settle_publish(struct broker *base, uint32_t source, struct str text,
                          void (*done)(void *ctx), void *ctx)
{
    struct job *j =
        add_job((struct redis_broker *)base, JOB_PUBLISH, source, NULL, text);
    if (j) {
        j->done = done;
        j->ctx = ctx;
    }
}

void redis_settle_flush(struct redis_broker *b)
{
    uint64_t now = uv_now(b->loop);
    /* On a link that is closing every command fails at once, and would come again. */
    if (!b->up || b->redis.link.state != LINK_OPEN)
        return;
    /* One batch at the server at a time: the next one grows with the load meanwhile. */
    if (!list_empty(&b->acking) && b->in_flight == 0 && now >= b->ack_after_ms)
        send_acks(b);
    while (!list_empty(&b->jobs) && b->redis.link.state == LINK_OPEN &&
           now >= b->jobs_after_ms) {
        struct job *j = list_entry(b->jobs.next, struct job, link);
        list_remove(&j->link);
        send_job(b, j);
    }
}

bool redis_settle_idle(const struct redis_broker *b)
{
    return list_empty(&b->acking) && list_empty(&b->jobs) && b->in_flight == 0;
}

void redis_settle_finish(struct redis_broker *b)
{
    while (!list_empty(&b->jobs)) {
        struct job *j = list_entry(b->jobs.next, struct job, link);
        list_remove(&j->link);
        free(j);
    }
}
