/* SPDX-License-Identifier: Apache-2.0 */
#include "log_record.h"
#include "log_sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define LINE_MAX_BYTES (256u << 10)

/* The one global of the worker, with its sink: every part may log, and there is one
 * log. */
static enum log_level least = LOG_WARNING;
static struct log_options shape = {.format = LOG_FORMAT,
                                   .task_format = LOG_TASK_FORMAT};
static const struct log_subject nobody;

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
    return level >= least;
}

void log_init(uv_loop_t *loop, enum log_level level)
{
    least = level;
    log_sink_start(loop);
}

void log_configure(const struct log_options *options)
{
    shape = *options;
    log_sink_open(options->fd, options->path, options->is_stdout_too);
}

/* ---- lines -------------------------------------------------------------------- */

static void put_record(struct wr *out, const struct log_record *r, const char *format)
{
    if (shape.json)
        log_format_json(out, r);
    else
        log_format(out, r, format, shape.color);
    wr_put(out, STR("\n"));
}

static void put(const struct log_record *r, const char *format)
{
    struct wr *out = log_sink_begin();
    if (out) {
        put_record(out, r, format);
        log_sink_end();
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
    struct log_record r = {.level = level,
                           .subject = subject,
                           .message = {text, n < 0 ? 0 : (size_t)n}};
    if (r.message.n >= sizeof(text)) {
        large = malloc(r.message.n + 1);
        if (large)
            vsnprintf(large, r.message.n + 1, fmt, again);
        r.message = large ? (struct str){large, r.message.n}
                          : (struct str){text, sizeof(text) - 1};
    }
    va_end(again);
    put(&r, shape.format);
    free(large);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    put_text(&nobody, level, fmt, ap);
    va_end(ap);
}

void log_line_as(const char *process, enum log_level level, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    va_list ap;
    va_start(ap, fmt);
    put_text(&(struct log_subject){.process = process}, level, fmt, ap);
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
        put(&(struct log_record){level, subject, text, true}, shape.task_format);
}

/* ---- what is no line of the log, unless it is JSON ------------------------------- */

static struct str without_blank_ends(struct str s)
{
    while (s.n > 0 && strchr(" \n", s.p[s.n - 1]))
        s.n--;
    while (s.n > 0 && strchr(" \n", *s.p))
        s = (struct str){s.p + 1, s.n - 1};
    return s;
}

void log_raw(struct str lines)
{
    if (shape.json) {
        put(&(struct log_record){.level = LOG_WARNING,
                                 .subject = &nobody,
                                 .message = without_blank_ends(lines)},
            NULL);
        return;
    }
    struct wr *out = log_sink_begin();
    if (out) {
        wr_put(out, lines);
        log_sink_end();
    }
}

static void print(FILE *to, enum log_level level, struct str text)
{
    struct log_record r = {.level = level,
                           .subject = &nobody,
                           .message = without_blank_ends(text)};
    struct wr line;
    wr_init(&line, LINE_MAX_BYTES);
    if (shape.json)
        put_record(&line, &r, NULL);
    else
        wr_put(&line, text);
    fwrite(line.p, 1, line.len, to);
    fflush(to);
    wr_finish(&line);
}

void log_print(struct str lines)
{
    print(stdout, LOG_INFO, lines);
}

void log_complain(const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(text, sizeof(text), "petiole worker: ");
    vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, ap);
    va_end(ap);
    strcat(text, "\n");
    print(stderr, LOG_ERROR, str_of(text));
}
