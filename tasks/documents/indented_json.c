/* SPDX-License-Identifier: Apache-2.0 */
#include "indented_json.h"

#include "../../protocol/base64.h"
#include "../../protocol/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FLUSH_BYTES ((size_t)64 << 10)
#define ONE_VALUE_MAX ((size_t)2 << 30)

void indented_json_init(struct indented_json *j, int fd)
{
    *j = (struct indented_json){.fd = fd, .is_first = true};
    wr_init(&j->w, ONE_VALUE_MAX);
}

static void flush(struct indented_json *j)
{
    const char *p = j->w.p;
    size_t left = j->w.len;

    if (j->w.bad && !j->error)
        j->error = ENOMEM;
    while (left > 0 && !j->error) {
        ssize_t n = write(j->fd, p, left);
        if (n >= 0) {
            p += n;
            left -= (size_t)n;
        } else if (errno != EINTR) {
            j->error = errno;
        }
    }
    wr_reset(&j->w);
}

int indented_json_finish(struct indented_json *j)
{
    flush(j);
    wr_finish(&j->w);
    return -j->error;
}

static void new_line(struct indented_json *j)
{
    wr_text(&j->w, "\n");
    for (unsigned i = 0; i < j->depth; i++)
        wr_text(&j->w, "  ");
}

/* What stands before a value or a key. */
static void separate(struct indented_json *j)
{
    if (j->w.len > FLUSH_BYTES)
        flush(j);
    if (!j->after_key && j->depth > 0) {
        if (!j->is_first)
            wr_text(&j->w, ",");
        new_line(j);
    }
    j->after_key = false;
    j->is_first = false;
}

void json_begin(struct indented_json *j, char bracket)
{
    separate(j);
    wr_put(&j->w, (struct str){&bracket, 1});
    j->depth++;
    j->is_first = true;
}

void json_end(struct indented_json *j, char bracket)
{
    j->depth--;
    if (!j->is_first)
        new_line(j);
    wr_put(&j->w, (struct str){&bracket, 1});
    j->is_first = false;
}

void json_key(struct indented_json *j, const char *key)
{
    separate(j);
    json_write_str(&j->w, str_of(key));
    wr_text(&j->w, ": ");
    j->after_key = true;
}

void json_put_str(struct indented_json *j, struct str s)
{
    separate(j);
    json_write_str(&j->w, s);
}

void json_put_text(struct indented_json *j, const char *text)
{
    if (text)
        json_put_str(j, str_of(text));
    else
        json_put_null(j);
}

void json_put_int(struct indented_json *j, int64_t i)
{
    separate(j);
    wr_printf(&j->w, "%" PRId64, i);
}

void json_put_float(struct indented_json *j, double d)
{
    char text[32];

    separate(j);
    wr_put(&j->w, (struct str){text, json_format_float(text, d, true)});
}

void json_put_base64(struct indented_json *j, struct str bytes)
{
    separate(j);
    wr_text(&j->w, "\"");
    base64_encode(&j->w, bytes);
    wr_text(&j->w, "\"");
}

void json_put_null(struct indented_json *j)
{
    separate(j);
    wr_text(&j->w, "null");
}
