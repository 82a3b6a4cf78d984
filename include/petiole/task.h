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
/* ptl_new_list_of(t, ptl_new_int(t, 1), ptl_new_str(t, "two"), NULL) */
PTL_API ptl_value *ptl_new_list_of(ptl_task *t, ...) PTL_SENTINEL;
/* Single-precision numbers, each written with the fewest digits that restore it. */
PTL_API ptl_value *ptl_new_floats(ptl_task *t, const float *floats, size_t n);
/* ptl_new_map(t, "path", ptl_new_str(t, p), "sum", ptl_new_int(t, n), NULL) */
PTL_API ptl_value *ptl_new_map(ptl_task *t, ...) PTL_SENTINEL;
PTL_API void ptl_list_add(ptl_task *t, ptl_value *list, const ptl_value *item);
PTL_API void ptl_map_set(ptl_task *t, ptl_value *map, const char *key,
                         const ptl_value *value);

/* ---- Python's other types -----------------------------------------------------
 *
 * A datetime, date, time, Decimal or UUID of a caller is a PTL_MAP of the two keys
 * __type__ and __value__ (kombu's JSON), which these read; what the makers return
 * reaches the caller as Python's type. A map with further keys is only a map. */

typedef enum ptl_type {
    PTL_PLAIN, /* none of them */
    PTL_DATETIME,
    PTL_DATE,
    PTL_TIME,
    PTL_DECIMAL,
    PTL_UUID,
} ptl_type;

PTL_API ptl_type ptl_type_of(const ptl_value *v);
/* Of a datetime or date: microseconds since the epoch, taken as UTC if it is naive. Of
 * a time: microseconds since midnight. 0 for any other value. */
PTL_API int64_t ptl_datetime_us(const ptl_value *v);
/* What it says: "2030-01-02T03:04:05+00:00", "3.140", a UUID's 32 hexadecimal digits.
 * NULL for any other value. */
PTL_API const char *ptl_typed_str(const ptl_value *v);

/* An aware datetime in UTC. */
PTL_API ptl_value *ptl_new_datetime(ptl_task *t, int64_t us);
/* From ISO 8601 ("2030-01-02", "03:04:05.5"), digits ("3.140", "NaN"), hexadecimal
 * digits with or without dashes. What Python would not take flags ValueError. */
PTL_API ptl_value *ptl_new_date(ptl_task *t, const char *iso);
PTL_API ptl_value *ptl_new_time(ptl_task *t, const char *iso);
PTL_API ptl_value *ptl_new_decimal(ptl_task *t, const char *digits);
PTL_API ptl_value *ptl_new_uuid(ptl_task *t, const char *hex);

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
/* The same with the exception's arguments as values, up to a NULL:
 * ptl_fail_with(t, "ValueError", ptl_new_str(t, "bad"), ptl_new_int(t, 42), NULL) */
#define ptl_fail_with(t, kind, ...) ptl_fail_with_at(t, PTL_HERE, kind, __VA_ARGS__)
PTL_API ptl_value *ptl_fail_with_at(ptl_task *t, const char *file, int line,
                                    const char *func, const char *kind,
                                    ...) PTL_SENTINEL;
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
 * queue, or is dropped. The log gives the reason. */
PTL_API ptl_value *ptl_reject(ptl_task *t, bool requeue);
PTL_API ptl_value *ptl_reject_for(ptl_task *t, bool requeue, const char *fmt, ...)
    PTL_PRINTF(3, 4);
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

/* ---- Metrics -------------------------------------------------------------------
 *
 * What handlers count stands in the worker's /metrics (--http), added up over all its
 * children:
 *
 *     static const ptl_metric resized = PTL_METRIC(
 *         .name = "images_resized_total", .help = "Images resized.",
 *         .labels = "format status");
 *     ptl_count(t, &resized, 1, "png", "ok", NULL);
 *
 * After the number comes a text for each label, then NULL. A label's values should be
 * few: beyond 1,000 sets of labels the rest are counted together as "other". Names that
 * begin with celery_, petiole_ or process_ are the worker's own. */
typedef struct ptl_metric {
    uint32_t size;         /* sizeof(ptl_metric); PTL_METRIC fills it in */
    uint32_t reserved;     /* 0 */
    const char *name;      /* "images_resized_total" */
    const char *help;      /* one line for people */
    const char *labels;    /* their names, separated by spaces; NULL: none */
    const double *buckets; /* of ptl_observe: upper bounds, ascending, at most 32 … */
    size_t nbuckets;       /* … 0: from 5 ms to 10 s */
} ptl_metric;
#define PTL_METRIC(...)                                                                \
    {                                                                                  \
        .size = sizeof(ptl_metric), __VA_ARGS__                                        \
    }

