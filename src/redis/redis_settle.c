/* SPDX-License-Identifier: Apache-2.0 */
/* Settling what is held. Acknowledgements gather during a loop turn, and while a batch
 * is at the server, and go out together. Whatever was at the server when the connection
 * was lost is sent again: each of these steps changes nothing the second time. */
#include "redis_broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS 1000 /* after a refusal; the beat's timer turns the loop by then */

struct ack_batch {
    struct redis_broker *broker;
    struct list deliveries;
    size_t n;
    char *why; /* NULL, or what kept a command out of the transaction */
};

enum job_kind {
    JOB_MOVE,    /* put back */
    JOB_BURY,    /* to the dead letters */
    JOB_PUBLISH, /* a message of our own */
};

struct job {
    struct list link; /* on broker->jobs until sent */
    struct redis_broker *broker;
    enum job_kind kind;
    struct delivery *delivery;
    uint64_t number; /* of a message of our own: names its marker */
    uint32_t source;
    enum broker_side side;
    struct redis_route route;
    char routing_key[QUEUE_NAME_MAX + 1]; /* the route's */
    void (*done)(void *ctx);
    void *ctx;
    size_t task_bytes, id_bytes; /* of a burial: text is reason, task, id */
    size_t n;                    /* bytes of text; 0: the held bytes */
    char text[];
};

void redis_settle_done(struct redis_broker *b, struct delivery *d)
{
    redis_broker_release(b, d);
    b->events->settled(b->ctx, d);
}

uint64_t redis_settle_refused(struct redis_broker *b, const char *what, const char *why)
{
    redis_complain(&b->redis, what, why, RETRY_MS / 1000.0);
    return redis_error_is(why, "NOSCRIPT") ? 0 : uv_now(b->loop) + RETRY_MS;
}

/* ---- acknowledgements --------------------------------------------------------- */

/* EXEC itself only says that there was one: EXECABORT. */
static void on_queued(void *ctx, const redisReply *reply)
{
    struct ack_batch *batch = ctx;
    if (redis_is_error(reply) && !batch->why)
        batch->why = strdup(reply->str);
}

static void on_acked(void *ctx, const redisReply *reply)
{
    struct ack_batch *batch = ctx;
    struct redis_broker *b = batch->broker;
    bool ok = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;

    b->in_flight--;
    if (ok && (size_t)reply->element[0]->integer < batch->n)
        b->base.stats.leases_lost += batch->n - (size_t)reply->element[0]->integer;
    if (redis_is_error(reply))
        b->ack_after_ms = redis_settle_refused(b, "acknowledge",
                                               batch->why ? batch->why : reply->str);
    while (!list_empty(&batch->deliveries)) {
        struct delivery *d = list_entry(batch->deliveries.next, struct delivery, held);
        list_remove(&d->held);
        if (ok) {
            b->base.stats.acked++;
            redis_settle_done(b, d);
        } else {
            b->unsent++;
            list_push(&b->acking, &d->held);
        }
    }
    free(batch->why);
    free(batch);
}

static void ack_command(struct redis_broker *b, struct ack_batch *batch,
                        const char *command, const char *key)
{
    char tag[TAG_BYTES];
    redis_begin(&b->redis, 2 + (unsigned)batch->n, on_queued, batch);
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
    b->unsent -= batch->n;
    b->in_flight++;
    redis_words(&b->redis, NULL, NULL, "MULTI", NULL);
    ack_command(b, batch, "ZREM", b->keys.unacked_index);
    ack_command(b, batch, "HDEL", b->keys.unacked);
    redis_words(&b->redis, on_acked, batch, "EXEC", NULL);
}

void redis_settle_ack(struct broker *base, struct delivery *d)
{
    struct redis_broker *b = (struct redis_broker *)base;
    d->settling = true;
    b->unsent++;
    list_remove(&d->held);
    list_push(&b->acking, &d->held);
}

/* ---- everything else ---------------------------------------------------------- */

