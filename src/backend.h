/* SPDX-License-Identifier: Apache-2.0 */
/* backend - where outcomes are stored and announced, so that AsyncResult finds them.
 *
 * Documents for one task are stored in the order given. A store that fails because the
 * connection was lost is tried again for as long as the worker lives; `done` is told
 * once, and only then may a late task be acknowledged. */
#ifndef PETIOLE_BACKEND_H
#define PETIOLE_BACKEND_H

#include "error.h"

#include "../protocol/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct config;
struct backend;

enum backend_verdict {
    BACKEND_STORED,
    BACKEND_REFUSED, /* the server will never take it: too large, wrong type … */
};

typedef void backend_done_fn(void *ctx, enum backend_verdict verdict, const char *why);
/* status: of the stored document, empty if there is none. */
typedef void backend_status_fn(void *ctx, struct str status);

struct backend_events {
    void (*up)(void *ctx);
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
};

struct backend_ops {
    void (*start)(struct backend *b);
    /* meta is copied. A stored SUCCESS is never overwritten, as in Celery. */
    void (*store)(struct backend *b, struct str task_id, struct str meta,
                  backend_done_fn *done, void *ctx);
    void (*read_status)(struct backend *b, struct str task_id, backend_status_fn *done,
                        void *ctx);
    void (*stop)(struct backend *b, void (*done)(void *ctx), void *ctx);
    /* Once stopped, and with the loop's handles closed. */
    void (*destroy)(struct backend *b);
};

struct backend {
    const struct backend_ops *ops;
};

struct backend *redis_backend_create(uv_loop_t *loop, const struct config *config,
                                     const struct backend_events *events, void *ctx,
                                     struct error *e);

#endif
