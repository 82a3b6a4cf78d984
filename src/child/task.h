/* SPDX-License-Identifier: Apache-2.0 */
/* task - one run of one task, as the ptl_* functions of <petiole/task.h> see it.
 *
 *     task_begin ──▶ task_run (bind, the handler, its deferred calls) ──▶ verdict
 *                                                         ──▶ its follow-ups
 *
 * Two arenas serve it. `arena` holds the message and all the handler makes, up to a
 * cap; when that is used up the task fails with MemoryError, and the words for that
 * come from `reserve`, which handlers cannot reach. Both are reset between tasks. */
#ifndef PETIOLE_TASK_INTERNAL_H
#define PETIOLE_TASK_INTERNAL_H

#include "../../protocol/canvas/canvas.h"
#include "../../protocol/message.h"
#include "../../protocol/message_send.h"
#include "../pool/frame.h"
#include "module.h"
#include "node.h"

#include <stdarg.h>

/* Where a running task's words go: frames in a child, the terminal in `petiole run`. */
struct task_sink {
    void (*state)(struct ptl_task *t, const char *state, const ptl_value *meta);
    void (*log)(struct ptl_task *t, ptl_level level, struct str text);
    /* NULL where there is nobody to hear it. */
    void (*event)(struct ptl_task *t, const struct frame_event *e);
    void (*metric)(struct ptl_task *t, const struct frame_metric *m);
    /* What is to be done at once; it is good until the call returns. `m` is what a
     * PUBLISH was made of. */
    void (*effect)(struct ptl_task *t, const struct frame_effect *e,
                   const struct message_send *m);
    /* Waits for documents of the backend, `ids` being as in frame_read. Each is good
     * until the next; .p NULL: there is none. */
    void (*read)(struct ptl_task *t, enum frame_read_what what, struct str ids,
                 void (*each)(void *ctx, struct str document), void *ctx);
    void *to;
};

/* What follows from an outcome, kept until that is told. */
struct followups {
    struct wr frames;
    uint32_t n;
    const char *scope; /* with the task's id and `made` it makes ids … */
    uint64_t made;     /* … that are the same when it is all made again */
};

/* What was flagged first; `outcome` is 0 until then. */
struct flag {
    unsigned outcome; /* an enum frame_outcome */
    const char *kind; /* the exception's name; of a retry NULL if it has none */
    struct str text;  /* what it says, or the reason of a retry; .p NULL: nothing */
    const ptl_value *args; /* of the exception, if not just the text; or NULL */
    struct str reason;     /* of the retry that was one too many */
    const char *file;      /* where in the handler's source, or NULL */
    const char *func;
    int line;
    enum { DELAY_WHOLE, DELAY_GIVEN, DELAY_ETA } delay; /* how it is printed */
    double delay_s;
    const ptl_options *again; /* what a retry has differently, or NULL */
};

struct deferral {
    void (*release)(void *arg);
    void *arg;
    struct deferral *next;
};

struct ptl_task {
    struct arena *arena, *reserve;
    const struct node *node;
    const struct task_sink *sink;
    const struct module_row *row;
    const struct module_table *table; /* NULL: no task is known here */
    uint64_t job;                     /* the parent's number for it */
    bool redelivered;

    struct envelope envelope;
    struct message message;
    struct message_body body;
    /* The message's, with NULs. */
    const char *id, *root_id, *parent_id, *trace_id;

    const ptl_value *bound[BIND_MAX_PARAMS]; /* NULL: not given */
    struct deferral *deferrals;              /* the last registered first */
    struct wr children; /* what was sent, as `children` of the result lists it */
    bool children_cut;  /* more was sent than there is room for */
    bool trail_is_off;  /* what is sent now is not among them */
    struct followups *followups; /* NULL: what is to be done is done at once */
    struct flag flag;
    const ptl_value *value; /* what the handler returned; NULL is None */
};

/* Makes *t ready to run the row; message and body are filled already. False, with
 * MemoryError flagged, if there is no memory for its ids. */
bool task_begin(struct ptl_task *t, const struct module_row *row);
void task_run(struct ptl_task *t);
/* The handler's part of it: its arguments, itself, its deferred calls. */
void task_bind_and_call(struct ptl_task *t);

/* Flags an outcome unless there is one; false if there was. */
bool task_flag(struct ptl_task *t, enum frame_outcome outcome);
/* Where in the handler's source it was. */
void task_note_place(struct ptl_task *t, const char *file, int line, const char *func);
/* A kind of exception, copied and fit to be printed. */
const char *task_keep_kind(struct ptl_task *t, const char *kind);
/* printf into `reserve`, so that there are words even when the handler used up its
 * memory. */
struct str task_compose(struct ptl_task *t, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Turns a failure of the row's autoretry_for into a retry, if there is one left. */
void task_autoretry(struct ptl_task *t);
/* Publishes a task as Celery's send_task does: the one way out for ptl_send and for all
 * that a workflow calls. *id, in the task's arena, is its id. False with a failure
 * flagged if it cannot be. */
bool task_publish(struct ptl_task *t, const struct canvas_call *call, struct str *id);
/* For what this task makes: random while it runs, the same each time in follow-ups. */
void task_new_id(struct ptl_task *t, char id[UUID_TEXT]);
void task_random_id(char id[UUID_TEXT]);
/* Something to be done beside the result: at once, or with the other follow-ups. */
void task_effect(struct ptl_task *t, struct frame_effect *e,
                 const struct message_send *m);
/* A copy of the caller's options; false, with a failure flagged, if they cannot be. */
bool task_read_options(struct ptl_task *t, ptl_options *to, const ptl_options *from);
/* True, or a failure is flagged: what send and retry have in common. */
bool task_check_options(struct ptl_task *t, const ptl_options *o);
/* What Python calls its type: "NoneType", "int", … */
const char *task_type_name(const ptl_value *v);
/* Flags a failure that has no place in the handler's source. Returns NULL. */
void *task_fail(struct ptl_task *t, const char *kind, const char *fmt, ...)
    PTL_PRINTF(3, 4);
void *task_fail_memory(struct ptl_task *t);
/* The list of values up to a NULL; NULL with MemoryError flagged. */
ptl_value *task_list_of(struct ptl_task *t, va_list ap);
/* A copy for handlers: the envelope's strings are borrowed from its text and have no
 * NUL behind them. The reader's limit of depth bounds the recursion. */
const ptl_value *task_with_nuls(struct arena *a, const ptl_value *v);
/* Adds a task, or a result tuple, to `children`, unless the row does without. */
void task_add_child(struct ptl_task *t, struct str id);
void task_add_tuple(struct ptl_task *t, const ptl_value *tuple);
/* Whether nothing of this task is stored: the caller's word, else the row's. */
bool task_ignores_result(const struct ptl_task *t);
/* Whether its failures and retries are stored, be its result ignored or not. */
bool task_stores_errors(const struct ptl_task *t);

#endif