static void tell_of_no_queue(const struct job *j)
{
    log_line(LOG_ERROR,
             "No queue is bound to the exchange of '%s' for routing key '%s': the "
             "message is kept in %s",
             j->route.key, j->routing_key, j->broker->keys.dead);
}

static void name_marker(const struct redis_broker *b, uint64_t number,
                        char key[REDIS_KEY_BYTES])
{
    char tag[TAG_BYTES];
    redis_broker_tag(b, number, tag);
    redis_keys_join(key, b->keys.sent, str_of(tag));
}

/* Nobody will ask for it any more. */
static void forget_marker(struct redis_broker *b, uint64_t number)
{
    char marker[REDIS_KEY_BYTES];
    name_marker(b, number, marker);
    redis_words(&b->redis, NULL, NULL, "DEL", marker, NULL);
}

static void on_job_done(void *ctx, const redisReply *reply)
{
    struct job *j = ctx;
    struct redis_broker *b = j->broker;

    b->in_flight--;
    if (!reply || redis_is_error(reply)) {
        if (reply)
            b->jobs_after_ms = redis_settle_refused(b, "settle a message", reply->str);
        list_push(&b->jobs, &j->link);
        b->unsent += j->delivery != NULL;
        return;
    }
    if (j->route.bound && reply->integer == 2)
        tell_of_no_queue(j);
    if (j->delivery) {
        bool ours = reply->integer != 0;
        b->base.stats.put_back += ours && j->kind != JOB_BURY;
        b->base.stats.buried += ours && j->kind == JOB_BURY;
        b->base.stats.leases_lost += !ours;
        redis_settle_done(b, j->delivery);
    }
    if (j->kind == JOB_PUBLISH)
        forget_marker(b, j->number);
    if (j->done)
        j->done(j->ctx);
    free(j);
}

static void send_move(struct redis_broker *b, struct job *j, struct str text)
{
    const struct source *s = &b->sources[j->source];
    char tag[TAG_BYTES];
    assert(j->delivery); /* only JOB_PUBLISH has none */
    redis_broker_tag(b, j->delivery->tag, tag);
    if (j->side == BROKER_BACK)
        redis_wait_step_aside(b, j->source);
    redis_begin_script(&b->redis, &b->scripts.move, 4, 8 + REDIS_ROUTE_ARGS,
                       on_job_done, j);
    redis_arg_text(&b->redis, b->keys.unacked);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_text(&b->redis, j->route.key);
    redis_arg_text(&b->redis, b->keys.dead);
    redis_arg_text(&b->redis, tag);
    redis_arg_text(&b->redis, j->side == BROKER_FRONT ? "front" : "back");
    redis_arg(&b->redis, text);
    redis_arg_text(&b->redis, s->tail);
    redis_route_args(&b->redis, &b->keys, &j->route, b->config->deadletter_queue);
}

static void send_bury(struct redis_broker *b, struct job *j)
{
    const struct source *s = &b->sources[j->source];
    char tag[TAG_BYTES];
    assert(j->delivery); /* only JOB_PUBLISH has none */
    redis_broker_tag(b, j->delivery->tag, tag);
    redis_begin_script(&b->redis, &b->scripts.bury, 3, 9, on_job_done, j);
    redis_arg_text(&b->redis, b->keys.unacked);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_text(&b->redis, b->keys.dead);
    redis_arg_text(&b->redis, tag);
    redis_arg_text(&b->redis, s->tail);
    redis_arg_text(&b->redis, s->queue);
    redis_arg(&b->redis, (struct str){j->text, j->n - j->task_bytes - j->id_bytes});
    redis_arg(&b->redis, (struct str){j->text + j->n - j->task_bytes - j->id_bytes,
                                      j->task_bytes});
    redis_arg(&b->redis, (struct str){j->text + j->n - j->id_bytes, j->id_bytes});
}

