/* SPDX-License-Identifier: Apache-2.0 */
/* log - Celery's lines on standard error or in a file, never blocking.
 *
 *     [2026-11-22 14:23:26,857: INFO/MainProcess] w1@h1 ready.
 *
 * Lines go through a bounded buffer that is written when the descriptor takes more; a
 * line that does not fit is dropped and counted, and the count is logged when there is
 * room again: the pipe is read, or the disk no longer full. A file that was moved away
 * is opened anew under its name. Nothing here knows a password: URLs are masked where
 * they are parsed.
 *
 * What a line says may come from a message. Control characters in it are escaped, and
 * the lines of a traceback cannot begin as a line of the log does: nobody forges one.
 */
#ifndef PETIOLE_LOG_H
#define PETIOLE_LOG_H

#include "../../protocol/buf.h"
#include "../error.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum log_level {
    LOG_DEBUG = 10,
    LOG_INFO = 20,
    LOG_WARNING = 30,
    LOG_ERROR = 40,
    LOG_CRITICAL = 50,
};

#define LOG_FORMAT "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
#define LOG_TASK_FORMAT                                                                \
    "[%(asctime)s: %(levelname)s/%(processName)s] "                                    \
    "%(task_name)s[%(task_id)s]: %(message)s"

/* Who a line is about. NULL: nobody, and the process is the parent. */
struct log_subject {
    const char *process; /* "ForkPoolWorker-2" */
    const char *task_name, *task_id;
    const char *trace; /* a valid traceparent, or NULL */
    /* Of a failure. The traceback stands behind the message, or beside it in JSON. */
    struct str exception, traceback;
};

struct log_options {
    const char *format, *task_format; /* Python's; they must outlive the log */
    bool json;                        /* one object a line instead */
    bool color;                       /* messages by their level */
    int fd;
    const char *path;   /* of the file that fd is, or NULL */
    bool is_stdout_too; /* in the background what is printed goes there as well */
};

/* Lines below `level` are skipped. Before log_init lines go straight to stderr. */
void log_init(uv_loop_t *loop, enum log_level level);
void log_configure(const struct log_options *options);
/* Writes what is buffered, waiting at most a second for a slow reader. */
void log_finish(void);
bool log_wants(enum log_level level);
uint64_t log_dropped(void);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same under another process's name: "ForkPoolWorker-2". */
void log_line_as(const char *process, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same about a task, which JSON names beside the message. */
void log_line_of(const struct log_subject *subject, enum log_level level,
                 const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What a handler logs, in worker_task_log_format. */
void log_handler(const struct log_subject *subject, enum log_level level,
                 struct str text);
/* As it is, whatever the level: lines with their ends. In JSON they are one message. */
void log_raw(struct str lines);
/* On standard output, what Celery prints there: as it is, or as JSON. */
void log_print(struct str lines);
/* On standard error, why the worker does not start: "petiole worker: …". */
void log_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Celery's name of a level, and the level of a name in any case; 0 if unknown. */
const char *log_level_name(enum log_level level);
enum log_level log_level_of(const char *name);

/* 0, or -EINVAL with the field that is not known in *e. */
int log_check_formats(const char *format, const char *task_format, struct error *e);

#endif
