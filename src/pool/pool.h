/* SPDX-License-Identifier: Apache-2.0 */
/* pool - the parent's side of its children: give, take, limit, reap, replace.
 *
 *     STARTING ──READY──▶ SERVING ──STOP──▶ STOPPING ──▶ GONE
 *        │                   │                             ▲
 *        └───── BROKEN ──────┴── killed, or died ──────────┘
 *
 * The pool never looks into a message. A request given to it comes back through exactly
 * one of `refused`, `done`, `lost` (it had started) or `returned` (it had not); before
 * that, `started` says that its handler runs. A child's death is an outcome like any
 * other: only what had started is lost with it.
 *
 * A `done` that announces effects leaves the request with its child until the last of
 * them was told, or `unfollowed` says that it never will be. */
#ifndef PETIOLE_POOL_H
#define PETIOLE_POOL_H

#include "../config.h"
#include "../request/request.h"
#include "frame.h"
#include "table.h"

#include <uv.h>

struct pool;

#define POOL_SIZE_MAX 1024u

enum pool_loss {
    POOL_LOST_SIGNAL,     /* died by a signal */
    POOL_LOST_EXIT,       /* exited by itself */
    POOL_LOST_TIME_LIMIT, /* killed: past its hard limit */
    POOL_LOST_TERMINATED, /* a revoke ended it */
};

/* Why a child ended and another took its place. */
enum pool_end {
    POOL_END_UNKNOWN,
    POOL_END_TASKS,      /* worker_max_tasks_per_child */
    POOL_END_MEMORY,     /* worker_max_memory_per_child */
    POOL_END_TIME_LIMIT, /* what it ran was past its hard limit */
    POOL_END_TERMINATED, /* by a revoke */
    POOL_END_NOT_UP,     /* worker_proc_alive_timeout */
    POOL_END_NOT_READY,  /* it could not load its plugins, or offered other tasks */
    POOL_END_NONSENSE,   /* a frame that makes no sense */
    POOL_END_SIGNAL,     /* any other signal, out of memory among them */
    POOL_END_EXIT,       /* it exited by itself */
};
#define POOL_ENDS (POOL_END_EXIT + 1)

struct pool_events {
    /* The first child is there: the table is known. */
    void (*ready)(void *ctx);
    /* Children cannot be started at all: give up. Only before `ready`. */
    void (*broken)(void *ctx, const char *why);
    /* There may be room: offer requests. */
    void (*room)(void *ctx);
    void (*started)(void *ctx, struct request *rq, const struct frame_started *f,
                    uint32_t pid);
    void (*state)(void *ctx, struct request *rq, struct str meta);
    /* One of a handler's own. */
    void (*event)(void *ctx, struct request *rq, const struct frame_event *f,
                  uint32_t pid);
    void (*metric)(void *ctx, struct request *rq, const struct frame_metric *f);
    /* False: the child says no more until pool_resume(). */
    bool (*effect)(void *ctx, struct request *rq, const struct frame_effect *f);
    /* pool_tell_documents() answers. */
    void (*read)(void *ctx, struct request *rq, const struct frame_read *f);
    void (*refused)(void *ctx, struct request *rq, const struct frame_refused *f);
    void (*done)(void *ctx, struct request *rq, const struct frame_done *f,
                 const char *process);
    /* Its child died after `done`, before it had told all the effects. */
    void (*unfollowed)(void *ctx, struct request *rq);
    /* detail: the signal's number, or the exit code. */
    void (*lost)(void *ctx, struct request *rq, enum pool_loss loss, int detail);
    void (*returned)(void *ctx, struct request *rq);
};

/* size: how many children. plugins: absolute paths, each ended by NUL. Configuration
 * and plugins must outlive the pool. Starts nothing yet. */
struct pool *pool_create(uv_loop_t *loop, const struct config *config, size_t size,
                         struct str plugins, const struct pool_events *events,
                         void *ctx);
void pool_start(struct pool *p);
const struct table *pool_table(const struct pool *p);
/* What holds for a task from now on, to be changed, and *row, its place in the table;
 * NULL if there is none of this name. The parent alone goes by it: limits and rates. */
struct attributes *pool_attributes(struct pool *p, struct str task, size_t *row);

bool pool_has_room(const struct pool *p);
/* Only with room. The request and its bytes stay where they are until it is back. */
void pool_give(struct pool *p, struct request *rq);
/* The child that runs it may speak again, after its `effect` was answered with false.
 */
void pool_resume(struct request *rq);
/* Some of the documents that it asked for, until `last`. */
void pool_tell_documents(struct request *rq, const struct str *documents, size_t n,
                         bool last);
/* Kills the child that runs it, which is then lost. */
void pool_kill_child(struct request *rq);
/* Sends what was given during this turn of the loop. */
void pool_flush(struct pool *p);

/* Calls fn for each request that was given and is not back, started or not. fn may not
 * give, and what it asks for comes later. */
void pool_each(struct pool *p, void (*fn)(void *ctx, struct request *rq), void *ctx);
/* One that is given and not started is refused, REFUSED_REVOKED, unless it starts
 * before its child hears of it. */
void pool_leave_out(struct pool *p, struct request *rq);
/* The child gets the signal as soon as the request runs; if that ends it, the request
 * comes back as POOL_LOST_TERMINATED. */
void pool_terminate(struct pool *p, struct request *rq, int signum);

/* More children or fewer, until told again. Only idle ones can be taken away: returns
 * how many were. */
void pool_grow(struct pool *p, size_t n);
size_t pool_shrink(struct pool *p, size_t n);
/* New children for those there are: for the idle ones at once, for the others as they
 * end what they were given. None goes before the first new one serves; if that one
 * cannot, all stay. Nothing while an earlier restart goes on. */
void pool_restart(struct pool *p);
/* How many there are meant to be. */
size_t pool_size(const struct pool *p);

/* No more children; each ends when it is idle. `stopped` is called when all have. */
void pool_stop(struct pool *p, void (*stopped)(void *ctx), void *ctx);
/* Kills every child with its process group; what ran is `lost`. */
void pool_kill(struct pool *p);
/* Once stopped, and with the loop's handles closed. */
void pool_destroy(struct pool *p);

/* A line for each child, for people; and a signal to each that serves. */
void pool_describe(const struct pool *p, struct wr *out);
void pool_signal(struct pool *p, int signum);

/* Each child as it is now. */
struct pool_child {
    const char *name, *state; /* "ForkPoolWorker-2", "serving" */
    int pid;
    uint64_t tasks; /* done since it was started */
    size_t ngiven;
    const struct request *running; /* NULL: none */
    double runs_s;                 /* since so long */
};
void pool_each_child(const struct pool *p,
                     void (*fn)(void *ctx, const struct pool_child *c), void *ctx);
/* False if a child is stuck where only a restart of the worker helps: it was killed, or
 * is past its hard limit, and does not go, or none comes up any more. `why` gets the
 * reason, without a line end. */
bool pool_is_well(const struct pool *p, struct wr *why);

struct pool_stats {
    uint64_t spawned, killed_by_limit;
    uint64_t restarts[POOL_ENDS]; /* children that were replaced */
    size_t serving;
};
struct pool_stats pool_stats(const struct pool *p);

#endif
