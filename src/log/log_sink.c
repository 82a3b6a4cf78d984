/* SPDX-License-Identifier: Apache-2.0 */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_MAX_BYTES (256u << 10)
#define RETRY_MS 20       /* of a pipe that is full */
#define RETRY_FULL_MS 250 /* of a disk that is */
#define FINISH_MS 1000
/* What poll() promises a pipe will take without blocking (POSIX PIPE_BUF). */
#define SLICE_BYTES 4096

static struct {
    int fd;
    const char *path; /* or NULL */
    bool is_stdout_too;
    dev_t device; /* of the file at the path, as it was opened */
    ino_t inode;
    bool started; /* lines are buffered */
    struct wr out;
    size_t sent;   /* of out, already written */
    size_t before; /* of out, before the line that is being put there */
    int error;     /* of the last write, 0 if it went well */
    bool path_refused;
    uint64_t dropped, reported;
    uv_prepare_t flush;
    uv_timer_t retry;
} sink = {.fd = STDERR_FILENO};

uint64_t log_dropped(void)
{
    return sink.dropped;
}

/* ---- the file ------------------------------------------------------------------- */

static void note_file(void)
{
    struct stat s;
    if (fstat(sink.fd, &s) == 0) {
        sink.device = s.st_dev;
        sink.inode = s.st_ino;
    }
}

/* A line that was begun is written again, whole, where there is a new begin. */
static void rewind_line(void)
{
    while (sink.sent > 0 && sink.out.p[sink.sent - 1] != '\n')
        sink.sent--;
}

/* The number of the descriptor stays. */
static void take_over(int fd)
{
    dup3(fd, sink.fd, O_CLOEXEC);
    close(fd);
    if (sink.is_stdout_too) {
        dup2(sink.fd, STDOUT_FILENO);
        dup2(sink.fd, STDERR_FILENO);
    }
    note_file();
    rewind_line();
}

/* The file was moved away or removed, as logrotate does: its name is opened anew. As
 * Celery's log handler this looks before it writes. */
static void follow_path(void)
{
    struct stat s;
    if (!sink.path)
        return;
    if (stat(sink.path, &s) == 0 && s.st_dev == sink.device && s.st_ino == sink.inode) {
        if (s.st_size == 0)
            rewind_line();
        return;
    }
    int fd = open(sink.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        take_over(fd);
        sink.path_refused = false;
    } else if (!sink.path_refused) { /* the lines go on into the old one */
        sink.path_refused = true;
        log_line(LOG_ERROR, "cannot reopen the log %s: %s; it goes on where it was",
                 sink.path, strerror(errno));
    }
}

void log_sink_open(int fd, const char *path, bool is_stdout_too)
{
    sink.fd = fd;
    sink.path = path;
    sink.is_stdout_too = is_stdout_too;
    if (path)
        note_file();
}

/* ---- writing -------------------------------------------------------------------- */

enum progress {
    ALL_WRITTEN,
    NOT_NOW, /* the reader is slow */
    REFUSED, /* the disk is full: what there is stays, as far as there is room */
};

static void forget_lines(void)
{
    for (size_t i = sink.sent; i < sink.out.len; i++)
        sink.dropped += sink.out.p[i] == '\n';
}

/* Whoever starts a worker by hand with -f sees it there. */
static void complain_of_full_disk(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (sink.path && !sink.is_stdout_too && poll(&p, 1, 0) == 1 && p.revents == POLLOUT)
        log_complain("cannot write the log %s: %s; what does not fit into %u KiB until "
                     "then is dropped",
                     sink.path, strerror(sink.error), BUFFER_MAX_BYTES >> 10);
}

static enum progress failed(int error)
{
    bool is_new = sink.error == 0;
    if (error == EAGAIN)
        return NOT_NOW;
    if (error == EPIPE ||
        error == EBADF) { /* nobody will ever read: the worker goes on */
        forget_lines();
        sink.sent = sink.out.len;
        return ALL_WRITTEN;
    }
    sink.error = error;
    if (is_new)
        complain_of_full_disk();
    return REFUSED;
}

