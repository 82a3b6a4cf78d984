/* SPDX-License-Identifier: Apache-2.0 */
/* broker - what takes messages and settles them; the things any broker does, no others.
 *
 * Every message a broker hands over is a delivery: the worker holds it under a lease
 * until it settles it, exactly once, in one of the ways below. At every instant a
 * message is in its queue or under a lease that another worker recovers:
 *
 *     queue ──take──▶ held ──ack──▶ gone
 *                      │ ├─put back──▶ queue (front or back)
 *                      │ └─bury──────▶ dead-letter list, with the reason
 *                      └ the worker dies: its peers put back what it held
 *
 * A crash before `take` is booked or after `ack` costs nothing; one between them costs
 * a repeat of what was running, never a loss. */
#ifndef PETIOLE_BROKER_H
#define PETIOLE_BROKER_H

#include "error.h"
#include "list.h"

#include "../protocol/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct config;
struct queue;
struct broker;

/* The broker's half of a held message, inside the request that it became. */
struct delivery {
    struct list held; /* on the broker's list of leases */
    uint64_t tag;     /* names it towards the broker */
    struct delivery *next_by_tag;
    uint32_t source;        /* which queue and priority it came from */
    int64_t eta_s;          /* Unix time it is wanted at; 0: now. Stretches the lease */
    int64_t leased_until_s; /* the broker's note: no renewal needed before */
    bool settling;          /* a settlement was asked for; no second one may be */
};

enum broker_side {
    BROKER_FRONT, /* next to be taken: it was never tried */
    BROKER_BACK,  /* behind what waits */
};

/* Where a message is published to. Without an exchange the routing key is the queue. */
struct broker_address {
    struct str exchange, routing_key;
    int64_t priority;
};

/* A message to be published, and where to. */
struct broker_message {
    struct broker_address to;
    struct str text;
};

/* why: NULL once the broker has it; else what it said, and it is nowhere. */
typedef void broker_sent_fn(void *ctx, const char *why);

/* Why a message is a dead letter, and what of it is known. */
struct broker_burial {
    struct str reason, task, id;
};

struct broker_events {
    /* A message was taken. The listener copies what it needs, and answers with the
     * delivery to hold it by, or NULL if it could not (it is put back). */
    struct delivery *(*taken)(void *ctx, struct str text, struct str queue);
    /* The settlement is done: the delivery's memory may go. */
    void (*settled)(void *ctx, struct delivery *d);
    /* Another worker has it now: it was presumed lost. Treat as settled. */
    void (*lost)(void *ctx, struct delivery *d);
    /* Consuming, or not; `why` and `retry_s` tell about a loss. */
    void (*up)(void *ctx);
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
    /* It cannot work at all with this server: give up. */
    void (*unfit)(void *ctx, const char *why);
};

struct broker_stats {
    uint64_t taken, acked, put_back, buried, leases_renewed, leases_lost,
        restored_from_dead, restored_overdue;
};

struct broker_ops {
    const char *transport; /* "redis" */
    /* The URL in use, or tried last, without its password. Lives until the next call.
     */
    const char *(*where)(const struct broker *b);
    void (*start)(struct broker *b);
    /* At most this many more messages may be taken, beside as many as are settled: the
     * broker sees to it that a message is settled before another takes its place. */
    void (*want)(struct broker *b, size_t n);
    void (*ack)(struct broker *b, struct delivery *d);
    /* text: what goes back; .p NULL for the very bytes that were taken. */
    void (*put_back)(struct broker *b, struct delivery *d, enum broker_side side,
                     struct str text);
    /* The very bytes that were taken go to the back of another queue. */
    void (*forward)(struct broker *b, struct delivery *d,
                    const struct broker_address *to);
    /* Publishes all `n` messages, copied, in their order, and acknowledges the
     * delivery, in one step: a retry, or what follows upon a task, is never both lost
     * and acknowledged, nor is it published twice. If another worker holds the delivery
     * by now, nothing is published. What no queue is bound for goes to the dead
     * letters.
     */
    void (*replace)(struct broker *b, struct delivery *d,
                    const struct broker_message *messages, size_t n);
    void (*bury)(struct broker *b, struct delivery *d,
                 const struct broker_burial *burial);
    /* A message of our own; done(ctx) when the broker has it. */
    void (*publish)(struct broker *b, const struct broker_address *to, struct str text,
                    void (*done)(void *ctx), void *ctx);
    /* A message that a handler made; `done` may be called before send returns. While
     * the connection is lost it is kept, and a refusal is told, not tried again. */
    void (*send)(struct broker *b, const struct broker_address *to, struct str text,
                 broker_sent_fn *done, void *ctx);
    /* Takes from this queue, too (src/queue.h; copied): it is declared as those of the
     * start are. 0 also if it is taken from already; -ENOSPC beyond CONFIG_QUEUES_MAX
     * queues, -ENOMEM. */
    int (*consume)(struct broker *b, const struct queue *q);
    /* No more from this one; what was taken of it goes on. False: it was not taken
     * from. Without any queue the worker is idle. */
    bool (*cancel)(struct broker *b, const char *name);
    /* The queues that are taken from now, in their order; NULL after the last. Until
     * the next consume or cancel. */
    const struct queue *(*consumed)(const struct broker *b, size_t i);
    /* How many messages wait in the i-th of them, as the broker said a few seconds ago;
     * -1: not known yet. It is asked only while this is called now and then. */
    int64_t (*waiting)(struct broker *b, size_t i);
    /* No more messages: what was taken but not handed over goes back. */
    void (*quiesce)(struct broker *b, void (*done)(void *ctx), void *ctx);
    void (*stop)(struct broker *b, void (*done)(void *ctx), void *ctx);
    /* Once stopped, and with the loop's handles closed. */
    void (*destroy)(struct broker *b);
    /* False after a silence in which others may have taken over what is held: nothing
     * new may start until the leases are confirmed. */
    bool (*leases_sure)(const struct broker *b);
};

struct broker {
    const struct broker_ops *ops;
    struct broker_stats stats;
};

/* Nothing is attempted before start. The configuration must outlive the broker. */
struct broker *redis_broker_create(uv_loop_t *loop, const struct config *config,
                                   const struct broker_events *events, void *ctx,
                                   struct error *e);

#endif
