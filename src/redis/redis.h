/* SPDX-License-Identifier: Apache-2.0 */
/* redis - commands and replies over a link, pipelined.
 *
 *     STOPPED ──▶ FINDING ──▶ GREETING ──▶ READY ──▶ DOWN ──(backoff)──▶ FINDING …
 *
 *     redis.c          commands, replies, their deadlines, the pulse of an idle link
 *     redis_greet.c    AUTH, SELECT, CLIENT SETNAME, CLIENT ID, INFO
 *     redis_connect.c  which server is next: the list, the leader's, the Sentinels'
 *     redis_error.c    what the errors of a server mean
 *     redis_script.c   scripts by their SHA1
 *
 * READY follows when the server is fit. Commands may be queued only while READY. Each
 * gets exactly one call of its reply function: with the reply, or with NULL when the
 * connection was lost and nobody knows whether the command took effect. A command
 * without a reply for its deadline closes the link: a half-dead server is noticed and
 * left. So does the answer of a server that has become a read-only replica.
 *
 * Reconnecting goes on for ever with growing, jittered delays; `down` is told each
 * time and may stop it with redis_stop. With several URLs the next one is tried after
 * each failure, and the delay comes after each round of them. */
#ifndef PETIOLE_REDIS_H
#define PETIOLE_REDIS_H

#include "../link/endpoint.h"
#include "../link/link.h"
#include "../link/reconnect.h"
#include "../list.h"

#include <hiredis/hiredis.h>

typedef void redis_reply_fn(void *ctx, const redisReply *reply);

enum redis_state {
    REDIS_STOPPED,  /* nothing is attempted */
    REDIS_DOWN,     /* waiting to try again, or for the leader */
    REDIS_FINDING,  /* asking the Sentinels for the master */
    REDIS_GREETING, /* connecting, or waiting for the answers to the greeting */
    REDIS_READY,
};

struct redis_events {
    void (*ready)(void *ctx);
    /* why: one line. retry_s: when the next attempt comes; 0: at once, elsewhere.
     * attempts: since a connection that lasted. */
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
    /* What a server says unasked, such as a message of a channel; NULL: a fault. */
    void (*message)(void *ctx, const redisReply *reply);
};

struct redis_server { /* what the greeting learned */
    char version[32], run_id[48], maxmemory_policy[32];
    unsigned major, minor;
    bool read_only; /* a replica */
    bool cluster;   /* a node of a Redis Cluster */
};

struct redis_pending;
struct redis_script;
struct sentinel;

enum { REDIS_COMPLAINTS = 4 }; /* kinds that may alternate, and are still said once */

struct redis {
    enum redis_state state;
    struct link link;
    const struct endpoint *endpoint;
    const struct url *url; /* the one in use, or tried last */
    struct reconnect reconnect;
    struct sentinel *sentinel;
    struct url master; /* as the Sentinels told */
    const struct redis_events *events;
    void *ctx;
    redisReader *reader;
    struct redis_pending *ring; /* commands sent, oldest first */
    size_t first, pending, room;
    bool discarding; /* the command being written goes nowhere: the link is closed */
    uint64_t client_id;
    struct redis_server server;
    uint64_t ready_since_ms;
    uint64_t heard_ms; /* when the server last said anything; 0: nothing yet */
    uv_timer_t timer;  /* retry while DOWN; deadlines while READY */
    const struct redis *leader;
    bool greets_quickly, greets_sentinel;
    uint64_t waits_ms;
    size_t max_reply_bytes;
    struct redis_script *const *scripts; /* to be loaded again if they are lost */
    size_t nscripts;
    bool reloading;
    char why[400];
    struct redis_complaint { /* the kinds of error logged last, and when */
        char kind[16];
        uint64_t said_ms;
    } complaints[REDIS_COMPLAINTS];
    bool stopping;
    void (*stopped)(void *ctx);
};

struct redis_options {
    size_t max_reply_bytes;
    /* Beyond the endpoint's socket_timeout: a blocking command's own time. */
    uint64_t waits_ms;
    /* Without INFO: a second connection to a server that another has looked at. */
    bool quick_greeting;
    bool sentinel_greeting; /* neither SELECT nor CLIENT ID: a Sentinel has none */
    /* Connects only while the leader is READY, and to the very server it has. */
    const struct redis *leader;
};

/* The endpoint must outlive the connection. */
void redis_init(struct redis *r, uv_loop_t *loop, const struct endpoint *endpoint,
                const struct redis_options *options, const struct redis_events *events,
                void *ctx);
void redis_start(struct redis *r);
/* Does not wait for the delay to end. */
void redis_retry_now(struct redis *r);
/* The leader is READY: connects at once if it waits, leaves another server. */
void redis_follow(struct redis *r);
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

/* ---- errors -------------------------------------------------------------------- */

/* An error's code ("OOM", "READONLY", "NOPERM" …), also of one inside a script. */
bool redis_error_is(const char *text, const char *code);
/* What to do about it, " (in brackets)"; empty if there is nothing to say. */
const char *redis_error_hint(const char *text);
/* One line "cannot <what>: <text><hint>; trying again in <s> s"; while errors of a few
 * kinds last, each kind once in 30 s. */
void redis_complain(struct redis *r, const char *what, const char *text,
                    double retry_s);

/* ---- scripts ------------------------------------------------------------------- */

/* A Lua script, sent by its SHA1 once this server has it. */
struct redis_script {
    const char *source;
    char sha[41]; /* empty until loaded */
};
/* Loads scripts[0..n) on a READY connection; done(ctx, why) with why NULL on success.
 * The array is kept while the connection lasts: should the server forget them (SCRIPT
 * FLUSH), they are loaded again behind the first NOSCRIPT. */
void redis_load_scripts(struct redis *r, struct redis_script *const *scripts, size_t n,
                        void (*done)(void *ctx, const char *why), void *ctx);
/* EVALSHA; nargs counts keys and arguments together, to follow with redis_arg. */
void redis_begin_script(struct redis *r, const struct redis_script *script,
                        unsigned nkeys, unsigned nargs, redis_reply_fn *fn, void *ctx);
void redis_reload_scripts(struct redis *r);

/* ---- between redis' own files -------------------------------------------------- */

void redis_greet(struct redis *r);
void redis_become_ready(struct redis *r);
void redis_received(struct redis *r, struct str bytes);
void redis_fail_pending(struct redis *r);
redisReader *redis_reader_create(void);
/* Deadlines and the pulse; called while there is a link. */
void redis_tick(struct redis *r);
uint64_t redis_reply_timeout_ms(const struct redis *r);

#endif
