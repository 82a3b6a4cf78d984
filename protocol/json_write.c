/* SPDX-License-Identifier: Apache-2.0 */
/* json_write - values to the text that json.dumps gives, with an explicit stack. */
#include "base64.h"
#include "json.h"
#include "json_plain.h"
#include "utf8.h"

/* About where Python's own encoder gives up. Deeper values make the writer bad. */
#define DEPTH_MAX 1000

static void put_escape(struct wr *w, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char *p = wr_grow(w, 6);

    if (!p)
        return;
    *p++ = '\\';
    *p++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *p++ = hex[unit >> shift & 15];
}

static void put_code(struct wr *w, uint32_t code)
{
    if (code == UTF8_BAD)
        code = 0xfffd;
    if (code < 0x10000) {
        put_escape(w, code);
        return;
    }
    code -= 0x10000;
    put_escape(w, 0xd800 | code >> 10);
    put_escape(w, 0xdc00 | (code & 0x3ff));
}

/* The letter of a two-byte escape, or 0. */
static char escape_letter(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

static void put_quoted(struct wr *w, struct str plain)
{
    char *p = plain.n < SIZE_MAX - 2 ? wr_grow(w, plain.n + 2) : NULL;

    if (!p)
        return;
    p[0] = '"';
    if (plain.n)
        memcpy(p + 1, plain.p, plain.n);
    p[plain.n + 1] = '"';
}

void json_write_str(struct wr *w, struct str s)
{
    if (s.n == 0) {
        wr_put(w, STR("\"\""));
        return;
    }
    const char *p = s.p, *end = s.p + s.n, *stop = json_skip_plain(p, end);

    if (stop == end) { /* as nearly every string is */
        put_quoted(w, s);
        return;
    }
    wr_put(w, STR("\""));
    for (; !w->bad; stop = json_skip_plain(p, end)) {
        wr_put(w, (struct str){p, (size_t)(stop - p)});
        if (stop == end)
            break;
        char letter = escape_letter(*stop);
        p = stop + 1;
        if (letter) {
            wr_put(w, (struct str){(char[]){'\\', letter}, 2});
        } else {
            p = stop;
            put_code(w, utf8_next(&p, end));
        }
    }
    wr_put(w, STR("\""));
}

static void write_bytes(struct wr *w, struct str bytes)
{
    if (utf8_valid(bytes)) {
        wr_text(w, "{\"__type__\": \"bytes\", \"__value__\": ");
        json_write_str(w, bytes);
        wr_text(w, "}");
    } else {
        wr_text(w, "{\"__type__\": \"base64\", \"__value__\": \"");
        base64_encode(w, bytes);
        wr_text(w, "\"}");
    }
}

static void write_float(struct wr *w, double d)
{
    char text[32];
    size_t n = json_format_float(text, d, true);

    wr_put(w, (struct str){text, n});
}

static void write_int(struct wr *w, int64_t i)
{
    char text[24], *p = text + sizeof(text);
    uint64_t left = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (i < 0)
        *--p = '-';
    wr_put(w, (struct str){p, (size_t)(text + sizeof(text) - p)});
}

static void write_leaf(struct wr *w, const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_NULL:
        wr_put(w, STR("null"));
        break;
    case PTL_BOOL:
        wr_put(w, v->u.b ? STR("true") : STR("false"));
        break;
    case PTL_INT:
        write_int(w, v->u.i);
        break;
    case PTL_BIGINT:
        wr_put(w, v->u.s);
        break;
    case PTL_FLOAT:
        write_float(w, v->u.d);
        break;
    case PTL_STR:
        json_write_str(w, v->u.s);
        break;
    case PTL_BYTES:
        write_bytes(w, v->u.s);
        break;
    case PTL_LIST:
        wr_put(w, STR("[]"));
        break;
    case PTL_MAP:
        wr_put(w, STR("{}"));
        break;
    }
}

/* The next child of a container, its separator and key written; NULL behind the last.
 */
static const ptl_value *next_child(struct wr *w, const ptl_value *v, size_t i)
{
    if (i == value_len(v)) {
        wr_put(w, v->kind == PTL_LIST ? STR("]") : STR("}"));
        return NULL;
    }
    if (i > 0)
        wr_put(w, STR(", "));
    if (v->kind == PTL_LIST)
        return v->u.list.items[i];
    json_write_str(w, v->u.map.pairs[i].key);
    wr_put(w, STR(": "));
    return v->u.map.pairs[i].value;
}

static bool has_children(const ptl_value *v)
{
    return (value_kind(v) == PTL_LIST || value_kind(v) == PTL_MAP) && value_len(v) > 0;
}

void json_write(struct wr *w, const ptl_value *v)
{
    struct {
        const ptl_value *v;
        size_t next;
    } stack[DEPTH_MAX];
    int depth = 0;

    while (!w->bad) {
        if (!has_children(v)) {
            write_leaf(w, v);
        } else if (depth == DEPTH_MAX) {
            w->bad = true;
            return;
        } else {
            wr_put(w, v->kind == PTL_LIST ? STR("[") : STR("{"));
            stack[depth].v = v;
            stack[depth++].next = 0;
        }
        for (v = NULL; depth; depth--) {
            v = next_child(w, stack[depth - 1].v, stack[depth - 1].next++);
            if (v)
                break;
        }
        if (!depth)
            return;
    }
}
