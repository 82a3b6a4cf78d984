/* SPDX-License-Identifier: Apache-2.0 */
/* How a line of the log is written: as a format of Python's logging says. */
#include "../../protocol/trace.h"
#include "log_clock.h"
#include "log_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what a record says ------------------------------------------------------- */

/* "2026-11-22 14:23:26,857", in local time as Python logs. */
static struct str asctime_now(char out[48])
{
    const struct log_clock *now = log_clock_now();
    int n = snprintf(out, 48, "%s,%03d", now->date, now->us / 1000);
    return (struct str){out, (size_t)n};
}

enum field {
    ASCTIME,
    LEVEL_NAME,
    LEVEL_NUMBER,
    PROCESS_NAME,
    PROCESS,
    THREAD_NAME,
    NAME,
    TASK_NAME,
    TASK_ID,
    TRACE_ID,
    SPAN_ID,
    MESSAGE,
    FIELDS
};
static const char *const field_names[FIELDS] = {
    "asctime", "levelname", "levelno", "processName", "process", "threadName",
    "name",    "task_name", "task_id", "trace_id",    "span_id", "message",
};

/* The parts of a traceparent stand where version 00 has them, in any version. */
struct str log_trace_id(const struct log_record *r)
{
    const char *trace = r->subject->trace;
    return trace ? (struct str){trace + TRACE_ID_AT, TRACE_ID_CHARS} : (struct str){0};
}

struct str log_span_id(const struct log_record *r)
{
    const char *trace = r->subject->trace;
    return trace ? (struct str){trace + TRACE_SPAN_AT, TRACE_SPAN_CHARS}
                 : (struct str){0};
}

/* As Celery's TaskFormatter shows what it does not know. */
static struct str or_unknown(struct str s)
{
    return s.n > 0 ? s : STR("???");
}

static struct str value_of(const struct log_record *r, enum field f, char scratch[48])
{
    switch (f) {
    case ASCTIME:
        return asctime_now(scratch);
    case LEVEL_NAME:
        return str_of(log_level_name(r->level));
    case LEVEL_NUMBER:
        snprintf(scratch, 48, "%d", (int)r->level);
        return str_of(scratch);
    case PROCESS_NAME:
        return str_of(log_process(r));
    case PROCESS:
        snprintf(scratch, 48, "%d", (int)getpid());
        return str_of(scratch);
    case THREAD_NAME:
        return STR("MainThread");
    case NAME:
        return str_of(log_logger(r));
    case TASK_NAME:
        return or_unknown(str_of(r->subject->task_name));
    case TASK_ID:
        return or_unknown(str_of(r->subject->task_id));
    case TRACE_ID:
        return or_unknown(log_trace_id(r));
    case SPAN_ID:
        return or_unknown(log_span_id(r));
    default:
        return r->message;
    }
}

/* ---- text --------------------------------------------------------------------- */

static bool is_control(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    return (c < ' ' && c != '\t') || c == 0x7f ||
           /* U+0080 to U+009F, which terminals obey as well */
           (c == 0xc2 && left > 1 && (unsigned char)p[1] < 0xa0);
}

static void put_control(struct wr *out, const char *p)
{
    bool is_wide = (unsigned char)*p == 0xc2;
    wr_printf(out, "\\x%02x", (unsigned char)p[is_wide]);
}

/* A line of a traceback stays a line; one that begins as the log's own do is set off.
 */
static void put_text(struct wr *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_control(s.p + i, s.n - i))
            continue;
        wr_put(out, (struct str){s.p + from, i - from});
        from = i + 1;
        if (s.p[i] != '\n') {
            put_control(out, s.p + i);
            from += (unsigned char)s.p[i] == 0xc2;
            i = from - 1;
        } else {
            wr_text(out, i + 1 < s.n && s.p[i + 1] == '[' ? "\n " : "\n");
        }
    }
    wr_put(out, (struct str){s.p + from, s.n - from});
}

/* Names and ids have no lines. */
static void put_word(struct wr *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p + i, s.n - i)) {
            put_control(out, s.p + i);
            i += (unsigned char)s.p[i] == 0xc2;
        } else {
            wr_put(out, (struct str){s.p + i, 1});
        }
}

/* ---- Python's format ---------------------------------------------------------- */

/* One "%(name)-8s": the field, its width, and where it ends. NULL if it is none. */
static const char *read_field(const char *p, enum field *f, int *width)
{
    const char *close = p[1] == '(' ? strchr(p, ')') : NULL;
    char *end;
    if (!close)
        return NULL;
    size_t n = (size_t)(close - p - 2);
    for (*f = 0; *f < FIELDS; (*f)++)
        if (strlen(field_names[*f]) == n && memcmp(field_names[*f], p + 2, n) == 0)
            break;
    if (*f == FIELDS)
        return NULL;
    *width = (int)strtol(close + 1, &end, 10);
    return *end && strchr("sdr", *end) && *width > -200 && *width < 200 ? end + 1
                                                                        : NULL;
}

static void put_padding(struct wr *out, int n)
{
    while (n-- > 0)
        wr_put(out, STR(" "));
}

static const char *color_of(enum log_level level)
{
    return level >= LOG_CRITICAL  ? "\x1b[1;35m"
           : level >= LOG_ERROR   ? "\x1b[1;31m"
           : level >= LOG_WARNING ? "\x1b[1;33m"
           : level >= LOG_INFO    ? ""
                                  : "\x1b[1;34m";
}

static void put_message(struct wr *out, const struct log_record *r, bool color)
{
    const char *code = color ? color_of(r->level) : "";
    wr_text(out, code);
    put_text(out, r->message);
    if (r->subject->traceback.n > 0) {
        /* it is a traceback's first line that could be taken for another line */
        wr_text(out, *r->subject->traceback.p == '[' ? "\n " : "\n");
        put_text(out, r->subject->traceback);
    }
    if (*code)
        wr_text(out, "\x1b[0m");
}

static void put_field(struct wr *out, const struct log_record *r, enum field f,
                      int width, bool color)
{
    char scratch[48];
    if (f == MESSAGE) {
        put_message(out, r, color);
        return;
    }
    struct str value = value_of(r, f, scratch);
    put_padding(out, width - (int)value.n);
    put_word(out, value);
    put_padding(out, -width - (int)value.n);
}

void log_format(struct wr *out, const struct log_record *r, const char *format,
                bool color)
{
    enum field f;
    int width;
    for (const char *p = format; *p;) {
        size_t n = strcspn(p, "%");
        wr_put(out, (struct str){p, n});
        p += n;
        const char *end = *p ? read_field(p, &f, &width) : NULL;
        if (end)
            put_field(out, r, f, width, color);
        else if (*p)
            wr_put(out, STR("%"));
        p = end ? end : *p ? p + 1 + (p[1] == '%') : p;
    }
}

static int check_format(const char *setting, const char *format, struct error *e)
{
    enum field f;
    int width;
    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        const char *end = p[1] == '%' ? p + 2 : read_field(p, &f, &width);
        if (!end)
            return error_set(e, EINVAL,
                             "setting '%s' has '%.20s': known are asctime, levelname, "
                             "levelno, processName, process, threadName, name, "
                             "task_name, task_id, trace_id, span_id and message, as in "
                             "%%(message)s",
                             setting, p);
        p = end;
    }
    return 0;
}

int log_check_formats(const char *format, const char *task_format, struct error *e)
{
    int r = check_format("worker_log_format", format, e);
    return r < 0 ? r : check_format("worker_task_log_format", task_format, e);
}