/* A counter goes up by n, which is not negative. Its name ends in _total. */
PTL_API void ptl_count(ptl_task *t, const ptl_metric *m, double n, ...) PTL_SENTINEL;
/* A gauge is set: whichever child says it last. */
PTL_API void ptl_gauge(ptl_task *t, const ptl_metric *m, double value,
                       ...) PTL_SENTINEL;
/* A gauge goes up or down: how many are at work, in all children. What a task has added
 * when its child dies is taken back. */
PTL_API void ptl_gauge_add(ptl_task *t, const ptl_metric *m, double delta,
                           ...) PTL_SENTINEL;
/* A histogram takes note of a value, usually of seconds. */
PTL_API void ptl_observe(ptl_task *t, const ptl_metric *m, double value,
                         ...) PTL_SENTINEL;

/* ---- Events --------------------------------------------------------------------
 *
 * Task.send_event: what Flower, `celery events` and other monitors are told beside the
 * worker's own events, on its way at once, whether or not the worker was started with
 * -E. `type` is "task-progress" or any other with a group before its first dash;
 * `fields` a map of what it says, or NULL. This task's id is added as `uuid`; the names
 * hostname, utcoffset, pid, clock, uuid, timestamp and type are the event's own, and
 * flag TypeError. Whether anybody hears it is not known. */
PTL_API void ptl_send_event(ptl_task *t, const char *type, const ptl_value *fields);

/* ---- Sending other tasks -------------------------------------------------------
 *
 * What is sent is on its way at once: it may start before this handler returns. It is
 * the message that a Python task's apply_async publishes, with this task as parent. The
 * outcome is stored, and a late acknowledgement given, only when the broker has all
 * that was sent. What the broker refuses fails this task with
 * kombu.exceptions.OperationalError, as it would in Python; while the connection is
 * lost, the worker keeps it and tries again. */

/* Sends the task `name` with these positional arguments, none of which may be NULL:
 * ptl_send(t, "images.resize", ptl_arg_value(t, "path"), ptl_new_int(t, 80), NULL).
 * Returns its id; NULL, having sent nothing, if a failure is flagged. */
PTL_API const char *ptl_send(ptl_task *t, const char *name, ...) PTL_SENTINEL;

enum {                                   /* ptl_options.flags */
       PTL_SEND_IGNORE_RESULT = 1u << 0, /* ignore_result=True … */
       PTL_SEND_KEEP_RESULT = 1u << 1, /* … and False; neither: as its worker has it */
       PTL_SEND_NO_TRAIL = 1u << 2,    /* add_to_parent=False: not among `children` */
       PTL_SEND_TRANSIENT = 1u << 3,   /* delivery_mode=1 */
};
#define PTL_PRIORITY_0 (-1)

/* Celery's options of apply_async. What is left at zero was not given: then the row of
 * a task of this worker counts, then task_routes, then the worker's defaults. */
typedef struct ptl_options {
    uint32_t size;           /* sizeof(ptl_options); ptl_send_with fills it in */
    uint32_t flags;          /* PTL_SEND_… */
    const ptl_value *args;   /* a list */
    const ptl_value *kwargs; /* a map */
    const char *task_id;     /* NULL: a new one */
    const char *queue, *exchange, *routing_key;
    double countdown_s;    /* wait so long … */
    int64_t eta_us;        /* … or until then, microseconds since 1970 */
    double expires_s;      /* discard it if not started by then … */
    int64_t expires_at_us; /* … or after that time */
    double time_limit_s, soft_time_limit_s;
    const ptl_value *headers;             /* a map of headers of your own */
    const char *shadow;                   /* a name for logs instead of its own */
    const char *argsrepr, *kwargsrepr;    /* shown instead of the arguments */
    const char *serializer, *compression; /* "json"; "zlib", "bzip2", … */
    const char *group_id;
    int32_t priority;    /* 0: not given; PTL_PRIORITY_0 is zero */
    int32_t max_retries; /* of ptl_retry_with, as in a row; 0: the row's */
    const char *exc;     /* of ptl_retry_with: the kind of exception that made it */
    const char *message; /* … and what that says, or the reason without one */
} ptl_options;

/* ptl_send_with(t, "images.resize", .kwargs = map, .queue = "images", .countdown_s = 5)
 */
#define ptl_send_with(t, name, ...)                                                    \
    ptl_send_options(t, name,                                                          \
                     &(const ptl_options){.size = sizeof(ptl_options), __VA_ARGS__})
PTL_API const char *ptl_send_options(ptl_task *t, const char *name,
                                     const ptl_options *options);

