/* SPDX-License-Identifier: Apache-2.0 */
/* worker - wires broker, pool and backend around the requests, and owns the loop.
 *
 *     broker ──taken──▶ intake ──▶ request ──▶ pool ──▶ child
 *        ▲                                      │
 *        └─ack── settle ◀──stored── backend ◀───┴── outcome
 *
 *     worker.c       makes the parts, and one turn of the loop
 *     life.c         the worker's states, from starting to leaving
 *     signals.c      what each signal does
 *     dump.c         what USR1 shows
 *     connection.c   broker and backend come and go
 *     listening.c    the bus, and who hears what of it
 *     intake.c       a message taken becomes a request, and finds its way
 *     revocation.c   what is revoked does not run
 *     prefetch.c     how many more messages are wanted
 *     parked.c       what is held for others makes room for what comes behind
 *     scaling.c      how many children there are
 *     outcome.c      what a child says becomes something stored
 *     refused.c      or nothing, since nothing ran
 *     lost.c         and what it could not say any more
 *     follow.c       what follows from an outcome
 *     conclude.c     and from one that no child has told
 *     settle.c       the broker is told
 *     giveback.c     what has not started returns at the end
 *     outcome_encode.c  by result_serializer
 *     banner.c       what people see at start */
#ifndef PETIOLE_WORKER_H
#define PETIOLE_WORKER_H

#include "backend.h"
#include "broker.h"
#include "bus/bus.h"
#include "config.h"
#include "event/event.h"
#include "http/http.h"
#include "http/metrics.h"
#include "http/turn.h"
#include "pool/autoscale.h"
#include "pool/pool.h"
#include "presence.h"
#include "request/parked.h"
#include "request/request.h"
#include "request/revoke.h"
#include "request/schedule.h"
#include "request/throttle.h"
#include "request/unknown.h"
#include "serializers.h"

#include "../protocol/arena.h"

#define WORKER_SIGNALS 6

enum worker_state {                  /* life.h draws them */
                    WORKER_STARTING, /* until the pool and the broker are there */
                    WORKER_RUNNING,
                    WORKER_STOPPING, /* nothing more is taken; what runs may finish */
                    WORKER_SOFT, /* the same, for worker_soft_shutdown_timeout seconds
                                  */
                    WORKER_COLD, /* what ran was killed; its outcomes are settled */
                    WORKER_LEAVING, /* nothing is held any more; connections are closing
                                     */
};

struct gossip;

struct worker {
    enum worker_state state;
    uv_loop_t loop;
    const struct config *config;
    struct broker *broker;
    struct backend *backend; /* NULL: results are not stored */
    struct bus *bus;         /* NULL: neither remote control nor events */
    struct events events;
    struct metrics *metrics;
    struct http *http; /* NULL: not asked for */
    struct turn loop_turn;
    struct {
        bool asking;
        size_t neighbours, synced; /* replies so far, and those that held something */
    } mingling;                    /* control/mingle.h */
    struct gossip *gossip;         /* NULL: --without-gossip, or no bus */
    int64_t started_us;            /* when, for people and for `uptime` */
    struct pool *pool;
    uint64_t *accepted; /* of each row of its table: how often a handler began */
    struct list requests[RQ_STATES]; /* GIVEN ones are on their child's list */
    size_t counts[RQ_STATES];
    size_t nrequests, most_requests; /* all of them; most since memory was returned */
    struct schedule schedule;
    struct throttle *throttle; /* NULL until the tasks are known */
    struct revoke revoke;
    uint64_t clock; /* Lamport's, as the state file has it */
    struct unknown *unknown;
    struct serializers serializers; /* for result_serializer */
    struct autoscale autoscale;
    struct arena scratch; /* for one message at a time */
    struct parked parked;
    uv_timer_t due;      /* the schedule's next */
    uv_timer_t patience; /* from STOPPING on: for a broker that does not come back */
    uv_timer_t soft;     /* in SOFT: until COLD */
    uv_timer_t scale_timer, state_timer;
    uv_prepare_t turn;
    uv_signal_t signals[WORKER_SIGNALS];
    bool pool_ready, broker_up, was_ready, announced_loss, announced_bus_loss;
    bool quiesced;
    bool pool_stopping, pool_stopped; /* no child takes anything more; all are gone */
    bool state_changed, state_saving; /* the state file lags behind; is being written */
    bool state_written;               /* for the last time */
    uv_mutex_t state_lock;
    bool prefetch_reduced; /* until what outlived the connection has ended */
    bool interrupted;      /* by a first INT */
    bool cold;             /* what runs was killed */
    struct presence presence;
    bool restart;     /* HUP: start anew in this process, once all is settled */
    unsigned leaving; /* of pool, broker, backend and bus, those still closing */
    bool closed;      /* nothing calls back any more */
    int exit_code;
};

