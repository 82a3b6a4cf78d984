/* SPDX-License-Identifier: Apache-2.0 */
/* petiole/task.h - everything a handler's author needs.
 *
 * A plugin is a shared object with one exported symbol, made by PTL_MODULE: a table
 * of rows, one per task. A handler takes the task and returns its outcome:
 *
 *     static ptl_value *add(ptl_task *t)
 *     {
 *         int64_t x = ptl_arg_int(t, "x"), y = ptl_arg_int(t, "y"), sum;
 *
 *         if (__builtin_add_overflow(x, y, &sum))
 *             return ptl_fail(t, "OverflowError", "%lld + %lld", ...);
 *         return ptl_new_int(t, sum);
 *     }
 *
 * Lifetime. Every value and string reached through a ptl_task, in or out, lives in
 * the task's arena and is released once the outcome has been written. There is
 * nothing to free. Copy what must outlive the task.
 *
 * Errors. The first failure flagged on a task sticks; later ones are ignored.
 * Reading a missing or ill-typed argument flags TypeError and yields zero, so a
 * handler may read all its arguments and ask ptl_failed() once, before its first
 * side effect. Returning NULL means None, or the flagged failure if there is one.
 *
 * Processes. A handler runs alone in a child process, on its main thread. It may
 * block, and it may crash without harming the worker or any other message.
 *
 * The header compiles as C99 and as C++17. */
#ifndef PETIOLE_TASK_H
#define PETIOLE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PTL_API __attribute__((visibility("default")))
#define PTL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define PTL_SENTINEL __attribute__((sentinel))

typedef struct ptl_task ptl_task;   /* one run of one task */
typedef struct ptl_value ptl_value; /* what JSON can say; immutable once returned */

/* ---- Arguments ----------------------------------------------------------------
 *
 * Bound by name before the handler runs, as Python binds a call: add(2, 3) and
 * add(2, y=3) look the same here, and a call that does not fit the row's `params`
 * fails with CPython's TypeError text without reaching the handler. */

/* Python's int; a bool is refused, and an int beyond 64 bits flags OverflowError. */
PTL_API int64_t ptl_arg_int(ptl_task *t, const char *name);
/* Python's float or int. */
PTL_API double ptl_arg_float(ptl_task *t, const char *name);
PTL_API bool ptl_arg_bool(ptl_task *t, const char *name);
/* NUL-terminated UTF-8. A str with a NUL or a lone surrogate flags ValueError: read
 * such text with ptl_arg_value() and ptl_str(). */
PTL_API const char *ptl_arg_str(ptl_task *t, const char *name);
PTL_API const ptl_value *ptl_arg_list(ptl_task *t, const char *name);
PTL_API const ptl_value *ptl_arg_map(ptl_task *t, const char *name);
/* Any type; an optional argument that was not given is None. */
PTL_API const ptl_value *ptl_arg_value(ptl_task *t, const char *name);
/* True if the caller gave it. A parameter without `?` always is. */
PTL_API bool ptl_arg_given(const ptl_task *t, const char *name);
/* The same readers for optional parameters: `otherwise` if not given, or None. */
PTL_API int64_t ptl_arg_int_or(ptl_task *t, const char *name, int64_t otherwise);
PTL_API double ptl_arg_float_or(ptl_task *t, const char *name, double otherwise);
PTL_API bool ptl_arg_bool_or(ptl_task *t, const char *name, bool otherwise);
PTL_API const char *ptl_arg_str_or(ptl_task *t, const char *name,
                                   const char *otherwise);

/* ---- Values ------------------------------------------------------------------- */

typedef enum ptl_kind {
    PTL_NULL,
    PTL_BOOL,
    PTL_INT,
    PTL_BIGINT, /* an integer beyond 64 bits, kept as its decimal digits */
    PTL_FLOAT,
    PTL_STR,
    PTL_BYTES, /* kombu's {"__type__": "bytes"|"base64"} */
    PTL_LIST,
    PTL_MAP,
} ptl_kind;

/* The readers accept NULL, which is None, and yield zero for any other kind. */
PTL_API ptl_kind ptl_kind_of(const ptl_value *v);
PTL_API bool ptl_bool(const ptl_value *v);
PTL_API int64_t ptl_int(const ptl_value *v);
PTL_API double ptl_float(const ptl_value *v); /* an int is converted */
/* A str's or bytes' contents, `*len` bytes and a NUL after them; NULL for any other
 * kind. A str is UTF-8 in which lone surrogates stand as three bytes each. */
