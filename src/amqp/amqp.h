/* SPDX-License-Identifier: Apache-2.0 */
/* amqp - AMQP 0-9-1 over a link: one connection, its channels, methods and contents.
 *
 *     STOPPED ──▶ GREETING ──▶ READY ──▶ DOWN ──(backoff)──▶ GREETING …
 *
 *     amqp.c          frames in, and to whom they belong; heartbeats, deadlines
 *     amqp_write.c    frames out
 *     amqp_content.c  a message's method, header and bodies become one delivery
 *     amqp_channel.c  opening, asking, being closed by the server
 *     amqp_greet.c    Start, Tune, Open
 *     amqp_connect.c  where to, when again, and the end
 *
 * librabbitmq takes frames apart and codes their methods; no call of it that blocks is
 * used. Its types are spoken here: amqp_queue_declare_t, amqp_table_t and so on.
 *
 * Channels may be opened, and spoken on, only while READY. Each question gets exactly
 * one call of its reply function: with the server's method, or with NULL when channel
 * or connection is gone and nobody knows whether it took effect. A server that is
 * silent for two of its heartbeats, or owes an answer for longer than the deadline, is
 * left. Reconnecting goes on for ever, as reconnect.h has it. */
#ifndef PETIOLE_AMQP_H
#define PETIOLE_AMQP_H

#include "amqp_library.h"

#include "../link/endpoint.h"
#include "../link/link.h"
#include "../link/reconnect.h"
#include "../list.h"

#define AMQP_CHANNELS_MAX 64
#define AMQP_FRAME_MAX 131072 /* what RabbitMQ itself offers */

enum amqp_state {
    AMQP_STOPPED,  /* nothing is attempted */
    AMQP_DOWN,     /* waiting to try again */
    AMQP_GREETING, /* connecting, or until the virtual host is open */
    AMQP_READY,
};

struct amqp_events {
    void (*ready)(void *ctx);
    /* why: one line. retry_s: when the next attempt comes; 0: at once, elsewhere.
     * attempts: since a connection that lasted. */
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
    /* RabbitMQ takes no messages, or does again: connection.blocked. */
    void (*blocked)(void *ctx, bool is_blocked, struct str reason);
};

/* A message, as it came. Everything lives during the call. */
struct amqp_delivery {
    struct str consumer_tag, exchange, routing_key;
    uint64_t tag;
    bool redelivered;
    uint16_t code; /* of one that was returned: why; with its text */
    struct str text;
    const amqp_basic_properties_t *properties;
    struct str body;
    uint64_t body_size; /* as announced; more than body.n: it was too large to keep */
};

struct amqp_channel_events {
    void (*delivered)(void *ctx, const struct amqp_delivery *d);
    /* What was published as mandatory and has no queue to go to. */
    void (*returned)(void *ctx, const struct amqp_delivery *d);
    /* A publisher's confirm: of all up to the number if `multiple`. */
    void (*confirmed)(void *ctx, uint64_t number, bool multiple, bool taken);
    /* The server has ended a consumer: its queue is gone. */
    void (*cancelled)(void *ctx, struct str consumer_tag);
    /* By the server, with its reason; or why NULL: the connection is lost. Questions
     * have got their NULL. It may be opened again. */
    void (*closed)(void *ctx, uint16_t code, const char *why);
};

/* method: the server's answer, NULL: there will be none. Lives during the call. */
typedef void amqp_reply_fn(void *ctx, const amqp_method_t *method);

enum amqp_channel_state {
    CHANNEL_CLOSED,
    CHANNEL_OPENING,
    CHANNEL_OPEN,
    CHANNEL_CLOSING, /* we have said so; what still comes is not listened to */
};

struct amqp_channel {
    struct list link; /* on the connection's */
    struct amqp *amqp;
    uint16_t number;
    enum amqp_channel_state state;
    const struct amqp_channel_events *events;
    void *ctx;
    struct list questions;        /* in their order, as the server answers them */
    struct amqp_content *content; /* the message that is arriving; NULL: none */
    size_t max_body_bytes;
};

struct amqp_server { /* what Start said */
    char product[32], version[32];
    unsigned major, minor;
    bool confirms, cancels_consumers, blocks;
};

struct amqp_options {
    double heartbeat_s;       /* what we ask for; 0: none */
    const char *name;         /* of the connection, for the management page */
    const char *login_method; /* "PLAIN", "AMQPLAIN" or "EXTERNAL" */
};

