/* SPDX-License-Identifier: Apache-2.0 */
/* bus - what every worker of a cluster hears: requests of the remote control, and
 * events.
 *
 *     clients ──request──▶ celery.pidbox (fanout) ──▶ control
 *     clients ◀──reply──── <oid>.reply.celery.pidbox
 *     workers ◀──event───▶ celeryev (topic)       ──▶ gossip, Flower, celery events
 *
 * Its connections are its own: a burst of events never delays a fetch, and a lost bus
 * never stops one. Nothing here is promised to arrive, as in Celery: while the
 * connection is down, or when it takes no more, what is sent is dropped and counted.
 * It reconnects by itself, with growing, jittered delays.
 *
 * Bodies are JSON texts; the bus makes kombu's messages of them, and takes those apart.
 * What it hears is bounded: more than BUS_MESSAGE_MAX bytes, or no JSON object, is
 * counted, logged once a while, and left. */
#ifndef PETIOLE_BUS_H
#define PETIOLE_BUS_H

#include "../error.h"

#include "../../protocol/arena.h"
#include "../../protocol/str.h"
#include "../../protocol/value.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define BUS_MESSAGE_MAX ((size_t)4 << 20)
#define BUS_UNSENT_MAX ((size_t)4 << 20)

struct config;
struct bus;

enum bus_hearing {
    BUS_CONTROL = 1,       /* requests to workers */
    BUS_WORKER_EVENTS = 2, /* worker-…: what gossip listens to */
    BUS_ALL_EVENTS = 4,    /* what `petiole events` shows */
};

/* A message that was heard. Values live in the arena of the call. */
struct bus_message {
    struct arena *arena;      /* for the listener's own use, too, during the call */
    const ptl_value *headers; /* a map; empty if there were none */
    const ptl_value *body;    /* control: a map. Event: a map, or a list of maps */
    struct str routing_key;   /* "worker.heartbeat", "task.multi"; empty for control */
};

struct bus_events {
    void (*control)(void *ctx, const struct bus_message *m);
    void (*event)(void *ctx, const struct bus_message *m);
    /* Subscribed, and can be written to: also after each reconnection. */
    void (*up)(void *ctx);
    void (*down)(void *ctx, const char *why, double retry_s);
};

/* Where a request wants its reply, and what marks it as the reply to this one. */
struct bus_reply {
    struct str exchange, routing_key;
    struct str ticket; /* empty: the header is null */
    uint64_t clock;
    struct str body; /* {"node": result} */
};

/* A request to workers. Its reply queue is the bus' own, named for its `oid`. */
struct bus_request {
    struct str method, arguments; /* arguments: a JSON object's text */
    const struct str *destination;
    size_t ndestination;         /* 0: everybody */
    struct str pattern, matcher; /* empty: null */
    uint64_t clock;
    double timeout_s; /* how long replies are waited for; 0: none are wanted */
    /* No more than so many replies are waited for. 0: as many as there are
     * destinations; else, without a pattern, as many as heard the request, where the
     * broker says how many that were (the reply to PUBLISH: none is an answer, too);
     * else all that come in time. */
    size_t limit;
};

/* A node's reply: its body, {"node": result}. */
typedef void bus_replied_fn(void *ctx, const struct bus_message *m);
/* why NULL: the timeout has passed, or the limit is reached; else why not. The reply
 * queue is gone. */
typedef void bus_asked_fn(void *ctx, const char *why);

struct bus_stats {
    uint64_t events_sent, events_dropped; /* single events, not messages */
    uint64_t replies_sent, replies_dropped, requests, malformed;
};

struct bus_ops {
    void (*start)(struct bus *b);
    /* An event message: `n` events in a JSON text, an object or an array of them.
     * routing_key: "worker.online". Header `hostname` is the configuration's. */
    void (*send_event)(struct bus *b, struct str routing_key, struct str body,
                       size_t n);
    /* To a reply queue, unless nobody is bound to it any more: it is never made anew.
     * Where the broker lets a lonely list live on, it gets an end (Celery's
     * control_queue_expires, at least its timeout). */
    void (*reply)(struct bus *b, const struct bus_reply *r);
    /* Only one at a time. Without a timeout `done` is told once it is sent. */
    void (*ask)(struct bus *b, const struct bus_request *r, bus_replied_fn *replied,
                bus_asked_fn *done, void *ctx);
    /* A request that nobody is to answer, beside any that is asked. False: it is
     * dropped, as there is no room or no connection. */
    bool (*tell)(struct bus *b, const struct bus_request *r);
    /* What was sent is written; then its bindings and connections go. */
    void (*stop)(struct bus *b, void (*done)(void *ctx), void *ctx);
    /* Once stopped, and with the loop's handles closed. */
    void (*destroy)(struct bus *b);
};

struct bus {
    const struct bus_ops *ops;
    struct bus_stats stats;
    bool up;
};

/* hearing: of enum bus_hearing; 0 for one that only sends and asks. Nothing is
 * attempted before start. The configuration must outlive the bus. NULL with the reason
 * in *e. */
struct bus *redis_bus_create(uv_loop_t *loop, const struct config *config,
                             unsigned hearing, const struct bus_events *events,
                             void *ctx, struct error *e);

#endif
