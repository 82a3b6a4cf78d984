/* SPDX-License-Identifier: Apache-2.0 */
/* result - the meta document that AsyncResult reads (celery.backends.base).
 *
 *     {"status", "result", "traceback", "children", "date_done", "group_id"?,
 *      "parent_id"?, [extended: "name", "args", "kwargs", "worker", "retries",
 *      "queue", stamps…], "task_id"}
 *
 * in that order, with Python's separators, so that the bytes are a Python worker's. */
#ifndef PROTOCOL_RESULT_H
#define PROTOCOL_RESULT_H

#include "message.h"

struct result_error {
    struct str type;       /* "ValueError" */
    struct str module;     /* "builtins" */
    const ptl_value *args; /* exc_message: a list */
};

struct result {
    const char *status; /* "SUCCESS", "FAILURE", "PROGRESS", … */
    /* Exactly one of the three is what "result" holds: */
    struct str encoded;               /* JSON already, if .p is set */
    const struct result_error *error; /* else an exception, if set */
    const ptl_value *value;           /* else a value; NULL is null */
    struct str traceback;             /* .p NULL: null */
    bool children_self;               /* a retry lists the task itself as its child */
    int64_t date_done_us;             /* 0: null */
    struct str task_id, group_id, parent_id; /* .p NULL: left out */
    /* result_extended; NULL leaves the fields out. */
    const struct result_extended {
        struct str name, worker, queue;
        const ptl_value *args, *kwargs; /* NULL: null */
        int64_t retries;
        const ptl_value *headers; /* for stamped_headers and their stamps */
    } * extended;
};

void result_write(struct wr *w, const struct result *r);

/* SUCCESS, FAILURE and REVOKED are final: date_done is set and nothing follows. */
bool result_status_final(struct str status);
/* The status of a stored meta; an empty slice if it is not one. */
struct str result_read_status(struct arena *a, struct str meta);

/* Where Python finds an exception class: "ValueError" → builtins, "Retry" →
 * celery.exceptions, "WorkerLostError" → billiard.exceptions, "a.b.C" → a.b, and
 * otherwise `fallback`. `type` and `module` point into name or static text. */
void result_exception_name(struct str name, struct str fallback, struct str *type,
                           struct str *module);
/* Python's repr of the exception: ValueError('bad value', 42). */
void result_exception_repr(struct wr *w, const struct result_error *e);

#endif