struct amqp {
    enum amqp_state state;
    struct link link;
    const struct endpoint *endpoint;
    const struct url *url; /* the one in use, or tried last */
    const struct amqp_options *options;
    const struct amqp_events *events;
    void *ctx;
    struct reconnect reconnect;
    const struct amqp_library *library;
    amqp_connection_state_t reader; /* librabbitmq's, from one DOWN to the next */
    struct amqp_server server;
    unsigned step; /* of the greeting */
    uint32_t frame_max;
    uint16_t channel_max, heartbeat_s; /* as agreed; 0: no heartbeats */
    struct list channels;              /* those that are not CLOSED */
    uint64_t heard_ms, said_ms, ready_since_ms;
    uv_timer_t timer; /* retry while DOWN; deadlines and heartbeats else */
    bool is_blocked;
    char refusal[300]; /* connection.close: what the server said; else empty */
    char why[400];
    bool stopping;
    void (*stopped)(void *ctx);
};

/* Endpoint, options and events must outlive the connection; the library is
 * amqp_library_load's. */
void amqp_init(struct amqp *a, uv_loop_t *loop, const struct endpoint *endpoint,
               const struct amqp_library *library, const struct amqp_options *options,
               const struct amqp_events *events, void *ctx);
void amqp_start(struct amqp *a);
/* Says goodbye if it can, and closes; `stopped` is called when the memory may go. */
void amqp_stop(struct amqp *a, void (*stopped)(void *ctx));
void amqp_finish(struct amqp *a);

/* ---- channels ------------------------------------------------------------------ */

void amqp_channel_init(struct amqp_channel *c, struct amqp *a,
                       const struct amqp_channel_events *events, void *ctx,
                       size_t max_body_bytes);
/* Only while READY and CLOSED; what is said on it may follow at once. False: the
 * connection has no number left, or no memory. */
bool amqp_open_channel(struct amqp_channel *c);
/* Nothing of it is told any more, not even that it has closed. */
void amqp_close_channel(struct amqp_channel *c);

/* A method whose answer is waited for; `fn` may be NULL. */
void amqp_ask(struct amqp_channel *c, amqp_method_number_t id, void *method,
              amqp_reply_fn *fn, void *ctx);
/* One without an answer: an acknowledgement, what has `nowait`. */
void amqp_say(struct amqp_channel *c, amqp_method_number_t id, void *method);
/* basic.publish and its content. */
void amqp_publish(struct amqp_channel *c, amqp_basic_publish_t *method,
                  const amqp_basic_properties_t *properties, struct str body);

static inline amqp_bytes_t amqp_bytes_of(struct str s)
{
    return (amqp_bytes_t){s.n, (void *)s.p};
}
static inline struct str amqp_str(amqp_bytes_t b)
{
    return (struct str){b.bytes, b.len};
}

/* ---- between amqp's own files -------------------------------------------------- */

void amqp_greet(struct amqp *a);
void amqp_greeted(struct amqp *a, const amqp_method_t *method);
void amqp_become_ready(struct amqp *a);
void amqp_received(struct amqp *a, struct str bytes);
void amqp_tick(struct amqp *a);
/* Says why, and closes: with connection.close, so that the server's log tells. */
void amqp_fault(struct amqp *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void amqp_write_method(struct amqp *a, uint16_t channel, amqp_method_number_t id,
                       void *method);
void amqp_write_heartbeat(struct amqp *a);
void amqp_write_content(struct amqp *a, uint16_t channel,
                        const amqp_basic_properties_t *properties, struct str body);

/* NULL: nobody's. */
struct amqp_channel *amqp_channel_of(struct amqp *a, uint16_t number);
void amqp_channel_heard(struct amqp_channel *c, const amqp_method_t *method);
/* The connection is lost. */
void amqp_channels_lost(struct amqp *a);
uint64_t amqp_channels_oldest_ms(const struct amqp *a); /* a question's; UINT64_MAX */

/* A method with a content begins, its header, a part of its body. */
void amqp_content_begin(struct amqp_channel *c, const amqp_method_t *method);
void amqp_content_header(struct amqp_channel *c, uint16_t class_id, uint64_t size,
                         amqp_bytes_t raw);
void amqp_content_body(struct amqp_channel *c, struct str part);
void amqp_content_forget(struct amqp_channel *c);

#endif
