/* SPDX-License-Identifier: Apache-2.0 */
/* canvas - from a signature to the messages that run it, as Celery 5.7's canvas makes
 * them.
 *
 * Pure: values in, calls out. What a signature needs of the world (ids, publishing,
 * the counters of a chord) it asks of the hooks, in the order in which Celery does.
 *
 * Values are shared, never copied in depth: the body of a chord hangs on each of its
 * ten thousand members by one pointer. So a value that was handed in, or handed to a
 * hook, must not be changed before the arena is reset. */
#ifndef PROTOCOL_CANVAS_CANVAS_H
#define PROTOCOL_CANVAS_CANVAS_H

#include "../uuid.h"
#include "../value.h"

/* Signatures within signatures. JSON itself is read to 200 levels, of which each
 * signature takes three. */
#define CANVAS_DEPTH_MAX 100u

/* One message to publish: what Celery's send_task would be given. */
struct canvas_call {
    struct str task;
    struct str route_name;          /* what the route is looked up by; .n 0: task */
    const ptl_value *args, *kwargs; /* a list, a map */
    const ptl_value *options;       /* a map: task_id (always), group_id, group_index,
        root_id, parent_id, reply_to, chord, chain, link, link_error, stamped_headers and
        the stamps, queue, countdown, … */
};

/* Those that return bool: false stops; they have then set the fault. */
struct canvas_hooks {
    void (*new_id)(void *ctx, char id[UUID_TEXT]);
    bool (*call)(void *ctx, const struct canvas_call *call);
    /* How many parts the chord waits for. Comes before the call of its last member. */
    bool (*chord_size)(void *ctx, struct str group_id, int64_t size);
    /* A header whose results are nested: {"result": tuple}. */
    bool (*save_group)(void *ctx, struct str group_id, const ptl_value *document);
};

struct canvas_result;

struct canvas {
    struct arena *arena;
    const struct canvas_hooks *hooks;
    void *ctx;
    struct str reply_to;       /* what freezing writes where none is */
    bool link_error_on_header; /* task_allow_error_cb_on_chord_header */
    size_t signatures_left;    /* to be visited or made; beyond: a fault */
    const char *fault_kind;    /* name of the Python exception; NULL: none */
    struct str fault;          /* its text, one line */
    struct str applied;        /* id of what the last canvas_apply returned in Python: a
                                  chain's last task, a chord's body, a group; .n 0: None */
    const struct canvas_result *result; /* private: the same */
    const ptl_value *child;             /* private: the entry for the trail */
    unsigned depth;                     /* private: how deep in a signature */
};

/* Applies a signature as .apply_async(args, **options) does. args (a list) and options
 * (a map) may be NULL. Returns what `children` lists of it, [[id, null], null] or
 * [[gid, null], [...]], null where Celery lists nothing; NULL with the fault set. */
const ptl_value *canvas_apply(struct canvas *c, const ptl_value *sig,
                              const ptl_value *args, const ptl_value *options);

/* Of what is `applied` after canvas_apply: [[id, parent], null] of a task, [[id,
 * parent], [tuple, …]] of a group; NULL with the fault set. */
const ptl_value *canvas_applied(struct canvas *c);

/* The errbacks of the task whose result is the signature's, and that task's id (.n 0:
 * it was not frozen): of a chord's body with those of the chord, of a group with those
 * of its tasks. A list; NULL with the fault set. */
const ptl_value *canvas_errbacks(struct canvas *c, const ptl_value *sig,
                                 struct str *id);

/* Sets the fault, unless there is one; returns false. */
bool canvas_fault(struct canvas *c, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The arena is full. */
bool canvas_fault_memory(struct canvas *c);

#endif
