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
 * other: only what had started is lost with it. */
#ifndef PETIOLE_POOL_H
#define PETIOLE_POOL_H

#include "config.h"
#include "frame.h"
#include "request.h"
#include "table.h"

#include <uv.h>

struct pool;

enum pool_loss {
    POOL_LOST_SIGNAL,    /* died by a signal */
    POOL_LOST_EXIT,      /* exited by itself */
    POOL_LOST_TIME_LIMIT /* killed: past its hard limit */
};

struct pool_events {
    /* The first child is there: the table is known. */
    void (*ready)(void *ctx);
    /* Children cannot be started at all: give up. Only before `ready`. */
    void (*broken)(void *ctx, const char *why);
    /* There may be room: offer requests. */
    void (*room)(void *ctx);
    void (*started)(void *ctx, struct request *rq, struct str meta, uint32_t pid);
    void (*state)(void *ctx, struct request *rq, struct str meta);
    void (*refused)(void *ctx, struct request *rq, const struct frame_refused *f);
    void (*done)(void *ctx, struct request *rq, const struct frame_done *f,
                 const char *process);
    /* detail: the signal's number, or the exit code. */
    void (*lost)(void *ctx, struct request *rq, enum pool_loss loss, int detail);
    void (*returned)(void *ctx, struct request *rq);
};

/* plugins: absolute paths, each ended by NUL. Configuration and plugins must outlive
 * the pool. Starts nothing yet. */
struct pool *pool_create(uv_loop_t *loop, const struct config *config,
                         struct str plugins, const struct pool_events *events,
                         void *ctx);
void pool_start(struct pool *p);
const struct table *pool_table(const struct pool *p);

bool pool_has_room(const struct pool *p);
/* Only with room. The request and its bytes stay where they are until it is back. */
void pool_give(struct pool *p, struct request *rq);
/* Sends what was given during this turn of the loop. */
void pool_flush(struct pool *p);

/* No more children; each ends when it is idle. `stopped` is called when all have. */
void pool_stop(struct pool *p, void (*stopped)(void *ctx), void *ctx);
/* Kills every child with its process group; what ran is `lost`. */
void pool_kill(struct pool *p);
/* Once stopped, and with the loop's handles closed. */
void pool_destroy(struct pool *p);

struct pool_stats {
    uint64_t spawned, killed_by_limit;
    size_t serving;
};
struct pool_stats pool_stats(const struct pool *p);

#endif
