/* SPDX-License-Identifier: Apache-2.0 */
/* frame - what the parent and a child say to each other over their socket pair.
 *
 *     u32 length of what follows | u8 type | fields
 *
 * in the machine's byte order, since both ends are the same executable. A child is as
 * hostile as what it runs: the parent reads its frames with the same bounds as bytes
 * off a network, and kills a child whose frame is bad.
 *
 *     parent                          child
 *     HELLO ────────────────────────▶ loads plugins
 *           ◀──────────────────────── READY (the task table), or BROKEN (why not)
 *     TASK ─────────────────────────▶ decodes
 *           ◀──────────────────────── REFUSED: nothing ran, the message is untouched
 *           ◀──────────────────────── STARTED: early acknowledgement happens here
 *           ◀──────────────────────── STATE, LOG: any number, while it runs
 *           ◀──────────────────────── DONE: the outcome, with all there is to store
 *     STOP ─────────────────────────▶ exits 0 when what it has is finished
 */
#ifndef PETIOLE_FRAME_H
#define PETIOLE_FRAME_H

#include "../protocol/buf.h"

#include <stdint.h>

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_TASK,
    FRAME_STOP,
    FRAME_READY,
    FRAME_BROKEN,
    FRAME_REFUSED,
    FRAME_STARTED,
    FRAME_STATE,
    FRAME_LOG,
    FRAME_DONE,
};

/* A DONE holds a result, maybe the arguments again with each character as \uXXXX, and
 * maybe the message of a retry in base64: eight times a message, and room for the rest.
 * Neither side sends a larger frame. */
static inline size_t frame_max_bytes(uint64_t message_max_bytes)
{
    const uint64_t rest = (uint64_t)16 << 20, most = UINT32_MAX;

    return message_max_bytes < (most - rest) / 8 ? 8 * message_max_bytes + rest : most;
}

struct frame {
    enum frame_type type;
    struct rd body; /* the fields; borrowed from the reader until its next call */
};

/* Cuts a stream into frames. Feed bytes, then take frames until there are none. */
struct frame_reader {
    struct wr in;           /* one frame at most, and what was fed behind it */
    size_t taken;           /* of its bytes, already returned as frames */
    size_t max_frame_bytes; /* of what follows the length */
};

void frame_reader_init(struct frame_reader *r, size_t max_frame_bytes);
void frame_reader_finish(struct frame_reader *r);
/* False if the peer announced a frame beyond the maximum, or memory ran out. */
bool frame_reader_feed(struct frame_reader *r, struct str bytes);
/* 1 with *f filled, 0 if no whole frame is there yet, -1 for an unknown type or an
 * announced length beyond the maximum. */
int frame_reader_next(struct frame_reader *r, struct frame *f);

/* Each struct below is written by frame_put_X (the whole frame, header included) and
 * read by frame_get_X, which returns false if the fields do not add up. Strings that
 * were read are borrowed from the frame. */

struct frame_hello {
    struct str hostname;        /* node name: "celery@host" */
    struct str plugins;         /* paths, each ended by NUL */
    struct str settings;        /* the configuration's "plugins" object, as JSON */
    struct str accept_content;  /* names, each ended by NUL */
    uint64_t message_max_bytes; /* of an unpacked body, and of a result */
    uint32_t index;             /* the N of ForkPoolWorker-N */
    uint32_t log_level;         /* logs below it are not sent */
    double soft_limit_s, hard_limit_s; /* the worker's; 0: none */
    bool result_extended;
    bool track_started;
};

struct frame_task {
    uint64_t job;
    struct str queue;          /* where it was taken from */
    bool redelivered;          /* by the broker's word */
    bool has_workflow_support; /* false: refuse callbacks, errbacks, chain, chord */
    struct str envelope;       /* last, so that a large one needs no copy */
};

struct frame_row { /* one task of the table */
    struct str name, params, summary, plugin;
    uint32_t soft_limit_ms, hard_limit_ms, retry_delay_ms, flags;
    int32_t max_retries;
};

struct frame_ready {
    uint32_t pid;
    uint32_t nrows;
    struct rd rows; /* read with frame_get_row */
};

enum frame_refusal {
    REFUSED_BAD_CONTENT = 1, /* content type: Celery's "invalid task message" */
    REFUSED_UNDECODABLE,     /* Celery's "Can't decode message body" */
    REFUSED_BAD_MESSAGE,     /* not three items, args no list, kwargs no map … */
    REFUSED_WORKFLOW,        /* asks for what this worker cannot do: put it back */
    REFUSED_UNKNOWN,         /* the child's table lacks it */
};

struct frame_refused {
    uint64_t job;
    enum frame_refusal reason;
    struct str text; /* one line for the log */
};

struct frame_started {
    uint64_t job;
    struct str meta; /* STARTED to store, or empty */
};

struct frame_state {
    uint64_t job;
    struct str meta;
};

struct frame_log {
    uint64_t job;
    uint32_t level;
    struct str text; /* without a line end */
};

enum frame_outcome {
    OUTCOME_SUCCESS = 1,
    OUTCOME_FAILURE,
    OUTCOME_RETRY,
    OUTCOME_IGNORE,
    OUTCOME_REJECT,
    OUTCOME_REQUEUE, /* Reject(requeue=True) */
};

struct frame_done {
    uint64_t job;
    enum frame_outcome outcome;
    double runtime_s;
    struct str meta;       /* the document to store; empty: store nothing */
    struct str repr;       /* of the result or the exception, cut for the log */
    struct str traceback;  /* of a failure, for the log */
    struct str retry;      /* the envelope to publish before the rest; or empty */
    uint64_t memory_bytes; /* the child's resident set after the task */
};

void frame_put_hello(struct wr *w, const struct frame_hello *f);
/* Everything but the envelope's bytes, which the caller sends right behind it. */
void frame_put_task_head(struct wr *w, const struct frame_task *f);
void frame_put_stop(struct wr *w);
/* READY is a head and nrows rows; frame_end closes it. */
size_t frame_begin_ready(struct wr *w, uint32_t pid, uint32_t nrows);
void frame_put_row(struct wr *w, const struct frame_row *row);
void frame_end(struct wr *w, size_t begun);
void frame_put_broken(struct wr *w, struct str why);
void frame_put_refused(struct wr *w, const struct frame_refused *f);
void frame_put_started(struct wr *w, const struct frame_started *f);
void frame_put_state(struct wr *w, const struct frame_state *f);
void frame_put_log(struct wr *w, const struct frame_log *f);
void frame_put_done(struct wr *w, const struct frame_done *f);

bool frame_get_hello(struct rd body, struct frame_hello *f);
bool frame_get_task(struct rd body, struct frame_task *f);
bool frame_get_ready(struct rd body, struct frame_ready *f);
bool frame_get_row(struct rd *rows, struct frame_row *row);
bool frame_get_broken(struct rd body, struct str *why);
bool frame_get_refused(struct rd body, struct frame_refused *f);
bool frame_get_started(struct rd body, struct frame_started *f);
bool frame_get_state(struct rd body, struct frame_state *f);
bool frame_get_log(struct rd body, struct frame_log *f);
bool frame_get_done(struct rd body, struct frame_done *f);

#endif
