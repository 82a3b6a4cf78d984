/* SPDX-License-Identifier: Apache-2.0 */
/* request - the life of one message in the worker. Only request_move() writes `state`.
 *
 *                       ┌────────▶ WAITING (eta) ──┐
 *     taken ▶ RECEIVED ─┼────────▶ CHECKING ───────┼──▶ READY ──▶ GIVEN ──▶ RUNNING
 *                       └▶ PARKED ─┐               │      ▲          │         │
 *                                  │               │      └──────────┘         │
 *                                  ▼               ▼     its child died        ▼
 *     freed ◀────────────────── SETTLING ◀───────────────────────────────── STORING
 *
 * A crash at each arrow, with late acknowledgement: before RUNNING the message is put
 * back by a peer and nothing ran; in RUNNING and STORING the task is repeated; in
 * SETTLING its final state is found stored, and it is acknowledged without running.
 * With early acknowledgement the broker is told on the way to RUNNING: from there on a
 * crash costs the task, as its sender chose.
 *
 * One message, one block of memory: the struct, its strings, and the bytes as taken. */
#ifndef PETIOLE_REQUEST_H
#define PETIOLE_REQUEST_H

#include "broker.h"
#include "frame.h"

enum request_state {
    RQ_RECEIVED, /* decoded; nothing promised to the broker yet */
    RQ_WAITING,  /* its eta is in the future: in the schedule */
    RQ_PARKED,   /* for others to run: in the schedule, then put back */
    RQ_CHECKING, /* the backend is asked whether it was finished before */
    RQ_READY,    /* no child is free yet */
    RQ_GIVEN,    /* in a child's socket, not started: comes back if the child dies */
    RQ_RUNNING,  /* its handler runs */
    RQ_STORING,  /* the outcome is known and being stored */
    RQ_SETTLING, /* the broker is being told */
};
#define RQ_STATES (RQ_SETTLING + 1)

struct child;
struct worker;

struct request {
    struct list link; /* on worker->requests[state] */
    struct delivery delivery;
    struct worker *worker;
    enum request_state state;
    bool settled; /* the broker is done with it */
    bool acks_late;
    bool redelivered;   /* by the broker's word */
    bool ignore_result; /* nothing is stored for it */
    bool killed_by_limit;
    bool limit_in_header; /* the hard limit is the message's own */
    int64_t times_lost;   /* children that died of it, by its header */
    uint64_t job;         /* towards the child */
    struct child *child;
    const struct frame_row *row;       /* NULL: unknown task */
    size_t slot;                       /* in the schedule's heap */
    int64_t due_us;                    /* in WAITING and PARKED */
    int64_t expires_us;                /* 0: never */
    double hard_limit_s, soft_limit_s; /* 0: none */
    double runtime_s;
    char *burial; /* owned: why the message is a dead letter, else NULL */
    char *retry;  /* owned: the message to publish once RETRY is stored, else NULL */
    size_t retry_bytes;
    bool store_refused; /* the outcome could not be stored; its failure is being */
    struct str id, name, task, queue; /* name: what logs show */
    struct str raw;                   /* the message as taken; last in the block */
};

struct message; /* protocol/message.h */

/* A request for a decoded message; NULL when memory is out. */
struct request *request_create(struct worker *w, const struct message *m,
                               struct str queue, struct str raw);
/* For a message that is no task: only to be settled. */
struct request *request_create_bare(struct worker *w, struct str queue, struct str raw);
void request_destroy(struct request *rq);
/* Asserts that the arrow exists, logs it at DEBUG, changes lists. */
void request_move(struct request *rq, enum request_state to);
const char *request_state_name(enum request_state state);

#endif
