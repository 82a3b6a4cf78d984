/* SPDX-License-Identifier: Apache-2.0 */
/* redis - commands and replies over a link, pipelined.
 *
 *     DOWN ──▶ GREETING ──▶ READY ──▶ DOWN ──(backoff)──▶ GREETING …
 *
 * GREETING sends AUTH, SELECT, CLIENT ID and INFO; READY follows when the server is
 * fit. Commands may be queued only while READY. Each gets exactly one call of its reply
 * function: with the reply, or with NULL when the connection was lost and nobody knows
 * whether the command took effect. A command without a reply for its deadline closes
 * the link: a half-dead server is noticed and left.
 *
 * Reconnecting goes on for ever with growing, jittered delays; `down` is told each
 * time and may stop it with redis_stop. */
#ifndef PETIOLE_REDIS_H
#define PETIOLE_REDIS_H

#include "link.h"
#include "list.h"

#include <hiredis/hiredis.h>

typedef void redis_reply_fn(void *ctx, const redisReply *reply);

enum redis_state {
    REDIS_STOPPED,  /* nothing is attempted */
    REDIS_DOWN,     /* waiting to try again */
    REDIS_GREETING, /* connecting, or waiting for the answers to the greeting */
    REDIS_READY,
};

struct redis_events {
    void (*ready)(void *ctx);
    /* why: one line. retry_s: when the next attempt comes. attempts: since READY. */
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
};

struct redis_server { /* what the greeting learned */
    char version[32], run_id[48], maxmemory_policy[32];
    unsigned major, minor;
    bool read_only; /* a replica */
};

struct redis_pending;

struct redis {
    enum redis_state state;
    struct link link;
    const struct url *url;
    const struct redis_events *events;
    void *ctx;
    redisReader *reader;
    struct redis_pending *ring; /* commands sent, oldest first */
    size_t first, pending, room;
    bool discarding; /* the command being written goes nowhere: the link is closed */
    uint64_t client_id;
    struct redis_server server;
    unsigned attempts;   /* since READY */
    bool was_ready;      /* once READY: later losses retry faster */
    bool quick_greeting; /* without INFO: a listener */
    uint64_t connect_timeout_ms, reply_timeout_ms;
    uv_timer_t timer; /* retry while DOWN; deadlines while READY */
    size_t max_reply_bytes;
    char why[300];
    bool stopping;
    void (*stopped)(void *ctx);
};

struct redis_options {
    uint64_t connect_timeout_ms, reply_timeout_ms;
    size_t max_reply_bytes;
    bool quick_greeting;
};

void redis_init(struct redis *r, uv_loop_t *loop, const struct url *url,
                const struct redis_options *options, const struct redis_events *events,
                void *ctx);
void redis_start(struct redis *r);
/* Closes for good; `stopped` is called when the memory may go. Pending commands get
 * their NULL reply first. */
void redis_stop(struct redis *r, void (*stopped)(void *ctx));
void redis_finish(struct redis *r);

/* One command: begin, exactly nargs args, and the reply function (or NULL). */
void redis_begin(struct redis *r, unsigned nargs, redis_reply_fn *fn, void *ctx);
void redis_arg(struct redis *r, struct str arg);
void redis_arg_text(struct redis *r, const char *arg);
void redis_arg_int(struct redis *r, int64_t arg);
/* A command of plain words: redis_words(r, fn, ctx, "CLIENT", "ID", NULL). */
void redis_words(struct redis *r, redis_reply_fn *fn, void *ctx, ...)
    __attribute__((sentinel));

static inline bool redis_is_error(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR;
}

/* A Lua script, sent by its SHA1 once this server has it. */
struct redis_script {
    const char *source;
    char sha[41]; /* empty until loaded */
};
/* Loads scripts[0..n) on a READY connection; done(ctx, why) with why NULL on success.
 */
void redis_load_scripts(struct redis *r, struct redis_script *const *scripts, size_t n,
                        void (*done)(void *ctx, const char *why), void *ctx);
/* EVALSHA; nargs counts keys and arguments together, to follow with redis_arg. */
void redis_begin_script(struct redis *r, const struct redis_script *script,
                        unsigned nkeys, unsigned nargs, redis_reply_fn *fn, void *ctx);

#endif