PTL_API const char *ptl_str(const ptl_value *v, size_t *len);
PTL_API size_t ptl_len(const ptl_value *v); /* items, pairs, or bytes of text */
PTL_API const ptl_value *ptl_at(const ptl_value *list_or_map, size_t index);
PTL_API const char *ptl_key_at(const ptl_value *map, size_t index, size_t *len);
PTL_API const ptl_value *ptl_get(const ptl_value *map, const char *key); /* or NULL */

/* The makers flag MemoryError and return NULL when the task's memory is used up.
 * Text that is not UTF-8 flags ValueError. */
PTL_API ptl_value *ptl_new_null(ptl_task *t);
PTL_API ptl_value *ptl_new_bool(ptl_task *t, bool b);
PTL_API ptl_value *ptl_new_int(ptl_task *t, int64_t i);
PTL_API ptl_value *ptl_new_float(ptl_task *t, double d);
PTL_API ptl_value *ptl_new_str(ptl_task *t, const char *text);
PTL_API ptl_value *ptl_new_strn(ptl_task *t, const char *text, size_t len);
PTL_API ptl_value *ptl_new_strf(ptl_task *t, const char *fmt, ...) PTL_PRINTF(2, 3);
PTL_API ptl_value *ptl_new_bytes(ptl_task *t, const void *bytes, size_t len);
PTL_API ptl_value *ptl_new_list(ptl_task *t);
/* Single-precision numbers, each written with the fewest digits that restore it. */
PTL_API ptl_value *ptl_new_floats(ptl_task *t, const float *floats, size_t n);
/* ptl_new_map(t, "path", ptl_new_str(t, p), "sum", ptl_new_int(t, n), NULL) */
PTL_API ptl_value *ptl_new_map(ptl_task *t, ...) PTL_SENTINEL;
PTL_API void ptl_list_add(ptl_task *t, ptl_value *list, const ptl_value *item);
PTL_API void ptl_map_set(ptl_task *t, ptl_value *map, const char *key,
                         const ptl_value *value);

/* ---- The outcome --------------------------------------------------------------
 *
 * Each returns NULL, so that a handler ends in one line: return ptl_fail(...). */

#define PTL_HERE __FILE__, __LINE__, __func__

/* FAILURE. `kind` is the Python exception the caller will see: "ValueError", a name
 * of celery.exceptions, or a dotted "package.module.Error". An unknown bare name
 * belongs to the plugin's module. */
#define ptl_fail(t, kind, ...) ptl_fail_at(t, PTL_HERE, kind, __VA_ARGS__)
PTL_API ptl_value *ptl_fail_at(ptl_task *t, const char *file, int line,
                               const char *func, const char *kind, const char *fmt, ...)
    PTL_PRINTF(6, 7);
/* RETRY after `countdown_s` seconds; less than zero means the row's retry_delay_ms.
 * The reason is what a watcher of the task sees meanwhile. Once max_retries are used
 * up the task fails with celery.exceptions.MaxRetriesExceededError. */
#define ptl_retry(t, countdown_s, ...)                                                 \
    ptl_retry_at(t, PTL_HERE, countdown_s, __VA_ARGS__)
PTL_API ptl_value *ptl_retry_at(ptl_task *t, const char *file, int line,
                                const char *func, double countdown_s, const char *fmt,
                                ...) PTL_PRINTF(6, 7);
/* Celery's Ignore: acknowledged, nothing stored. */
PTL_API ptl_value *ptl_ignore(ptl_task *t);
/* Celery's Reject, for tasks that acknowledge late: the message goes back to its
 * queue, or is dropped. */
PTL_API ptl_value *ptl_reject(ptl_task *t, bool requeue);
/* True once anything above was flagged, or an argument did not fit. */
PTL_API bool ptl_failed(const ptl_task *t);

/* ---- While running ------------------------------------------------------------ */

/* Stores a custom state that AsyncResult.info shows; Celery's update_state. */
PTL_API void ptl_set_state(ptl_task *t, const char *state, const ptl_value *meta);
/* The same with Celery users' customary state, PROGRESS. */
PTL_API void ptl_progress(ptl_task *t, const ptl_value *meta);
/* True once the soft time limit has passed or the task is being terminated. Poll it
 * in loops; returning NULL then fails with SoftTimeLimitExceeded. */
PTL_API bool ptl_cancelled(const ptl_task *t);

