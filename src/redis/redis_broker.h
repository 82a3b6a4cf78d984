/* SPDX-License-Identifier: Apache-2.0 */
/* redis_broker - kombu's Redis transport, lossless; what its files share.
 *
 *     redis_broker.c    life: connect, declare, quiesce, stop
 *     redis_fetch.c     taking: the fetch script
 *     redis_wait.c      waiting for a message when the queues are empty
 *     redis_waiting.c   how many messages wait in them
 *     redis_consume.c   which queues those are, from the start and later
 *     redis_declare.c   the bindings by which publishers find our queues
 *     redis_route.c     to which lists a message goes
 *     redis_settle.c    acknowledging, putting back, burying, publishing
 *     redis_replace.c   acknowledging and publishing in one step
 *     redis_send.c      sending what handlers publish
 *     redis_lease.c     proving to be alive, renewing what is held
 *     redis_restore.h   putting back what dead nodes held, and what is overdue
 *
 *     redis_keys.c      the names of all keys
 *
 * A node id is new at each start. A delivery tag is the id and a counter that always
 * has as many digits, so that what a node held can be found and put back in order. */
#ifndef PETIOLE_REDIS_BROKER_H
#define PETIOLE_REDIS_BROKER_H

#include "../broker.h"
#include "../config.h"
#include "held.h"
#include "redis_keys.h"
#include "redis_route.h"
#include "redis_scripts.h"

#define NODE_ID_BYTES 52 /* "ptl" and 48 hexadecimal digits */
#define NODE_TTL_MS 4000
#define NODE_BEAT_MS 1000
#define REDIS_DECLARED 64
#define QUEUE_RETRY_MS 10000 /* a key that is no list */
#define TAG_BYTES 72
#define TAG_FIRST 10000000000000u /* 14 digits, all that Lua writes of a number */

enum listener_state {
    LISTENER_IDLE,      /* connected or not; waits for nothing */
    LISTENER_ARMED,     /* BLMOVE is at the server */
    LISTENER_UNBLOCKING /* BLMOVE is being cancelled; its reply still comes */
};

/* A queue that is taken from, or was: its sources keep their numbers, by which what was
 * taken goes back. */
struct consumed {
    struct queue queue; /* a copy */
    bool active;        /* not cancelled */
    bool known;         /* peers know its inboxes: only then may anything get there */
    /* Cancelled: what its listeners still moved, or may have when a connection broke,
     * is looked for until then. */
    uint64_t unbox_until_ms;
};

/* One queue at one priority, its inbox, and the connection that waits for it. */
struct source {
    struct redis_broker *broker;
    uint32_t number;
    const struct consumed *of;
    const char *queue;
    char key[REDIS_KEY_BYTES], inbox[REDIS_KEY_BYTES];
    char tail[QUEUE_NAME_MAX + 16]; /* , "", "queue"] */
    struct redis listener;
    enum listener_state state;
    uint64_t rest_until_ms; /* its key is no list: not asked before */
    bool suspect;           /* its last connection broke while it waited */
    bool boxed;             /* a message may lie in the inbox */
    bool asked;             /* the fetch at the server looks into the inbox */
    bool stopped;
    int64_t waiting; /* messages in the list, a few seconds ago; -1: not known */
};

struct restore;

struct redis_broker {
    struct broker base;
    uv_loop_t *loop;
    const struct config *config;
    const struct broker_events *events;
    void *ctx;
    char id[NODE_ID_BYTES];
    struct redis_keys keys;
    struct redis redis;
    struct redis_scripts scripts;
    bool up; /* scripts loaded, queues declared */
    uv_prepare_t turn;

    struct consumed *consumed; /* room for CONFIG_QUEUES_MAX */
    size_t nconsumed;
    size_t order[CONFIG_QUEUES_MAX], norder; /* the active ones, as they are asked */
    struct source *sources; /* of the n-th queue, those from n * keys.nsteps on */
    size_t nsources;
    size_t rotation;   /* the place in `order` that is asked first */
    bool purged;       /* --purge: once */
    bool dead_counted; /* the dead letters: once */
    long long erased;
    uint64_t next_declare_ms; /* of queues with x-expires */

