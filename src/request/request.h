/* SPDX-License-Identifier: Apache-2.0 */
/* request - the life of one message in the worker. Only request_move() writes `state`.
 *
 *                       ┌─▶ WAITING (eta) ─┬───────┐
 *                       ├──────▶ LIMITED ◀──┘ ──────┤
 *     taken ▶ RECEIVED ─┼────────▶ CHECKING ───────┼──▶ READY ──▶ GIVEN ──▶ RUNNING
 *                       └▶ PARKED ─┐               │    ▲  ▲        │         │
 *                                  │               │    │  └────────┘         │
 *                                  │               │    │  its child died     ▼
 *                                  │               │    │        ┌──────── SENDING
 *                                  ▼               ▼    │        ▼
 *     freed ◀────────────────── SETTLING ◀─────── FOLLOWING ◀─ STORING
 *
 * A crash at each arrow, with late acknowledgement: before RUNNING the message is put
 * back by a peer and nothing ran; from RUNNING to STORING the task is repeated, with
 * what its handler sends; from STORING on its final state is found stored, and it does
 * not run again. In FOLLOWING what follows from the outcome is done anew, under the
 * same ids: a part is counted once, a document written again, a message that is to be
 * published not published yet. SETTLING acknowledges and publishes in one step: before
 * it a crash costs a repeat of FOLLOWING, behind it nothing. With early acknowledgement
 * the broker is told on the way to RUNNING: from there on a crash costs the task, or
 * what has not followed yet, as its sender chose.
 *
 * FOLLOWING is left for READY when a child has more to say: a chord that is complete is
 * to be joined, or the child died before it had told all. An outcome that no child has
 * told (revoked, expired, lost …) takes that way as well, past RUNNING without its
 * handler (conclude.h), unless its message asks for nothing: then it goes from wherever
 * it is to STORING. Without anything that follows STORING leads to SETTLING.
 *
 * What is requeued again and again is PARKED on its way to SETTLING, also after it ran.
 * What a cold shutdown kills is READY once more, to be given back with the others.
 *
 * One message, one block of memory: the struct, its strings, and the bytes as taken. */
#ifndef PETIOLE_REQUEST_H
#define PETIOLE_REQUEST_H

#include "../broker.h"
#include "../log/log.h"
#include "../pool/frame.h"

enum request_state {
    RQ_RECEIVED,  /* decoded; nothing promised to the broker yet */
    RQ_WAITING,   /* its eta is in the future: in the schedule */
    RQ_LIMITED,   /* its type's rate limit lets it wait: with the throttle */
    RQ_PARKED,    /* for others, or for a later try: in the schedule, then put back */
    RQ_CHECKING,  /* the backend is asked whether it was finished before */
    RQ_READY,     /* no child is free yet */
    RQ_GIVEN,     /* in a child's socket, not started: comes back if the child dies */
    RQ_RUNNING,   /* its handler runs */
    RQ_SENDING,   /* the outcome is known; what it sent is not yet with the broker */
    RQ_STORING,   /* the outcome is being stored */
    RQ_FOLLOWING, /* it is stored; what follows from it is being done */
    RQ_SETTLING,  /* the broker is being told */
};
#define RQ_STATES (RQ_SETTLING + 1)

struct child;
struct worker;

/* What events will tell of its end once that is stored: src/event/event_end.c. */
struct event_end {
    enum { END_NOT_KNOWN, END_SUCCEEDED, END_FAILED, END_RETRIED, END_REVOKED } kind;
    enum { END_NOT_REJECTED, END_REJECTED_FIRST, END_REJECTED_LAST } rejected;
    bool requeue, terminated, expired;
    bool has_traceback;
    double runtime_s;
    char *text; /* owned: result or exception, then the traceback */
    size_t text_bytes, traceback_bytes;
};

struct request {
    struct list link; /* on worker->requests[state] */
    struct delivery delivery;
    struct worker *worker;
    enum request_state state;
    bool settled;    /* the broker is done with it */
    bool taken_over; /* … since another worker has it */
    bool acks_late;
    bool redelivered;  /* by the broker's word */
    bool documented;   /* the backend may have a document of it, from before */
    bool store_errors; /* what is no success is stored: FAILURE, REVOKED */
    bool has_stamps;   /* may be revoked by one */
    bool rerun;        /* put back although its state is final: it is to run again */
    bool has_token;    /* its rate limit has let it pass */
    bool outlived;     /* ran when the connection was lost */
    bool cancelled;    /* ended for that, and goes back */
    bool requeued;     /* has run; once it was PARKED it goes back as redelivered */
    enum { REQUEUE_NOT, REQUEUE_FRONT, REQUEUE_BACK } requeue; /* once it is stored */
    bool killed_by_limit;
    int terminate_signal; /* a revoke ends it, or shall once it runs; 0: none */
    bool limit_in_header; /* the hard limit is the message's own */
    bool soft_in_header;  /* so is the soft one */
    int64_t times_lost;   /* children that died of it, by its header */
    bool may_follow;      /* its message may ask for links, a chain, a chord */
    enum frame_mode mode; /* what its child is to do */
    uint64_t job;         /* towards the child */
    struct child *child;
    const struct frame_row *row;       /* NULL: unknown task */
    size_t slot;                       /* in the schedule's heap */
    int64_t due_us;                    /* in WAITING and PARKED */
    int64_t expires_us;                /* 0: never */
    double hard_limit_s, soft_limit_s; /* 0: none */
    double runtime_s;
    int64_t began_us; /* when its handler began, by the wall clock; 0: not yet */
    uint32_t pid;     /* of the child that runs it */
    char *burial;     /* owned: why the message is a dead letter, else NULL */
    char *retry; /* owned: the message to publish once RETRY is stored, else NULL */
    size_t retry_bytes;
    char *reread; /* owned: what id, name, task and raw point into after
                     request_reread, else NULL */
    struct event_end end;
    bool announced; /* as received, by an event */
    bool unread;    /* its headers name no task: a child looks into its body first */
    bool succeeded; /* as the child reported it */
    struct sends *sends;   /* owned, see send.h; NULL: it sent nothing */
    struct follow *follow; /* owned, see follow.h; NULL: nothing follows */
    bool store_refused;    /* the outcome could not be stored; its failure is being */
    struct metrics_undo *gauges; /* owned, see http/metrics.h; NULL: none */
    char *call; /* owned: args and kwargs for extended results, once it runs */
    struct str id, name, task, queue; /* name: what logs show */
    const char *trace;                /* its traceparent, if it is valid; or NULL */
    struct str raw;                   /* the message as taken; last in the block */
};

struct message; /* protocol/message.h */

/* A request for a decoded message; NULL when memory is out. */
struct request *request_create(struct worker *w, const struct message *m,
                               struct str queue, struct str raw);
/* For a message that is no task: only to be settled. */
struct request *request_create_bare(struct worker *w, struct str queue, struct str raw);
/* Takes over what a child made of a message that the parent could not read. */
bool request_reread(struct request *rq, const struct message *m, struct str raw);
void request_destroy(struct request *rq);
/* Asserts that the arrow exists, logs it at DEBUG, changes lists. */
void request_move(struct request *rq, enum request_state to);
/* For log_line_of: what the parent says about it. */
#define REQUEST_SUBJECT(rq)                                                            \
    (&(struct log_subject){.task_name = (rq)->name.p,                                  \
                           .task_id = (rq)->id.p,                                      \
                           .trace = (rq)->trace})
const char *request_state_name(enum request_state state);

#endif
