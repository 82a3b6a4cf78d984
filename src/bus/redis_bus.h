/* SPDX-License-Identifier: Apache-2.0 */
/* redis_bus - kombu's fanout exchanges and reply queues on Redis; what its files share.
 *
 *     redis_bus.c         life: connect, subscribe, stop
 *     redis_bus_hear.c    what comes on the channels
 *     redis_bus_send.c    events and replies
 *     redis_bus_ask.c     a request, its reply queue, its replies
 *     redis_bus_queue.c   the queues that Python's side sees bound, and their end
 *
 * Channels carry the messages; the bindings of a worker's own queues are there for
 * Python's eyes only, and so that its sweeps find them in order. Three connections: one
 * writes, one is subscribed, and one waits for replies while a request is out. The
 * latter two follow the first to its server. */
#ifndef PETIOLE_REDIS_BUS_H
#define PETIOLE_REDIS_BUS_H

#include "../../protocol/uuid.h"
#include "../config.h"
#include "../redis/redis_keys.h"
#include "../redis/redis_scripts.h"
#include "bus.h"

#define REDIS_BUS_NAME_MAX 512 /* of an exchange or queue, with what belongs to it */

struct redis_bus_ask {
    bool active;
    char ticket[UUID_TEXT];
    bus_replied_fn *replied;
    bus_asked_fn *done;
    void *ctx;
    bool wants_replies, counts_hearers;
    size_t limit, replies;
    uint64_t deadline_ms;
};

struct redis_bus {
    struct bus base;
    uv_loop_t *loop;
    const struct config *config;
    unsigned hearing;
    const struct bus_events *events;
    void *ctx;

    struct redis_keys keys;
    char exchange[REDIS_BUS_NAME_MAX], reply_exchange[REDIS_BUS_NAME_MAX];
    char queue[REDIS_BUS_NAME_MAX], event_queue[REDIS_BUS_NAME_MAX];
    char reply_queue[REDIS_BUS_NAME_MAX];
    char oid[UUID_TEXT]; /* the reply queue's routing key */
    char control_channel[REDIS_KEY_BYTES], event_channel[REDIS_KEY_BYTES];

    struct redis writer, listener;
    struct redis_scripts scripts; /* of which two are loaded */
    struct redis_script reply_script;
    bool writable;       /* connected, scripts loaded */
    bool subscribed;     /* to all channels, or they were refused */
    size_t unsubscribed; /* channels whose answer has not come */
    uv_prepare_t turn;
    uv_timer_t refresh; /* of the bindings' deadlines */

    struct arena arena;           /* of the message that is heard */
    struct wr text, headers;      /* of the message that is written */
    uint64_t complained_ms, left; /* what was left since the last complaint */

    struct redis asker;
    bool asker_lives;
    bool reply_queue_left; /* its removal failed: once connected again */
    struct redis_bus_ask ask;
    size_t asks_in_flight; /* whose PUBLISH is not answered */
    uv_timer_t ask_timer;

    bool stopping;
    bool closing; /* … and connections are */
    uv_timer_t stop_timer;
    size_t connections; /* still to be closed */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

static inline struct redis_bus *redis_bus_of(struct bus *b)
{
    return (struct redis_bus *)b;
}

/* At most once in 30 s: a line, and how many were not said. */
void redis_bus_complain(struct redis_bus *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void redis_bus_uuid(char out[UUID_TEXT]);

/* redis_bus_hear.c */
void redis_bus_heard(void *ctx, const redisReply *reply);

/* redis_bus_send.c */
void redis_bus_send_event(struct bus *base, struct str routing_key, struct str body,
                          size_t n);
void redis_bus_reply(struct bus *base, const struct bus_reply *r);
/* May so many bytes more be written? */
bool redis_bus_has_room(const struct redis_bus *b, size_t n);
extern const char redis_bus_reply_source[];

/* redis_bus_queue.c */
int redis_bus_name(struct redis_bus *b, struct error *e);
void redis_bus_bind(struct redis_bus *b);   /* this node's, again before they end */
void redis_bus_unbind(struct redis_bus *b); /* when it stops */
void redis_bus_bind_reply(struct redis_bus *b);
void redis_bus_unbind_reply(struct redis_bus *b);

/* redis_bus_ask.c */
void redis_bus_ask(struct bus *base, const struct bus_request *r,
                   bus_replied_fn *replied, bus_asked_fn *done, void *ctx);
bool redis_bus_tell(struct bus *base, const struct bus_request *r);
void redis_bus_ask_end(struct redis_bus *b, const char *why);
void redis_bus_asker_stopped(void *ctx);

/* redis_bus.c */
void redis_bus_closed_one(struct redis_bus *b);

#endif