/* Task.retry with all that it takes: other arguments, another queue, and `exc`, the
 * exception that watchers see meanwhile and that the task fails with in the end.
 * `countdown_s` zero means the row's delay, PTL_NOW none.
 * return ptl_retry_with(t, .exc = "ConnectionError", .message = why, .countdown_s = 5);
 */
#define PTL_NOW (-1.0)
#define ptl_retry_with(t, ...)                                                         \
    ptl_retry_options(t, PTL_HERE,                                                     \
                      &(const ptl_options){.size = sizeof(ptl_options), __VA_ARGS__})
PTL_API ptl_value *ptl_retry_options(ptl_task *t, const char *file, int line,
                                     const char *func, const ptl_options *options);

/* ---- Workflows ------------------------------------------------------------------
 *
 * A signature is a call that is not made yet: a task's name, its arguments, its
 * options. Signatures are composed as in Celery, and nothing is sent before
 * ptl_send_sig:
 *
 *     ptl_send_sig(t, ptl_chain(t, ptl_sig(t, "images.fetch", url, NULL),
 *                               ptl_sig(t, "images.resize", NULL), NULL));
 *
 * What a task returns is put before the arguments of the one that follows, of a chord's
 * header as a list. A signature is a value like any other (a PTL_MAP): it may be an
 * argument of a task, and one that Python sent as an argument can be used here. Each
 * function returns a new signature and leaves those it was given as they were; NULL,
 * with a failure flagged, if it cannot: then the next returns NULL too, so that they
 * nest and ptl_send_sig tells. All live in the task's arena. */

/* add.s(2, 3): ptl_sig(t, "demo.add", ptl_new_int(t, 2), ptl_new_int(t, 3), NULL) */
PTL_API ptl_value *ptl_sig(ptl_task *t, const char *name, ...) PTL_SENTINEL;
/* With whatever ptl_send_with takes, args and kwargs among it:
 * ptl_sig_with(t, "images.resize", .kwargs = map, .queue = "images", .countdown_s = 5)
 */
#define ptl_sig_with(t, name, ...)                                                     \
    ptl_sig_options(t, name,                                                           \
                    &(const ptl_options){.size = sizeof(ptl_options), __VA_ARGS__})
PTL_API ptl_value *ptl_sig_options(ptl_task *t, const char *name,
                                   const ptl_options *options);
/* sig.set(queue="images"): options for a signature of any kind. A chain passes them to
 * its first task, a group to each of its own, a chord to its header and its body. */
#define ptl_set(t, sig, ...)                                                           \
    ptl_set_options(t, sig,                                                            \
                    &(const ptl_options){.size = sizeof(ptl_options), __VA_ARGS__})
PTL_API ptl_value *ptl_set_options(ptl_task *t, const ptl_value *sig,
                                   const ptl_options *options);
/* add.si(2, 3): it keeps the arguments it has, whatever came before it returned. */
PTL_API ptl_value *ptl_sig_immutable(ptl_task *t, const ptl_value *sig);

/* chain(a, b, c), one after the other, up to a NULL: as Celery's a | b | c. A group in
 * it waits for all its tasks, and what follows gets the list of their results. */
PTL_API ptl_value *ptl_chain(ptl_task *t, ...) PTL_SENTINEL;
PTL_API ptl_value *ptl_chain_of(ptl_task *t, const ptl_value *signatures);
/* group(a, b, c), all at once. The list of theirs is good for any number of tasks. */
PTL_API ptl_value *ptl_group(ptl_task *t, ...) PTL_SENTINEL;
PTL_API ptl_value *ptl_group_of(ptl_task *t, const ptl_value *signatures);
/* chord(header, body): the body runs once all of the header have, with the list of
 * their results. The header is a group, or a list of signatures. */
PTL_API ptl_value *ptl_chord(ptl_task *t, const ptl_value *header,
                             const ptl_value *body);
/* sig.link(callback): runs with the result if it succeeds. A chord's is its body's, a
 * group's its first task's, as for Celery. */
PTL_API ptl_value *ptl_link(ptl_task *t, const ptl_value *sig,
                            const ptl_value *callback);
/* sig.link_error(errback): runs with the id of the task that failed. */
PTL_API ptl_value *ptl_link_error(ptl_task *t, const ptl_value *sig,
                                  const ptl_value *errback);
/* sig.stamp(customer=7): headers, a map, that it and its callbacks carry, by which they
 * can be revoked. A chord's body gets none, as for Celery. */
PTL_API ptl_value *ptl_stamp(ptl_task *t, const ptl_value *sig,
                             const ptl_value *stamps);

/* sig.apply_async(). Returns the id that AsyncResult, of a group GroupResult, knows the
 * outcome by: of a chain its last task's, of a chord its body's, of a group its own.
 * NULL if a failure is flagged; then some of a group's tasks may have been sent. NULL
 * also for a chain of nothing, of which nothing is sent. */
