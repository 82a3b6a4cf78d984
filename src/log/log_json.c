/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one JSON object on one line. */
#include "log_clock.h"
#include "log_record.h"

/* The bytes of the UTF-8 character at p, or 0 if there is none. */
static size_t utf8_bytes(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
    if (c == 0xed && (unsigned char)p[1] >= 0xa0) /* a surrogate */
        return 0;
    return n;
}

static void put_json_text(struct wr *out, struct str s)
{
    wr_put(out, STR("\""));
    for (size_t i = 0; i < s.n;) {
        size_t n = utf8_bytes(s.p + i, s.n - i);
        if (n == 0)
            wr_text(out, "\xef\xbf\xbd"); /* U+FFFD: no bytes that are no text */
        else if (s.p[i] == '"' || s.p[i] == '\\')
            wr_printf(out, "\\%c", s.p[i]);
        else if (s.p[i] == '\n')
            wr_text(out, "\\n");
        else if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            wr_printf(out, "\\u%04x", (unsigned char)s.p[i]);
        else
            wr_put(out, (struct str){s.p + i, n});
        i += n ? n : 1;
    }
    wr_put(out, STR("\""));
}

static void put_json_member(struct wr *out, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    wr_printf(out, ", \"%s\": ", name);
    put_json_text(out, value);
}

/* {"time": "2026-11-22T14:23:26.857042+01:00", "level": …}, as RFC 3339 writes times.
 */
void log_format_json(struct wr *out, const struct log_record *r)
{
    const struct log_clock *now = log_clock_now();
    const struct log_subject *about = r->subject;
    wr_printf(out, "{\"time\": \"%.10sT%s.%06d%s\", \"level\": \"%s\"", now->date,
              now->date + 11, now->us, now->zone, log_level_name(r->level));
    put_json_member(out, "logger", str_of(log_logger(r)));
    put_json_member(out, "process", str_of(log_process(r)));
    put_json_member(out, "task_name", str_of(about->task_name));
    put_json_member(out, "task_id", str_of(about->task_id));
    put_json_member(out, "trace_id", log_trace_id(r));
    put_json_member(out, "span_id", log_span_id(r));
    wr_text(out, ", \"message\": ");
    put_json_text(out, r->message);
    put_json_member(out, "exception", about->exception);
    put_json_member(out, "traceback", about->traceback);
    wr_text(out, "}");
}
