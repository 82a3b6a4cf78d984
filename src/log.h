/* SPDX-License-Identifier: Apache-2.0 */
/* log - Celery's lines on standard error, never blocking.
 *
 *     [2026-11-22 14:23:26,857: INFO/MainProcess] w1@h1 ready.
 *
 * Lines go through a bounded buffer that is written when the descriptor takes more; a
 * line that does not fit is dropped and counted, and the count is logged when there is
 * room again. Nothing here knows a password: URLs are masked where they are parsed. */
#ifndef PETIOLE_LOG_H
#define PETIOLE_LOG_H

#include "../protocol/str.h"

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

/* Lines below `level` are skipped. Before log_init lines go straight to stderr. */
void log_init(uv_loop_t *loop, enum log_level level);
/* Writes what is buffered, waiting at most a second for a slow reader. */
void log_finish(void);
bool log_wants(enum log_level level);
uint64_t log_dropped(void);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same under another process's name: "ForkPoolWorker-2". */
void log_line_as(const char *process, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Celery's name of a level, and the level of a name in any case; 0 if unknown. */
const char *log_level_name(enum log_level level);
enum log_level log_level_of(const char *name);

#endif
