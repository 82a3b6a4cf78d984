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
 *           ◀──────────────────────── STATE, LOG, METRIC, EVENT, EFFECT: any number,
 *                                     while it runs
 *           ◀──────────────────────── READ: it waits for documents of the backend
 *     DOCUMENTS ────────────────────▶ those, in one frame or several
 *           ◀──────────────────────── DONE: the outcome, with all there is to store
 *           ◀──────────────────────── EFFECT: as many as DONE says, the follow-ups
 *     STOP ─────────────────────────▶ exits 0 when what it has is finished
 *
 * An EFFECT before DONE acts at once, one behind it once the outcome is stored. A TASK
 * that is to be concluded or joined runs no handler and answers with the same frames:
 * STARTED (empty), READ and LOG, DONE, EFFECT. */
#ifndef PETIOLE_FRAME_H
#define PETIOLE_FRAME_H

#include "../attributes.h"

#include "../../protocol/buf.h"

#include <stdint.h>

/* What cannot wait behind other frames is said by a signal with the job's number, cut
 * to an int, as its value: "your soft limit has passed", "do not start this one". */
#define FRAME_SIGNAL_SOFT_LIMIT SIGUSR1
#define FRAME_SIGNAL_LEAVE_OUT (SIGRTMIN + 1)

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
    FRAME_EFFECT,
    FRAME_READ,
    FRAME_DOCUMENTS,
    FRAME_METRIC,
    FRAME_EVENT,
};

/* A DONE holds a result, maybe the arguments again with each character as \uXXXX, and
 * maybe the message of a retry in base64: eight times a message, and room for the rest.
 * Neither side sends a larger frame. */
static inline size_t frame_max_bytes(uint64_t message_max_bytes)
{
    const uint64_t rest = (uint64_t)16 << 20, most = UINT32_MAX;

    return message_max_bytes < (most - rest) / 8 ? 8 * message_max_bytes + rest : most;
}

#define FRAME_HEADER_BYTES 4u   /* the length */
#define FRAME_ABSENT UINT32_MAX /* instead of a document's length */

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
    struct str hostname;       /* node name: "celery@host" */
    struct str plugins;        /* paths, each ended by NUL */
    struct str settings;       /* the configuration's "plugins" object, as JSON */
    struct str accept_content; /* names, each ended by NUL */
    struct str result_serializer, result_compression;
    struct str security;          /* security_write's; empty: messages are not signed */
    struct str publishing;        /* settings of what ptl_send sends, a JSON object */
    uint64_t message_max_bytes;   /* of an unpacked body, and of a result */
    uint32_t index;               /* the N of ForkPoolWorker-N */
    uint32_t log_level;           /* logs below it are not sent */
    struct attributes attributes; /* of a task whose row says nothing */
    struct str annotations;       /* task_annotations as JSON, or empty */
    bool result_extended;
    bool measures_memory;      /* after each task, not only now and then */
    uint64_t memory_cap_bytes; /* of the child's own memory; 0: none */
};

enum frame_mode {
    TASK_RUN,
    TASK_CONCLUDE, /* its outcome is known: only what follows from it is wanted */
    TASK_JOIN,     /* a chord that it is a part of is complete: send the body */
};

struct frame_task {
    uint64_t job;
    struct str queue; /* where it was taken from */
    bool redelivered; /* by the broker's word */
    enum frame_mode mode;
    /* CONCLUDE: the outcome's document. Stored already: as the backend has it, and DONE
     * tells none. Else JSON that the parent made, {"status", "result": {exc_type,
     * exc_message, exc_module}, "traceback"}, and DONE has the whole document. */
    bool stored;
    struct str outcome;
    /* JOIN: `id` of the CHORD_PART that completed the chord. The message says which
     * chord that is: a part may have followed from another chord's end. */
    struct str part;
    struct str envelope; /* last, so that a large one needs no copy */
};

struct frame_row { /* one task of the table */
    struct str name, params, summary, plugin;
    struct attributes attributes; /* resolved */
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
    REFUSED_UNKNOWN,         /* the child's table lacks it */
    REFUSED_NOT_A_TASK,      /* neither version 2 nor 1: Celery's "unknown message" */
    REFUSED_HEADERS,         /* version 1: `text` is the envelope with its headers */
    REFUSED_REVOKED,         /* it was to be left out */
};

struct frame_refused {
    uint64_t job;
    enum frame_refusal reason;
    struct str text; /* one line for the log, or an envelope */
};