/* Sent again when the reply is lost: the marker tells whether it is there already. */
static void send_publish(struct redis_broker *b, struct job *j, struct str text)
{
    char marker[REDIS_KEY_BYTES];
    name_marker(b, j->number, marker);
    redis_begin_script(&b->redis, &b->scripts.publish, 3, 4 + REDIS_ROUTE_ARGS,
                       on_job_done, j);
    redis_arg_text(&b->redis, j->route.key);
    redis_arg_text(&b->redis, b->keys.dead);
    redis_arg_text(&b->redis, marker);
    redis_arg(&b->redis, text);
    redis_route_args(&b->redis, &b->keys, &j->route, b->config->deadletter_queue);
}

static void send_job(struct redis_broker *b, struct job *j)
{
    struct str text = {j->text, j->n};
    b->in_flight++;
    switch (j->kind) {
    case JOB_MOVE:
        send_move(b, j, text);
        break;
    case JOB_BURY:
        send_bury(b, j);
        break;
    case JOB_PUBLISH:
        send_publish(b, j, text);
        break;
    }
    if (j->kind == JOB_PUBLISH)
        redis_route_expire(&b->redis, &b->keys, &b->config->queues, &j->route);
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
    b->unsent += d != NULL;
    list_push(&b->jobs, &j->link);
    return j;
}

/* To the very list it came from, whatever its exchange: kombu asks the exchange again,
 * and gives every queue that is bound a copy. */
void redis_settle_put_back(struct broker *base, struct delivery *d,
                           enum broker_side side, struct str text)
{
    struct redis_broker *b = (struct redis_broker *)base;
    struct job *j = add_job(b, JOB_MOVE, d->source, d, text);
    if (!j)
        return;
    j->side = side;
    redis_keys_join(j->route.key, b->sources[d->source].key, STR(""));
}

/* An address that cannot be one is that of the list the delivery came from. */
static void set_route(struct job *j, const struct broker_address *to)
{
    const struct redis_broker *b = j->broker;
    if (!redis_route_of(&b->keys, to, &j->route)) {
        j->route = (struct redis_route){0};
        redis_keys_join(j->route.key, b->sources[j->source].key, STR(""));
    }
    snprintf(j->routing_key, sizeof(j->routing_key), STR_FMT,
             STR_ARG(j->route.routing_key));
    j->route.routing_key = str_of(j->routing_key);
}

void redis_settle_forward(struct broker *base, struct delivery *d,
                          const struct broker_address *to)
{
    struct job *j =
        add_job((struct redis_broker *)base, JOB_MOVE, d->source, d, (struct str){0});
    if (!j)
        return;
    j->side = BROKER_BACK;
    set_route(j, to);
}

void redis_settle_bury(struct broker *base, struct delivery *d,
                       const struct broker_burial *burial)
{
    struct wr text;
    wr_init(&text, 1 << 20);
    wr_put(&text, burial->reason);
    wr_put(&text, burial->task);
    wr_put(&text, burial->id);
    struct job *j = text.bad ? NULL
                             : add_job((struct redis_broker *)base, JOB_BURY, d->source,
                                       d, wr_str(&text));
    if (j) {
        j->task_bytes = burial->task.n;
        j->id_bytes = burial->id.n;
    }
    wr_finish(&text);
}

void redis_settle_publish(struct broker *base, const struct broker_address *to,
                          struct str text, void (*done)(void *ctx), void *ctx)
{
    struct job *j = add_job((struct redis_broker *)base, JOB_PUBLISH, 0, NULL, text);
    if (!j)
        return;
    j->number = ((struct redis_broker *)base)->counter++;
    j->done = done;
    j->ctx = ctx;
    set_route(j, to);
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
        b->unsent -= j->delivery != NULL;
        send_job(b, j);
    }
}

bool redis_settle_idle(const struct redis_broker *b)
{
    return list_empty(&b->acking) && list_empty(&b->jobs) &&
           list_empty(&b->replacements) && b->in_flight == 0;
}

void redis_settle_finish(struct redis_broker *b)
{
    while (!list_empty(&b->jobs)) {
        struct job *j = list_entry(b->jobs.next, struct job, link);
        list_remove(&j->link);
        free(j);
    }
}
