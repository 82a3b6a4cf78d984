/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_MAX_BYTES (256u << 10)
#define RETRY_MS 20
#define FINISH_MS 1000
/* What poll() promises a pipe will take without blocking (POSIX PIPE_BUF). */
#define SLICE_BYTES 4096

/* The one global of the worker: every part may log, and there is one log. */
static struct {
    enum log_level level;
    bool ready; /* init has run: lines are buffered */
    struct wr out;
    size_t sent; /* of out, already written */
    uint64_t dropped, reported;
    uv_prepare_t flush;
    uv_timer_t retry;
    struct log_options options;
} sink = {.level = LOG_WARNING,
          .options = {LOG_FORMAT, LOG_TASK_FORMAT, false, false, STDERR_FILENO}};

static const struct {
    enum log_level level;
    const char *name;
} levels[] = {
    {LOG_DEBUG, "DEBUG"}, {LOG_INFO, "INFO"},         {LOG_WARNING, "WARNING"},
    {LOG_ERROR, "ERROR"}, {LOG_CRITICAL, "CRITICAL"},
};

const char *log_level_name(enum log_level level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (level <= levels[i].level)
            return levels[i].name;
    return "CRITICAL";
}

enum log_level log_level_of(const char *name)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcasecmp(name, levels[i].name) == 0)
            return levels[i].level;
    return strcasecmp(name, "WARN") == 0    ? LOG_WARNING
           : strcasecmp(name, "FATAL") == 0 ? LOG_CRITICAL
                                            : (enum log_level)0;
}

bool log_wants(enum log_level level)
{
    return level >= sink.level;
}

uint64_t log_dropped(void)
{
    return sink.dropped;
}

/* Writes what stderr takes now; true once nothing is left. */
static bool drain(void)
{
    while (sink.sent < sink.out.len) {
        struct pollfd p = {.fd = sink.options.fd, .events = POLLOUT};
        if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
            return false;
        size_t n = sink.out.len - sink.sent;
        ssize_t wrote = write(sink.options.fd, sink.out.p + sink.sent,
                              n < SLICE_BYTES ? n : SLICE_BYTES);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            break; /* nobody reads: the lines are lost, the worker goes on */
        sink.sent += wrote;
    }
    wr_reset(&sink.out);
    sink.sent = 0;
    return true;
}

static void on_retry(uv_timer_t *timer)
{
    (void)timer;
    if (!drain())
        return;
    uv_timer_stop(&sink.retry);
    if (sink.dropped > sink.reported) {
        log_line(LOG_WARNING, "log: %llu lines dropped: the log is not read",
                 (unsigned long long)(sink.dropped - sink.reported));
        sink.reported = sink.dropped;
    }
}

static void on_flush(uv_prepare_t *flush)
{
    (void)flush;
    if (sink.out.len > 0 && !uv_is_active((uv_handle_t *)&sink.retry) && !drain())
        uv_timer_start(&sink.retry, on_retry, RETRY_MS, RETRY_MS);
}

void log_init(uv_loop_t *loop, enum log_level level)
{
    sink.level = level;
    wr_init(&sink.out, BUFFER_MAX_BYTES);
    uv_prepare_init(loop, &sink.flush);
    uv_prepare_start(&sink.flush, on_flush);
    uv_unref((uv_handle_t *)&sink.flush);
    uv_timer_init(loop, &sink.retry);
    uv_unref((uv_handle_t *)&sink.retry);
    sink.ready = true;
}

void log_configure(const struct log_options *options)
{
    sink.options = *options;
}

void log_finish(void)
{
    if (!sink.ready)
        return;
    sink.ready = false;
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!drain()) {
        struct pollfd p = {.fd = sink.options.fd, .events = POLLOUT};
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 >= FINISH_MS || poll(&p, 1, 100) < 0)
            break;
    }
    uv_prepare_stop(&sink.flush);
    uv_timer_stop(&sink.retry);
    uv_close((uv_handle_t *)&sink.flush, NULL);
    uv_close((uv_handle_t *)&sink.retry, NULL);
    wr_finish(&sink.out);
}

/* ---- lines -------------------------------------------------------------------- */

static void put_record(struct wr *out, const struct log_record *r, const char *format)
{
    if (sink.options.json)
        log_format_json(out, r);
    else
        log_format(out, r, format, sink.options.color);
    wr_put(out, STR("\n"));
}

static void put_unbuffered(const struct log_record *r, const char *format)
{
    struct wr out;
    wr_init(&out, BUFFER_MAX_BYTES);
    put_record(&out, r, format);
    fwrite(out.p, 1, out.len, stderr);
    wr_finish(&out);
}

static void put(const struct log_record *r, const char *format)
{
    size_t before = sink.out.len;
    if (!sink.ready) {
        put_unbuffered(r, format);
        return;
    }
    put_record(&sink.out, r, format);
    if (sink.out.bad) { /* no room: the line is taken back whole */
        sink.out.len = before;
        sink.out.bad = false;
        sink.dropped++;
    }
}

__attribute__((format(printf, 3, 0))) static void
put_text(const struct log_subject *subject, enum log_level level, const char *fmt,
         va_list ap)
{
    char text[2048], *large = NULL;
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    struct log_record r = {level, subject, {text, n < 0 ? 0 : (size_t)n}};
    if (r.message.n >= sizeof(text)) {
        large = malloc(r.message.n + 1);
        if (large)
            vsnprintf(large, r.message.n + 1, fmt, again);
        r.message = large ? (struct str){large, r.message.n}
                          : (struct str){text, sizeof(text) - 1};
    }
    va_end(again);
    put(&r, sink.options.format);
    free(large);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    put_text(&(struct log_subject){NULL, NULL, NULL}, level, fmt, ap);
    va_end(ap);
}

void log_line_as(const char *process, enum log_level level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    put_text(&(struct log_subject){process, NULL, NULL}, level, fmt, ap);
    va_end(ap);
}

void log_line_of(const struct log_subject *subject, enum log_level level,
                 const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    put_text(subject, level, fmt, ap);
    va_end(ap);
}

void log_handler(const struct log_subject *subject, enum log_level level,
                 struct str text)
{
    if (log_wants(level))
        put(&(struct log_record){level, subject, text}, sink.options.task_format);
}

void log_raw(struct str lines)
{
    if (!sink.ready)
        fwrite(lines.p, 1, lines.n, stderr);
    else if (sink.out.len + lines.n > BUFFER_MAX_BYTES)
        sink.dropped++;
    else
        wr_put(&sink.out, lines);
}
