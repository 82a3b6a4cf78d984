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
    struct str children; /* the items of the list, as JSON: [["id", null], null], … */
    int64_t date_done_us;                    /* 0: null */
    struct str task_id, group_id, parent_id; /* .p NULL: left out */
    /* result_extended; NULL leaves the fields out. */
    const struct result_extended {
        struct str name, worker, queue;
        const ptl_value *args, *kwargs; /* NULL: null */
        struct str call; /* both, written already: "args": [...], "kwargs": {...} */
        int64_t retries;
        const ptl_value *headers; /* for stamped_headers and their stamps */
    } * extended;
};

void result_write(struct wr *w, const struct result *r);
/* {"exc_type", "exc_message", "exc_module"} */
void result_write_error(struct wr *w, const struct result_error *e);
/* `call` of a later result. */
void result_write_call(struct wr *w, const ptl_value *args, const ptl_value *kwargs);

/* SUCCESS, FAILURE and REVOKED are final: date_done is set and nothing follows. */
bool result_status_final(struct str status);
/* Undoes result_compression; what is not packed stays as it is. .p NULL if it is
 * broken, or would not fit the arena. */
struct str result_unpack(struct arena *a, struct str stored);
/* The status of a stored meta, JSON, msgpack or YAML; an empty slice if it is not one.
 */
struct str result_read_status(struct arena *a, struct str meta);

/* Where Python finds an exception class: "ValueError" → builtins, "Retry" →
 * celery.exceptions, "WorkerLostError" → billiard.exceptions, "a.b.C" → a.b, "a.b:C.D"
 * → class D inside C of a.b, and otherwise `fallback`. `type` and `module` point into
 * name or static text. */
void result_exception_name(struct str name, struct str fallback, struct str *type,
                           struct str *module);
/* Whether `except base` would catch the exception `name`, both as above. Of a class
 * that is not known here it is known that it derives from Exception. */
bool result_exception_is(struct str name, struct str base, struct str fallback);
/* Python's repr of the exception: ValueError('bad value', 42). */
void result_exception_repr(struct wr *w, const struct result_error *e);

#endif
