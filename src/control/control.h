/* SPDX-License-Identifier: Apache-2.0 */
/* control - the remote control: requests of `celery inspect`, `celery control`, Flower.
 *
 * A request is {"method", "arguments", "destination", "pattern", "matcher", "ticket",
 * "reply_to"} (kombu/pidbox.py). Whom it does not concern says nothing. A command that
 * fails answers {"error": "repr of an exception"}, as Python's would read; nothing that
 * a request holds can stop the worker. Replies are bounded by CONTROL_REPLY_MAX: lists
 * are cut at whole items, and the cut is logged.
 *
 *     control.c            the request and its reply
 *     control_concerns.c   whom it concerns: destination, pattern
 *     control_arguments.c  what it gives to the command, as Python binds arguments
 *     control_reply.c      the reply's value: errors, lists with an end
 *     control_table.c      the commands: name, other name, arguments, function
 *     control_inspect.c    active, reserved, scheduled, query_task, revoked
 *     control_task.c       celery/worker/request.py's info(): a task as clients show it
 *     control_stats.c      stats
 *     control_memory.c     memsample, memdump, and what stats says of memory
 *     control_conf.c       conf, report
 *     control_tasks.c      registered, active_queues
 *     control_revoke.c     revoke, terminate, revoke_by_stamped_headers
 *     control_limits.c     rate_limit, time_limit
 *     control_pool.c       pool_grow, pool_shrink, pool_restart, autoscale, shutdown
 *     control_consumer.c   add_consumer, cancel_consumer
 *     control_event.c      enable_events, disable_events, heartbeat, clock, ping
 *     mingle.h             hello: asked at start, answered always
 *     gossip.h             who is there, elections */
#ifndef PETIOLE_CONTROL_H
#define PETIOLE_CONTROL_H

#include "../bus/bus.h"
#include "../worker.h"

/* In base64 it is still less than the bus lets stand unsent. */
#define CONTROL_REPLY_MAX ((size_t)5 << 19)
/* Longer patterns are refused: the time of a match grows with them. */
#define CONTROL_PATTERN_MAX 1024u

struct control_call {
    struct worker *worker;
    struct arena *arena;
    const ptl_value *arguments; /* a map */
    /* The reply's value is written here, JSON, exactly one value; nothing: null. */
    struct wr *reply;
    size_t begun;      /* where in it that value begins */
    size_t read_bytes; /* of messages that control_put_task has looked into */
    bool silent;       /* set by a command that never replies, as shutdown */
};

/* Writes the reply: its value, or control_error(). */
typedef void control_fn(struct control_call *c);

struct control_command {
    const char *name, *alias; /* alias: "dump_active", or NULL */
    /* Names of its arguments in Python's order, separated by spaces, "[x]" those that
     * may be missing: a request that does not fit them gets Python's TypeError. "*"
     * beside them, or alone: any others, too. */
    const char *arguments;
    control_fn *run;
};

/* The commands, each file's own rows: control_table.c has them in one list. Every list
 * ends with a row without a name. */
extern const struct control_command control_inspect_commands[];
extern const struct control_command control_stats_commands[];
extern const struct control_command control_memory_commands[];
extern const struct control_command control_conf_commands[];
extern const struct control_command control_tasks_commands[];
extern const struct control_command control_revoke_commands[];
extern const struct control_command control_limits_commands[];
extern const struct control_command control_pool_commands[];
extern const struct control_command control_consumer_commands[];
extern const struct control_command control_event_commands[];
extern const struct control_command control_mingle_commands[];
extern const struct control_command control_gossip_commands[];

/* The bus' listener. */
void control_heard(struct worker *w, const struct bus_message *m);
/* Every worker is asked to revoke a task, as Celery's GroupResult.revoke asks; nobody
 * is waited for. Without a bus nobody is asked. */
void control_tell_revoked(struct worker *w, struct str id);
/* NULL if there is none of this name. */
const struct control_command *control_find(struct str method);

/* {"ok": "…"} and {"error": "…"}, in place of what the reply's value had so far. */
void control_ok(struct control_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void control_error(struct control_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* What Python answers to an exception, and logs: {"error": "ValueError('…')"}. */
void control_raise(struct control_call *c, const char *exception, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* An argument, or NULL if it is missing or null. */
const ptl_value *control_argument(const struct control_call *c, const char *name);

/* Do the arguments fit the command? If not, the reply says so as Python's. */
bool control_bind(struct control_call *c, const struct control_command *command);

enum control_concern { CONTROL_OTHERS, CONTROL_US, CONTROL_BAD };
/* Whether a request is for the node of this name; BAD: *why, in the arena or static,
 * says what is wrong with it. */
enum control_concern control_concerns(struct arena *a, const ptl_value *request,
                                      const char *hostname, const char **why);

/* A list, or a map, as the reply's value or within it. What does not fit in the reply
 * any more is left out, whole items at a time, and the log says so. */
struct control_items {
    struct control_call *call;
    char close;
    bool first;
    size_t mark; /* behind the last whole item */
    size_t left_out;
};
void control_items_begin(struct control_items *l, struct control_call *c, char open);
/* Before each item's own text, and behind it. False: it is left out, as one before it
 * was. */
bool control_item_begin(struct control_items *l);
void control_item_end(struct control_items *l);
void control_items_end(struct control_items *l);

/* A request as clients see it (Request.info). safe: args and kwargs as reprs. They are
 * values only where that costs little: the message is at most CONTROL_BODY_MAX bytes,
 * in JSON or msgpack, and the whole reply has not looked into more than
 * CONTROL_READ_MAX. */
#define CONTROL_BODY_MAX ((size_t)64 << 10)
#define CONTROL_READ_MAX ((size_t)8 << 20)
void control_put_task(struct control_call *c, const struct request *rq, bool safe);

/* What the worker and its children hold, from /proc; 0 where that cannot be read. */
struct control_memory {
    uint64_t rss_kb, peak_rss_kb; /* sums: pages that they share count in each */
};
struct control_memory control_memory_now(const struct worker *w);

#endif
