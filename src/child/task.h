/* SPDX-License-Identifier: Apache-2.0 */
/* task - one run of one task, as the ptl_* functions of <petiole/task.h> see it.
 *
 *     task_begin ──▶ task_run (bind, the handler, its deferred calls) ──▶ verdict
 *
 * Two arenas serve it. `arena` holds the message and all the handler makes, up to a
 * cap; when that is used up the task fails with MemoryError, and the words for that
 * come from `reserve`, which handlers cannot reach. Both are reset between tasks. */
#ifndef PETIOLE_TASK_INTERNAL_H
#define PETIOLE_TASK_INTERNAL_H

#include "../../protocol/message.h"
#include "../frame.h"
#include "module.h"
#include "node.h"

/* Where a running task's words go: frames in a child, the terminal in `petiole run`. */
struct task_sink {
    void (*state)(struct ptl_task *t, const char *state, const ptl_value *meta);
    void (*log)(struct ptl_task *t, ptl_level level, struct str text);
    void *to;
};

/* What was flagged first; `outcome` is 0 until then. */
struct flag {
    unsigned outcome;  /* an enum frame_outcome */
    const char *kind;  /* the exception's name, for a failure */
    struct str text;   /* what it says, or the reason of a retry; .p NULL: nothing */
    struct str reason; /* of the retry that was one too many */
    const char *file;  /* where in the handler's source, or NULL */
    const char *func;
    int line;
    bool has_delay; /* delay_s was given, and is not the row's */
    double delay_s;
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
    uint64_t job; /* the parent's number for it */
    bool redelivered;

    struct envelope envelope;
    struct message message;
    struct message_body body;
    const char *id, *root_id, *parent_id; /* the message's, with NULs */

    const ptl_value *bound[BIND_MAX_PARAMS]; /* NULL: not given */
    struct deferral *deferrals;              /* the last registered first */
    struct flag flag;
    const ptl_value *value; /* what the handler returned; NULL is None */
};

/* Makes *t ready to run the row; message and body are filled already. False, with
 * MemoryError flagged, if there is no memory for its ids. */
bool task_begin(struct ptl_task *t, const struct module_row *row);
void task_run(struct ptl_task *t);

/* Flags an outcome unless there is one; false if there was. */
bool task_flag(struct ptl_task *t, enum frame_outcome outcome);
/* Flags a failure that has no place in the handler's source. Returns NULL. */
void *task_fail(struct ptl_task *t, const char *kind, const char *fmt, ...)
    PTL_PRINTF(3, 4);
void *task_fail_memory(struct ptl_task *t);
/* Whether nothing of this task is stored: the caller's word, else the row's. */
bool task_ignores_result(const struct ptl_task *t);

#endif