struct frame_started {
    uint64_t job;
    struct str meta; /* STARTED to store, or empty */
    struct str call; /* with result_extended: result_write_call's, for the case that the
                      * child does not live to write a result itself */
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

#define FRAME_BUCKETS_MAX 32u

/* For monitors: ptl_send_event's. */
struct frame_event {
    uint64_t job;
    struct str type;
    struct str fields; /* the members of a JSON object, without braces */
};

enum frame_metric_kind {
    FRAME_METRIC_COUNT = 1, /* a counter: added to */
    FRAME_METRIC_SET,       /* a gauge */
    FRAME_METRIC_ADD,       /* … added to */
    FRAME_METRIC_OBSERVE,   /* a histogram */
};

struct frame_metric {
    uint64_t job;
    enum frame_metric_kind kind;
    struct str name, help;
    struct str labels; /* a="x",b="y", as Prometheus has them */
    double value;
    uint32_t nbuckets; /* OBSERVE: the upper bounds, without +Inf */
    double buckets[FRAME_BUCKETS_MAX];
};

/* What is to be done beside the task's own result. */
enum frame_effect_kind {
    EFFECT_PUBLISH = 1, /* a message */
    EFFECT_STORE,       /* the document of another task */
    EFFECT_CHORD_SIZE,  /* a chord's number of parts is known */
    EFFECT_CHORD_GROW,  /* … and one more */
    EFFECT_GROUP,       /* which results a group consists of */
    EFFECT_CHORD_PART,  /* a part of a chord has its outcome */
    EFFECT_CHORD_END, /* a chord is over; once what this task publishes is published */
    EFFECT_REVOKE,    /* a task is not to be run any more */
};

struct frame_effect {
    uint64_t job;
    enum frame_effect_kind kind;
    struct str exchange; /* PUBLISH; "": the routing key is the queue */
    struct str routing_key;
    int32_t priority;
    struct str id;    /* STORE, REVOKE: the other task; CHORD_PART: the part's task */
    struct str group; /* CHORD_…, GROUP */
    double index; /* CHORD_PART: its place among the results; INFINITY: it has none */
    int64_t size; /* CHORD_SIZE; CHORD_END: 1 if the body was sent, 0 if it failed */
    /* PUBLISH: the message; STORE: the document; GROUP: {"result": …}; CHORD_PART: [1,
     * id, state, result]. Last. */
    struct str text;
};

/* The child waits for documents. */
enum frame_read_what {
    FRAME_READ_RESULTS = 1, /* of the tasks `ids` */
    FRAME_READ_GROUP,       /* of the group `ids`: the one that EFFECT_GROUP stored */
    FRAME_READ_PARTS, /* of the chord `ids`: as many as were stored, in their order */
};

struct frame_read {
    uint64_t job;
    enum frame_read_what what;
    struct str ids; /* each ended by NUL */
};

/* Read with frame_next_document, in the order asked for. */
struct frame_documents {
    uint64_t job;
    bool last; /* of those that were asked for */
    struct rd items;
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
    struct str cause;      /* RETRY: the repr of its exception, or "None" */
    struct str traceback;  /* of a failure, for the log; of a retry for events */
    struct str retry;      /* the envelope to publish before the rest; or empty */
    uint64_t memory_bytes; /* the child's resident set after the task */
    bool expected;         /* a failure of a kind that the row `throws` */
    uint32_t effects;      /* so many EFFECTs follow */
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
void frame_put_event(struct wr *w, const struct frame_event *f);
void frame_put_metric(struct wr *w, const struct frame_metric *f);
void frame_put_effect(struct wr *w, const struct frame_effect *f);
void frame_put_read(struct wr *w, const struct frame_read *f);
/* DOCUMENTS is a head and any number of documents; frame_end closes it. */
size_t frame_begin_documents(struct wr *w, uint64_t job, bool last);
/* .p NULL: there is none. */
void frame_put_document(struct wr *w, struct str document);
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
bool frame_get_event(struct rd body, struct frame_event *f);
bool frame_get_metric(struct rd body, struct frame_metric *f);
bool frame_get_effect(struct rd body, struct frame_effect *f);
bool frame_get_read(struct rd body, struct frame_read *f);
bool frame_get_documents(struct rd body, struct frame_documents *f);
/* False if there are no more; .p NULL as above. */
bool frame_next_document(struct rd *items, struct str *document);
bool frame_get_done(struct rd body, struct frame_done *f);

#endif
