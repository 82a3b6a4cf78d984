/* SPDX-License-Identifier: Apache-2.0 */
#include "printed.h"

#include <string.h>
#include <unistd.h>

/* At most so much of what a dead child left in its pipe. */
#define LAST_BYTES (64u << 10)

static void log_printed(struct printed *p)
{
    if (p->n > 0)
        log_line_as(p->process, p->level, "%.*s", (int)p->n, p->line);
    p->n = 0;
}

static void take(struct printed *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || p->n == sizeof(p->line))
            log_printed(p);
        if (bytes[i] != '\n')
            p->line[p->n++] = bytes[i];
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[16u << 10]; /* consumed before the next read */
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct printed *p = stream->data;
    if (n > 0)
        take(p, buf->base, (size_t)n);
    else if (n < 0)
        uv_read_stop(stream);
}

void printed_open(struct printed *p, uv_loop_t *loop, const char *process,
                  enum log_level level, bool redirect)
{
    uv_file fds[2];
    *p = (struct printed){.child_fd = -1, .process = process, .level = level};
    uv_pipe_init(loop, &p->pipe, 0);
    p->pipe.data = p;
    if (!redirect || uv_pipe(fds, UV_NONBLOCK_PIPE, 0) < 0)
        return;
    if (uv_pipe_open(&p->pipe, fds[0]) < 0) {
        close(fds[0]);
        close(fds[1]);
        return;
    }
    p->child_fd = fds[1];
}

void printed_start(struct printed *p)
{
    if (p->child_fd < 0)
        return;
    close(p->child_fd);
    uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
}

/* The child may have died before the loop came to read its last words. */
static void read_last(struct printed *p)
{
    char bytes[4096];
    uv_os_fd_t fd;
    ssize_t n = 1;
    if (p->child_fd < 0 || uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0)
        return;
    for (size_t total = 0; n > 0 && total < LAST_BYTES; total += (size_t)n) {
        n = read(fd, bytes, sizeof(bytes));
        if (n > 0)
            take(p, bytes, (size_t)n);
    }
    log_printed(p);
}

void printed_close(struct printed *p, void *data, uv_close_cb closed)
{
    read_last(p);
    p->pipe.data = data;
    uv_close((uv_handle_t *)&p->pipe, closed);
}