/* Runs until it is told to stop; returns the exit code, or WORKER_RESTART. */
int worker_run(const struct config *config);
#define WORKER_RESTART (-1)

/* Does it take tasks and run them now? */
bool worker_is_ready(const struct worker *w);

/* Microseconds since the epoch, as this turn of the loop began. */
int64_t worker_now_us(struct worker *w);

/* intake.c */
struct delivery *intake_taken(void *ctx, struct str text, struct str queue);
void intake_route(struct request *rq);
void intake_due(struct request *rq); /* its time has come */
/* Goes on with the envelope a child made of a message of version 1. */
void intake_read(struct request *rq, struct str text);
void intake_wait(struct request *rq, enum request_state state, int64_t due_us);

/* unregistered.c */
void unregistered_task(struct request *rq);             /* no plugin has it */
void intake_park(struct request *rq, const char *what); /* for others to run */
void intake_released(struct request *rq); /* its rate limit lets it pass */

/* outcome_encode.c: a document in JSON as result_serializer has it; false without
 * memory. */
bool worker_encode_result(struct worker *w, struct wr *meta);

/* outcome.c: struct pool_events' and struct broker_events' halves */
void outcome_started(void *ctx, struct request *rq, const struct frame_started *f,
                     uint32_t pid);
void outcome_state(void *ctx, struct request *rq, struct str meta);
void outcome_done(void *ctx, struct request *rq, const struct frame_done *f,
                  const char *process);
void outcome_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail);
/* stamp: what revoked it as it is logged, or NULL. */
void outcome_revoked(struct request *rq, const char *why, const char *stamp);
/* Stores this document, if any, once all that the handler asked for is done; then what
 * follows is done, and the request settled. */
void outcome_conclude(struct request *rq, struct str meta);
/* The same at once. */
void outcome_store(struct request *rq, struct str meta);
/* An outcome that no child can report: stored where such are stored, and so on.
 * args: in the scratch arena, NULL if that is full. */
struct outcome_failure {
    const char *status, *type, *module;
    const ptl_value *args;
};
void outcome_fail(struct request *rq, const struct outcome_failure *f);
void outcome_fail_text(struct request *rq, const char *status, const char *type,
                       const char *module, const char *text);

/* settle.c: nothing more is to be done for it but to tell the broker */
void outcome_settle(struct request *rq);
void outcome_settled(void *ctx, struct delivery *d);
void outcome_lease_lost(void *ctx, struct delivery *d);
/* Gives the message back: its front of the queue unless it is for others. */
void outcome_put_back(struct request *rq, enum broker_side side, bool mark_redelivered);
/* Gives back what has run and is to run again: at once the first time, then ever later.
 */
void outcome_requeue(struct request *rq);
/* Its bytes go to another queue. */
void outcome_forward(struct request *rq, struct str queue);
/* Fails as Celery fails what it does not know. */
void outcome_unregistered(struct request *rq);
void outcome_bury(struct request *rq, const char *reason);

/* refused.c */
void outcome_refused(void *ctx, struct request *rq, const struct frame_refused *f);

/* connection.c: the other half of struct broker_events, and struct backend_events */
void connection_broker_up(void *ctx);
void connection_broker_down(void *ctx, const char *why, double retry_s,
                            unsigned attempts);
void connection_broker_unfit(void *ctx, const char *why);
void connection_backend_up(void *ctx);
void connection_backend_down(void *ctx, const char *why, double retry_s,
                             unsigned attempts);

/* signals.c */
void signals_watch(struct worker *w);

/* dump.c */
void dump_print(struct worker *w);

/* banner.c */
void banner_print(const struct worker *w);

static inline struct request *request_of(struct delivery *d)
{
    return (struct request *)(void *)((char *)d - offsetof(struct request, delivery));
}

#endif