    /* taking */
    size_t want;       /* as last told */
    bool fetching;     /* a fetch is at the server */
    bool drained;      /* the last one took all there was: listeners wait */
    uint64_t counter;  /* of the next tag */
    size_t mean_bytes; /* of the messages taken of late; leaps up, sinks slowly */
    bool fetch_paused; /* after an error, until the timer */
    uv_timer_t fetch_timer;

    /* settling */
    struct held by_tag;       /* every delivery until it is settled */
    struct list held;         /* of them, those whose lease is renewed */
    struct list acking;       /* deliveries whose acknowledgement is not yet sent */
    struct list jobs;         /* other settlements, not yet sent */
    struct list replacements; /* those that publish, not yet sent */
    size_t unsent;    /* deliveries on all three: the server still has them as held */
    size_t in_flight; /* ack batches and jobs at the server */
    uint64_t ack_after_ms, jobs_after_ms; /* after a refusal, nothing before */

    /* sending */
    struct list sends;                 /* messages of handlers, not yet at the server */
    size_t sending;                    /* batches of them that are */
    uint64_t declared[REDIS_DECLARED]; /* hashes of queues' names; 0: none */

    /* leases */
    uv_timer_t beat_timer;
    unsigned beats;        /* since the connection is up */
    uint64_t last_beat_ms; /* when the server last confirmed we are alive; 0: never */
    uint64_t next_renewal_ms;
    bool renewing;            /* a round of renewals is running … */
    struct list renewal_mark; /* … and has come to here in `held` */
    bool renewal_at_server;
    bool stretched_in_doubt;  /* a renewal failed: an eta's lease may be a short one */
    bool stretching_anew;     /* this round renews those, too */
    uv_timer_t renewal_timer; /* spreads a round over the interval */
    bool confirming;          /* the round also decides what may start at all */
    bool registered;          /* the server has us among its nodes */

