/* SPDX-License-Identifier: Apache-2.0 */
/* backend - where outcomes are stored and announced, so that AsyncResult finds them,
 * and where the parts of chords are counted.
 *
 * Documents for one task are stored in the order given. A store that fails because the
 * connection was lost is tried again for as long as the worker lives; `done` is told
 * once, and only then may a late task be acknowledged. The same holds for all that is
 * done for chords and groups. Nothing of it takes effect twice if it is asked twice.
 *
 * A chord's life, seen from the task that is its last part:
 *
 *     chord_part ──COMPLETE──▶ read ──▶ chord_sending ──▶ (the body is published)
 *                                                    ──▶ chord_end
 *
 * Whoever is told COMPLETE has claimed the chord for a few seconds. A worker that dies
 * with the claim gets it back at once when the same part is delivered to it, or to
 * another petiole worker, again. */
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

enum backend_document {
    BACKEND_FIRST, /* as far as its worker knows, none was stored for the task before */
    BACKEND_UPDATE, /* of a task that ran before, or has told of its progress */
};

typedef void backend_done_fn(void *ctx, enum backend_verdict verdict, const char *why);
/* status: of the stored document, empty if there is none. */
typedef void backend_status_fn(void *ctx, struct str status);

/* What a task says of itself to its chord. */
struct backend_part {
    struct str group, task_id;
    double index;    /* its place in the header; INFINITY if it has none */
    struct str text; /* [1, id, state, result], in the serializer of results */
};

enum backend_part_state {
    PART_WAITING,  /* others are missing, or the chord's size is not known yet */
    PART_COMPLETE, /* it is ours to join */
    PART_CLAIMED,  /* another part is joining it: for a part that was delivered again,
                    * worth another look in retry_s */
    PART_DONE,     /* it was joined, or the body is on its way */
};

/* why: NULL, or what the server refused; then the state tells nothing. */
typedef void backend_part_fn(void *ctx, enum backend_part_state state, double retry_s,
                             const char *why);

enum backend_read {
    READ_RESULTS, /* the metas of tasks, as stored: maybe packed, maybe not in JSON */
    READ_GROUP,   /* the document of one group, if it has one */
    READ_PARTS,   /* the parts of one group's chord, in the order of its header */
};

/* Some of the documents, in order; .p NULL: there is none. Called until `last`, or
 * until there is a `why`. */
typedef void backend_read_fn(void *ctx, const struct str *documents, size_t n,
                             bool last, const char *why);

struct backend_events {
    void (*up)(void *ctx);
    void (*down)(void *ctx, const char *why, double retry_s, unsigned attempts);
};

struct backend_ops {
    void (*start)(struct backend *b);
    /* meta is copied. A stored SUCCESS is never overwritten, as in Celery, whatever the
     * document is said to be: that only tells which way is the shorter. */
    void (*store)(struct backend *b, struct str task_id, struct str meta,
                  enum backend_document document, backend_done_fn *done, void *ctx);
    void (*read_status)(struct backend *b, struct str task_id, backend_status_fn *done,
                        void *ctx);
    /* Adds a task's part, once, and tells how the chord stands. */
    void (*chord_part)(struct backend *b, const struct backend_part *part,
                       backend_part_fn *done, void *ctx);
    /* Before the body is published, or the chord's error: from here on no other part
     * joins it. COMPLETE: it still is ours; else another has it, and nothing may be
     * published. task_id: of the part that was told COMPLETE, as below. */
    void (*chord_sending)(struct backend *b, struct str group, struct str task_id,
                          backend_part_fn *done, void *ctx);
    /* The body is published (sent), or the chord has failed and its error is told. */
    void (*chord_end)(struct backend *b, struct str group, struct str task_id,
                      bool sent, backend_done_fn *done, void *ctx);
    /* How many parts a chord will have. Never lowers what is known. again: it may have
     * been told before, of the same run of this chord, which may be over. */
    void (*chord_size)(struct backend *b, struct str group, int64_t size, bool again,
                       backend_done_fn *done, void *ctx);
    /* One more part than its size says. */
    void (*chord_grow)(struct backend *b, struct str group, backend_done_fn *done,
                       void *ctx);
    void (*save_group)(struct backend *b, struct str group, struct str document,
                       backend_done_fn *done, void *ctx);
    /* ids: of tasks, or one group's. */
    void (*read)(struct backend *b, enum backend_read what, const struct str *ids,
                 size_t n, backend_read_fn *done, void *ctx);
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
