/* SPDX-License-Identifier: Apache-2.0 */
/* redis_broker - kombu's Redis transport, lossless; what its files share.
 *
 *     redis_broker.c    life: connect, declare, quiesce, stop
 *     redis_fetch.c     taking: the fetch script, and who waits when queues are empty
 *     redis_settle.c    acknowledging, putting back, burying, publishing
 *     redis_lease.c     proving to be alive, renewing what is held
 *     redis_restore.c   putting back what dead nodes held, and what is overdue
 *
 * Keys of kombu: the queues' lists (one per priority step), `unacked`,
 * `unacked_index`, `unacked_mutex`, `_kombu.binding.<queue>`. Keys of our own:
 *
 *     petiole.nodes           hash: node id → {"hostname", "pid", "sources": […]}
 *     petiole.node.<id>       lives as long as the node proves it does
 *     petiole.inbox.<id>.<key>  list: a message between its queue and `unacked`
 *     petiole.restore.<id>    lock: somebody is restoring what that node held
 *     petiole.dead            list: dead letters, {"reason", "queue", "time",
 * "message"}
 *
 * A node id is new at each start. A delivery tag is the id and a fixed-width counter,
 * so that what a node held can be found and put back in order. */
#ifndef PETIOLE_REDIS_BROKER_H
#define PETIOLE_REDIS_BROKER_H

#include "broker.h"
#include "config.h"
#include "redis_scripts.h"

#define NODE_ID_BYTES 20 /* "ptl" and 16 hexadecimal digits */
#define NODE_TTL_MS 4000
#define NODE_BEAT_MS 1000
#define KEY_MAX_BYTES 512
#define TAG_BYTES 48
#define PRIORITY_STEPS 4
#define SOURCES_MAX (CONFIG_QUEUES_MAX * PRIORITY_STEPS)

#define KEY_UNACKED "unacked"
#define KEY_UNACKED_INDEX "unacked_index"
#define KEY_UNACKED_MUTEX "unacked_mutex"
#define KEY_NODES "petiole.nodes"
#define KEY_NODE "petiole.node."
#define KEY_RESTORE "petiole.restore."
#define KEY_DEAD "petiole.dead"

enum listener_state {
    LISTENER_IDLE,      /* connected or not; waits for nothing */
    LISTENER_ARMED,     /* BLMOVE is at the server */
    LISTENER_UNBLOCKING /* BLMOVE is being cancelled; its reply still comes */
};

/* One queue at one priority, its inbox, and the connection that waits for it. */
struct source {
    struct redis_broker *broker;
    uint32_t number;
    const char *queue;
    char key[KEY_MAX_BYTES], inbox[KEY_MAX_BYTES];
    char tail[KEY_MAX_BYTES]; /* , "", "queue"] */
    struct redis listener;
    enum listener_state state;
    bool suspect; /* its last connection broke while it waited */
    bool stopped;
};

struct restore;

struct redis_broker {
    struct broker base;
    uv_loop_t *loop;
    const struct config *config;
    const struct broker_events *events;
    void *ctx;
    char id[NODE_ID_BYTES];
    struct redis redis;
    struct redis_scripts scripts;
    bool up; /* scripts loaded, queues declared */
    uv_prepare_t turn;

    struct source *sources;
    size_t nsources;
    size_t rotation; /* the queue that is asked first */

    /* taking */
    size_t want;       /* as last told */
    bool fetching;     /* a fetch is at the server */
    bool drained;      /* the last one took all there was: listeners wait */
    uint64_t counter;  /* of the next tag */
    bool fetch_paused; /* after an error, until the timer */
    uv_timer_t fetch_timer;

    /* settling */
    struct list held;   /* deliveries under lease */
    struct list acking; /* deliveries whose acknowledgement is not yet sent */
    struct list jobs;   /* other settlements, not yet sent */
    size_t in_flight;   /* ack batches and jobs at the server */
    uint64_t ack_after_ms, jobs_after_ms; /* after a refusal, nothing before */

    /* leases */
    uv_timer_t beat_timer;
    uint64_t last_beat_ms; /* when the server last confirmed we are alive; 0: never */
    uint64_t next_renewal_ms;
    bool renewing;            /* a round of renewals is running … */
    struct list renewal_mark; /* … and has come to here in `held` */
    bool confirming;          /* the round also decides what may start at all */
    bool registered;          /* the server has us among its nodes */

    /* restoring */
    struct restore *restore; /* the one that is running */
    struct list absent;      /* nodes whose liveness key was missing, and since when */
    uint64_t last_watch_ms, next_sweep_ms;
    bool own_orphans; /* after a reconnection: tags of ours we know nothing of */

    /* stopping */
    bool quiescing, stopping;
    void (*quiesced)(void *ctx);
    void *quiesced_ctx;
    size_t unboxing; /* inboxes being emptied */
    bool emptied;    /* every inbox was, after the last message could arrive … */
    bool inbox_left; /* … except for one that could not be */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    size_t connections; /* still to be closed */
};

/* "ptl0123456789abcdef.0000000000000042" */
void redis_broker_tag(const struct redis_broker *b, uint64_t counter,
                      char out[TAG_BYTES]);

/* redis_fetch.c */
void redis_fetch_init_sources(struct redis_broker *b);
void redis_fetch_pump(struct redis_broker *b);
void redis_fetch_start(struct redis_broker *b);   /* the connection is up */
void redis_fetch_lost(struct redis_broker *b);    /* it is down */
void redis_fetch_quiesce(struct redis_broker *b); /* stop waiting, empty inboxes */
void redis_fetch_step_aside(struct redis_broker *b, uint32_t source);
size_t redis_fetch_stop(struct redis_broker *b, void (*stopped)(void *ctx));

/* redis_settle.c: the operations of struct broker_ops */
void redis_settle_ack(struct broker *base, struct delivery *d);
void redis_settle_put_back(struct broker *base, struct delivery *d,
                           enum broker_side side, struct str text);
void redis_settle_replace(struct broker *base, struct delivery *d, struct str text);
void redis_settle_bury(struct broker *base, struct delivery *d, const char *reason);
void redis_settle_publish(struct broker *base, uint32_t source, struct str text,
                          void (*done)(void *ctx), void *ctx);
void redis_settle_flush(struct redis_broker *b);
bool redis_settle_idle(const struct redis_broker *b);
void redis_settle_finish(struct redis_broker *b);

/* redis_lease.c */
void redis_lease_start(struct redis_broker *b);
void redis_lease_lost(struct redis_broker *b);
bool redis_lease_sure(const struct broker *base);
/* Ends the beat, and with `forget` the node's name among its peers. 2 replies. */
void redis_lease_retire(struct redis_broker *b, bool forget, redis_reply_fn *fn);

/* redis_restore.c */
void redis_restore_watch(struct redis_broker *b); /* called each beat */
void redis_restore_lost(struct redis_broker *b);
void redis_restore_finish(struct redis_broker *b);

#endif
