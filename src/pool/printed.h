/* SPDX-License-Identifier: Apache-2.0 */
/* printed - what a child writes to its standard output and error, as lines of the log.
 *
 * Celery's worker_redirect_stdouts. Both go through one pipe, so that their order
 * stays; a line longer than PRINTED_LINE_BYTES is cut into several. */
#ifndef PETIOLE_PRINTED_H
#define PETIOLE_PRINTED_H

#include "../log/log.h"

#include <uv.h>

#define PRINTED_LINE_BYTES 4096

struct printed {
    uv_pipe_t pipe;
    int child_fd; /* what the child gets; -1: nothing is redirected */
    const char *process;
    enum log_level level;
    char line[PRINTED_LINE_BYTES];
    size_t n;
};

/* process must outlive it. child_fd is -1 when redirect is false or no descriptors are
 * left: the child then writes where its parent does. */
void printed_open(struct printed *p, uv_loop_t *loop, const char *process,
                  enum log_level level, bool redirect);
/* The child has its end: the parent's copy is closed, and reading begins. */
void printed_start(struct printed *p);
/* Logs what is left. closed(handle) is called as by uv_close, handle->data being data.
 */
void printed_close(struct printed *p, void *data, uv_close_cb closed);

#endif