PTL_API const char *ptl_send_sig(ptl_task *t, const ptl_value *sig);
/* Task.replace: sends it in this task's place, with this task's id, callbacks, place in
 * a group and rest of the chain, and ends this task, whose result will be what the
 * other returns: return ptl_replace(t, sig). Of a group that is the list of its
 * results. What has no last task (an empty chain), or a chord of its own already, flags
 * ImproperlyConfigured. */
PTL_API ptl_value *ptl_replace(ptl_task *t, const ptl_value *sig);
/* Task.add_to_chord: sends it as one more task of the chord that this task is in; the
 * body waits for it too. Returns its id; outside of any chord NULL, with ValueError. */
PTL_API const char *ptl_add_to_chord(ptl_task *t, const ptl_value *sig);

/* ---- The request -------------------------------------------------------------- */

PTL_API const char *ptl_task_id(const ptl_task *t);
PTL_API const char *ptl_task_name(const ptl_task *t);
PTL_API const char *ptl_root_id(const ptl_task *t);
PTL_API const char *ptl_parent_id(const ptl_task *t); /* NULL if there is none */
/* Of the message's W3C `traceparent`: 32 hexadecimal digits. NULL if it has none that
 * is valid. What the handler sends is part of the same trace. */
PTL_API const char *ptl_trace_id(const ptl_task *t);
PTL_API const char *ptl_hostname(const ptl_task *t); /* "celery@host" */
PTL_API int64_t ptl_retries(const ptl_task *t);
PTL_API bool ptl_redelivered(const ptl_task *t);
/* A message header, Celery's or the caller's own; NULL if absent. */
PTL_API const ptl_value *ptl_header(const ptl_task *t, const char *name);
/* Any field of Celery's Task.request by its name there: args, kwargs, eta, expires,
 * timelimit, delivery_info (a map of exchange, routing_key, priority, redelivered),
 * properties, reply_to, correlation_id, headers (the caller's own), group, group_index,
 * origin, lang, shadow, stamps, stamped_headers, ignore_result, replaced_task_nesting,
 * argsrepr, kwargsrepr, callbacks, errbacks, chain (in reverse), chord (its body).
 * NULL, which reads as None, if the message does not say. */
PTL_API const ptl_value *ptl_request(const ptl_task *t, const char *name);
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
    PTL_NO_ACK_ON_FAILURE = 1u << 4,     /* Celery's acks_on_failure=False … */
    PTL_NO_ACK_ON_TIMEOUT = 1u << 5,     /* … and acks_on_timeout=False */
    PTL_STORE_ERRORS = 1u << 6,          /* also where the result is ignored */
    PTL_NO_TRAIL = 1u << 7,              /* `children` does not list what it sends */
    PTL_NO_RETRY_JITTER = 1u << 8,       /* autoretry waits the whole of its backoff */
    PTL_NO_EVENTS = 1u << 9,             /* send_events=False: monitors do not see it */
};

#define PTL_NO_RETRIES (-1)
#define PTL_RETRY_FOREVER (-2)

typedef struct ptl_def {
    const char *name; /* Celery's task name: "images.resize" */
    /* "path width height? *": `?` marks an optional one; with a `*` at the end a call
     * may have more, by position or name, which ptl_request() tells as args and kwargs.
     */
    const char *params;
    ptl_value *(*run)(ptl_task *t);
    const char *summary;     /* one line for people */
    uint32_t soft_limit_ms;  /* 0: the worker's */
    uint32_t hard_limit_ms;  /* 0: the worker's */
    int32_t max_retries;     /* 0: Celery's default of 3; or one of the two above */
    uint32_t retry_delay_ms; /* 0: Celery's default of 180 s */
    uint32_t flags;
    uint32_t reserved;      /* 0; keeps the row free of padding */
    const char *rate_limit; /* "10/s", "5/m", "100/h"; NULL: the worker's */
    const char *queue;      /* where ptl_send puts it unless told otherwise, or NULL */
    /* Names of Python exceptions, separated by spaces, or NULL. A name stands for what
     * is derived from it too: "OSError" for "FileNotFoundError". */
    const char *autoretry_for;      /* a failure of such a kind becomes a retry … */
    const char *dont_autoretry_for; /* … unless it is one of these */
    const char *throws;             /* expected: logged as INFO, without traceback */
    uint32_t retry_backoff_s;     /* autoretry: 1, 2, 4 … times this; 0: no backoff */
    uint32_t retry_backoff_max_s; /* 0: Celery's default of 600 s */
    int32_t priority;             /* of what ptl_send sends; 0: none of its own */
    uint32_t reserved2;           /* 0 */
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
