/* SPDX-License-Identifier: Apache-2.0 */
/* worker - wires broker, pool and backend around the requests, and owns the loop.
 *
 *     broker ──taken──▶ intake ──▶ request ──▶ pool ──▶ child
 *        ▲                                      │
 *        └─ack── settle ◀──stored── backend ◀───┴── outcome
 *
 *     worker.c    life: start, one turn, signals, shutdown
 *     intake.c    a message taken becomes a request, and finds its way
 *     outcome.c   what a child says becomes something stored and settled
 *     banner.c    what people see at start */
#ifndef PETIOLE_WORKER_H
#define PETIOLE_WORKER_H

#include "backend.h"
#include "broker.h"
#include "config.h"
#include "pool.h"
#include "request.h"
#include "schedule.h"
#include "unknown.h"

#include "../protocol/arena.h"

enum worker_state {
    WORKER_STARTING, /* until the pool and the broker are there */
    WORKER_RUNNING,
    WORKER_STOPPING, /* nothing more is taken; what runs may finish */
    WORKER_LEAVING,  /* nothing is held any more; connections are closing */
};

struct worker {
    enum worker_state state;
    uv_loop_t loop;
    const struct config *config;
    struct broker *broker;
    struct backend *backend; /* NULL: results are not stored */
    struct pool *pool;
    struct list requests[RQ_STATES]; /* GIVEN ones are on their child's list */
    size_t counts[RQ_STATES];
    struct schedule schedule;
    struct unknown *unknown;
    struct arena scratch; /* for one message at a time */
    uv_timer_t due;       /* the schedule's next */
    uv_timer_t patience;  /* in STOPPING, for a broker that does not come back */
    uv_prepare_t turn;
    uv_signal_t term, interrupt, quit, hangup, user1, user2;
    bool pool_ready, broker_up, was_ready, announced_loss;
    bool quiesced, pool_stopped;
    bool cold;        /* what runs was killed */
    unsigned leaving; /* of pool, broker and backend, those still closing */
    unsigned interrupts;
    int exit_code;
};

/* Runs until it is told to stop; returns the exit code. */
int worker_run(const struct config *config);

/* Microseconds since the epoch, as this turn of the loop began. */
int64_t worker_now_us(struct worker *w);

/* intake.c */
struct delivery *intake_taken(void *ctx, struct str text, struct str queue);
void intake_route(struct request *rq);
void intake_due(struct request *rq);                    /* its time has come */
void intake_park(struct request *rq, const char *what); /* for others to run */
bool intake_expired(struct request *rq);                /* and if so, revoked */

/* outcome.c: struct pool_events' and struct broker_events' halves */
void outcome_started(void *ctx, struct request *rq, struct str meta, uint32_t pid);
void outcome_state(void *ctx, struct request *rq, struct str meta);
void outcome_refused(void *ctx, struct request *rq, const struct frame_refused *f);
void outcome_done(void *ctx, struct request *rq, const struct frame_done *f,
                  const char *process);
void outcome_lost(void *ctx, struct request *rq, enum pool_loss loss, int detail);
void outcome_revoked(struct request *rq, const char *why);
void outcome_settled(void *ctx, struct delivery *d);
void outcome_lease_lost(void *ctx, struct delivery *d);
/* Gives the message back: its front of the queue unless it is for others. */
void outcome_put_back(struct request *rq, enum broker_side side, bool mark_redelivered);
void outcome_bury(struct request *rq, const char *reason);

/* banner.c */
void banner_print(const struct worker *w);

static inline struct request *request_of(struct delivery *d)
{
    return (struct request *)(void *)((char *)d - offsetof(struct request, delivery));
}

#endif
