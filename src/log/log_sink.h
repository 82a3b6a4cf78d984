/* SPDX-License-Identifier: Apache-2.0 */
/* log_sink - where lines wait to be written, and the descriptor that takes them. */
#ifndef PETIOLE_LOG_SINK_H
#define PETIOLE_LOG_SINK_H

#include "log.h"

/* `path`: of the file that fd is, or NULL. */
void log_sink_open(int fd, const char *path, bool is_stdout_too);
/* From here on lines are buffered. */
void log_sink_start(uv_loop_t *loop);

/* Room for one line, or several; what is put there counts from log_sink_end() on, or is
 * dropped and counted if it did not fit. */
struct wr *log_sink_begin(void);
void log_sink_end(void);

#endif