    /* restoring */
    struct restore *restore; /* the one that is running */
    struct list absent;      /* nodes whose liveness key was missing, and since when */
    uint64_t last_watch_ms, next_sweep_ms;
    uint64_t waiting_wanted_ms; /* when somebody wanted to know last; 0: nobody */
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

/* "ptl<48 digits>.10000000000042" */
void redis_broker_tag(const struct redis_broker *b, uint64_t counter,
                      char out[TAG_BYTES]);

/* 0 if it is none of ours. */
uint64_t redis_broker_counter(const struct redis_broker *b, const char *tag);
/* Nothing more is to be done for it: its memory may go. */
void redis_broker_release(struct redis_broker *b, struct delivery *d);

/* redis_consume.c */
/* The queues of the start. False without memory. */
bool redis_consume_init(struct redis_broker *b);
void redis_consume_finish(struct redis_broker *b);
/* The operations of struct broker_ops. */
int redis_consume(struct broker *base, const struct queue *q);
bool redis_consume_cancel(struct broker *base, const char *name);
const struct queue *redis_consumed(const struct broker *base, size_t i);
/* The server has registered all there is. */
void redis_consume_known(struct redis_broker *b);
/* With each beat: empties the inboxes of those that were cancelled. */
void redis_consume_beat(struct redis_broker *b);
static inline bool redis_consume_is_active(const struct source *s)
{
    return s->of->active && s->of->known;
}

/* redis_waiting.c */
int64_t redis_waiting(struct broker *base, size_t i);
void redis_waiting_beat(struct redis_broker *b);

/* redis_fetch.c */
void redis_fetch_init(struct redis_broker *b);
/* What there is to take is asked for with the loop's next turn, behind what is settled
 * by then: so the server never has more on our account than is wanted. */
void redis_fetch_pump(struct redis_broker *b);
void redis_fetch_start(struct redis_broker *b); /* the connection is up */
void redis_fetch_lost(struct redis_broker *b);  /* it is down */
void redis_fetch_pause(struct redis_broker *b, const char *why); /* for a second */
void redis_fetch_complain(struct source *s, const char *text); /* its key is no list */

/* redis_wait.c */
void redis_wait_init(struct source *s);
void redis_wait_start(struct redis_broker *b);
void redis_wait_lost(struct redis_broker *b); /* the broker's own connection is */
void redis_wait_arm(struct redis_broker *b);
void redis_wait_disarm(struct redis_broker *b);
/* Whoever waits for a queue longest gets the next message; be the last. */
void redis_wait_step_aside(struct redis_broker *b, uint32_t source);
void redis_wait_quiesce(struct redis_broker *b); /* stop waiting, empty inboxes */
void redis_wait_check_quiesced(struct redis_broker *b);
size_t redis_wait_stop(struct redis_broker *b, void (*stopped)(void *ctx));

/* Waits no more for this one; what has come goes back. */
void redis_wait_leave(struct source *s);
/* What lies in its inbox goes back to the front of its list. */
void redis_wait_unbox(struct source *s);

/* redis_declare.c */
void redis_declare_one(struct redis_broker *b, const struct queue *q);
void redis_declare_queues(struct redis_broker *b);
void redis_declare_refresh(struct redis_broker *b);

/* redis_settle.c: the operations of struct broker_ops */
void redis_settle_ack(struct broker *base, struct delivery *d);
void redis_settle_put_back(struct broker *base, struct delivery *d,
                           enum broker_side side, struct str text);
void redis_settle_forward(struct broker *base, struct delivery *d,
                          const struct broker_address *to);
void redis_settle_bury(struct broker *base, struct delivery *d,
                       const struct broker_burial *burial);
void redis_settle_publish(struct broker *base, const struct broker_address *to,
                          struct str text, void (*done)(void *ctx), void *ctx);
void redis_settle_flush(struct redis_broker *b);
bool redis_settle_idle(const struct redis_broker *b);
void redis_settle_finish(struct redis_broker *b);
/* The server has settled it: tells the listener. */
void redis_settle_done(struct redis_broker *b, struct delivery *d);
/* Says what the server refused. Returns when to try again. */
uint64_t redis_settle_refused(struct redis_broker *b, const char *what,
                              const char *why);

/* redis_replace.c */
void redis_replace(struct broker *base, struct delivery *d,
                   const struct broker_message *messages, size_t n);
void redis_replace_flush(struct redis_broker *b);
void redis_replace_finish(struct redis_broker *b);

/* redis_send.c */
void redis_send(struct broker *base, const struct broker_address *to, struct str text,
                broker_sent_fn *done, void *ctx);
void redis_send_flush(struct redis_broker *b);
bool redis_send_idle(const struct redis_broker *b);
void redis_send_lost(struct redis_broker *b); /* the connection is down */
/* So that Python's side knows the queue too, once per connection. */
void redis_send_declare(struct redis_broker *b, struct str queue);
void redis_send_finish(struct redis_broker *b);

/* redis_lease.c */
/* Tells the peers, anew, of every inbox; on_known when the server has it. */
void redis_lease_register(struct redis_broker *b, redis_reply_fn *fn);
/* redis_namesake.c: warns of a live node with this one's name. */
void redis_namesake_look(struct redis_broker *b);
void redis_lease_start(struct redis_broker *b);
void redis_lease_lost(struct redis_broker *b);
bool redis_lease_sure(const struct broker *base);
/* Ends the beat, and with `forget` the node's name among its peers. 2 replies. */
void redis_lease_retire(struct redis_broker *b, bool forget, redis_reply_fn *fn);

/* redis_watch.c */
void redis_restore_watch(struct redis_broker *b); /* called each beat */
/* Tags of our own may still be booked that we know nothing of. */
bool redis_restore_own_left(const struct redis_broker *b);
void redis_restore_lost(struct redis_broker *b);
void redis_restore_finish(struct redis_broker *b);

#endif