static enum progress write_some(void)
{
    struct pollfd p = {.fd = sink.fd, .events = POLLOUT};
    size_t n = sink.out.len - sink.sent;
    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
        return p.revents & (POLLERR | POLLNVAL) ? failed(EPIPE) : NOT_NOW;
    ssize_t wrote =
        write(sink.fd, sink.out.p + sink.sent, n < SLICE_BYTES ? n : SLICE_BYTES);
    if (wrote < 0 && errno != EINTR)
        return failed(errno);
    if (wrote > 0)
        sink.sent += (size_t)wrote;
    return ALL_WRITTEN;
}

static enum progress drain(void)
{
    follow_path();
    while (sink.sent < sink.out.len) {
        enum progress p = write_some();
        if (p != ALL_WRITTEN)
            return p;
    }
    wr_reset(&sink.out);
    sink.sent = 0;
    return ALL_WRITTEN;
}

/* ---- when ----------------------------------------------------------------------- */

static void report(void)
{
    unsigned long long n = sink.dropped - sink.reported;
    sink.reported = sink.dropped;
    if (sink.error)
        log_line(LOG_WARNING, "log: it is written again; %llu lines dropped: %s", n,
                 strerror(sink.error));
    else if (n > 0)
        log_line(LOG_WARNING, "log: %llu lines dropped: the log is not read", n);
    sink.error = 0;
}

static void on_retry(uv_timer_t *timer);

static void try_again(enum progress p)
{
    uint64_t ms = p == REFUSED ? RETRY_FULL_MS : RETRY_MS;
    uv_timer_start(&sink.retry, on_retry, ms, 0);
}

static void on_retry(uv_timer_t *timer)
{
    (void)timer;
    enum progress p = drain();
    if (p == ALL_WRITTEN)
        report();
    else
        try_again(p);
}

static void on_flush(uv_prepare_t *flush)
{
    (void)flush;
    if (sink.out.len == 0 || uv_is_active((uv_handle_t *)&sink.retry))
        return;
    enum progress p = drain();
    if (p != ALL_WRITTEN)
        try_again(p);
}

void log_sink_start(uv_loop_t *loop)
{
    wr_init(&sink.out, BUFFER_MAX_BYTES);
    uv_prepare_init(loop, &sink.flush);
    uv_prepare_start(&sink.flush, on_flush);
    uv_unref((uv_handle_t *)&sink.flush);
    uv_timer_init(loop, &sink.retry);
    uv_unref((uv_handle_t *)&sink.retry);
    sink.started = true;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void log_finish(void)
{
    if (!sink.started)
        return;
    int64_t until = now_ms() + FINISH_MS;
    while (drain() == NOT_NOW && now_ms() < until) {
        struct pollfd p = {.fd = sink.fd, .events = POLLOUT};
        if (poll(&p, 1, 100) < 0)
            break;
    }
    sink.started = false;
    uv_prepare_stop(&sink.flush);
    uv_timer_stop(&sink.retry);
    uv_close((uv_handle_t *)&sink.flush, NULL);
    uv_close((uv_handle_t *)&sink.retry, NULL);
    wr_finish(&sink.out);
}

/* ---- lines ---------------------------------------------------------------------- */

struct wr *log_sink_begin(void)
{
    if (!sink.started)
        wr_init(&sink.out, BUFFER_MAX_BYTES);
    sink.before = sink.out.len;
    return &sink.out;
}

/* Before the loop runs, and after it, a line goes out at once. */
void log_sink_end(void)
{
    if (!sink.started) {
        fwrite(sink.out.p, 1, sink.out.len, stderr);
        wr_finish(&sink.out);
    } else if (sink.out.bad) { /* no room: it is taken back whole */
        sink.out.len = sink.before;
        sink.out.bad = false;
        sink.dropped++;
    }
}