typedef enum ptl_level {
    PTL_DEBUG = 10,
    PTL_INFO = 20,
    PTL_WARNING = 30,
    PTL_ERROR = 40,
} ptl_level;

/* One line in the worker's log, with the task's name and id. */
PTL_API void ptl_log(ptl_task *t, ptl_level level, const char *fmt, ...)
    PTL_PRINTF(3, 4);

/* Zeroed memory in the task's arena; NULL with MemoryError flagged. */
PTL_API void *ptl_alloc(ptl_task *t, size_t size);
PTL_API char *ptl_strf(ptl_task *t, const char *fmt, ...) PTL_PRINTF(2, 3);
/* Calls release(arg) after the handler has returned, last registered first. Returns
 * false, having called it at once, if there is no memory to remember it. */
PTL_API bool ptl_defer(ptl_task *t, void (*release)(void *arg), void *arg);

/* ---- The request -------------------------------------------------------------- */

PTL_API const char *ptl_task_id(const ptl_task *t);
PTL_API const char *ptl_task_name(const ptl_task *t);
PTL_API const char *ptl_root_id(const ptl_task *t);
PTL_API const char *ptl_parent_id(const ptl_task *t); /* NULL if there is none */
PTL_API const char *ptl_hostname(const ptl_task *t);  /* "celery@host" */
PTL_API int64_t ptl_retries(const ptl_task *t);
PTL_API bool ptl_redelivered(const ptl_task *t);
/* A message header, Celery's or the caller's own; NULL if absent. */
PTL_API const ptl_value *ptl_header(const ptl_task *t, const char *name);
/* A setting of the plugin, "documents.chunk_size": the environment's
 * PETIOLE_DOCUMENTS_CHUNK_SIZE, else the configuration file's "plugins" object;
 * as text, or NULL. It stays valid as long as the process. */
PTL_API const char *ptl_setting(const ptl_task *t, const char *name);
/* What the module's init stored. */
PTL_API void *ptl_state(const ptl_task *t);

/* ---- The module ---------------------------------------------------------------
 *
 * Fields are only ever appended, and the row's size travels with the plugin: a newer
 * worker reads an older plugin, and refuses a newer one in words. */

#define PTL_ABI 1u

enum {
    PTL_ACKS_LATE = 1u << 0,             /* acknowledge after the result is stored */
    PTL_IGNORE_RESULT = 1u << 1,         /* store no SUCCESS */
    PTL_TRACK_STARTED = 1u << 2,         /* store STARTED with pid and hostname */
    PTL_REJECT_ON_WORKER_LOST = 1u << 3, /* a crash puts the message back */
};

#define PTL_NO_RETRIES (-1)
#define PTL_RETRY_FOREVER (-2)

typedef struct ptl_def {
    const char *name;   /* Celery's task name: "images.resize" */
    const char *params; /* "path width height?": `?` marks an optional one */
    ptl_value *(*run)(ptl_task *t);
    const char *summary;     /* one line for people */
    uint32_t soft_limit_ms;  /* 0: the worker's */
    uint32_t hard_limit_ms;  /* 0: the worker's */
    int32_t max_retries;     /* 0: Celery's default of 3; or one of the two above */
    uint32_t retry_delay_ms; /* 0: Celery's default of 180 s */
    uint32_t flags;
    uint32_t reserved; /* 0; keeps the row free of padding */
} ptl_def;

typedef struct ptl_module {
    uint32_t abi;      /* PTL_ABI the plugin was compiled with */
    uint32_t def_size; /* sizeof(ptl_def) then: the stride of defs */
    const char *name;
    size_t ndefs;
    const ptl_def *defs;
    int (*init)(
        void **state); /* once per process, before its first task; 0 or -errno */
    void (*fini)(void *state);
} ptl_module;

/* PTL_MODULE("demo", tasks);  or  PTL_MODULE("demo", tasks, open_db, close_db); */
#define PTL_MODULE(...) PTL_MODULE_(__VA_ARGS__, NULL, NULL, 0)
#define PTL_MODULE_(modname, rows, open, close, ...)                                   \
    extern PTL_API const ptl_module ptl_module_v1;                                     \
    const ptl_module ptl_module_v1 = {PTL_ABI, (uint32_t)sizeof(ptl_def),              \
                                      modname, sizeof(rows) / sizeof((rows)[0]),       \
                                      rows,    open,                                   \
                                      close}

#ifdef __cplusplus
}
#endif

#endif
