/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr_text - quotes and escapes as Python chooses them. */
#include "pyrepr_text.h"
#include "json.h"
#include "utf8.h"

#include <inttypes.h>

static const struct {
    uint32_t first, last;
} unprintable[] = {
#include "printable.inc"
};

static bool is_printable(uint32_t code)
{
    size_t low = 0, high = sizeof(unprintable) / sizeof(unprintable[0]);

    if (code < 0x7f)
        return code >= 0x20;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > unprintable[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low == sizeof(unprintable) / sizeof(unprintable[0]) ||
           code < unprintable[low].first;
}

static void put_escaped(struct wr *w, uint32_t code)
{
    if (code == '\n')
        wr_put(w, STR("\\n"));
    else if (code == '\r')
        wr_put(w, STR("\\r"));
    else if (code == '\t')
        wr_put(w, STR("\\t"));
    else if (code < 0x100)
        wr_printf(w, "\\x%02x", (unsigned)code);
    else if (code < 0x10000)
        wr_printf(w, "\\u%04x", (unsigned)code);
    else
        wr_printf(w, "\\U%08x", (unsigned)code);
}

void pyrepr_put_code(struct wr *w, uint32_t code)
{
    char utf8[4];

    if (code == UTF8_BAD)
        code = 0xfffd;
    if (is_printable(code))
        wr_put(w, (struct str){utf8, utf8_put(utf8, code)});
    else
        put_escaped(w, code);
}

/* Single quotes, unless double ones save a backslash. */
static char choose_quote(struct str s)
{
    return s.n && memchr(s.p, '\'', s.n) && !memchr(s.p, '"', s.n) ? '"' : '\'';
}

void pyrepr_put_str(struct wr *w, struct str s)
{
    char quote = choose_quote(s);
    const char *end = s.p + s.n;

    wr_put(w, (struct str){&quote, 1});
    for (const char *p = s.p; p < end;) {
        uint32_t code = utf8_next(&p, end);
        if (code == (unsigned char)quote || code == '\\')
            wr_put(w, STR("\\"));
        pyrepr_put_code(w, code);
    }
    wr_put(w, (struct str){&quote, 1});
}

void pyrepr_put_bytes(struct wr *w, struct str s)
{
    char quote = choose_quote(s);

    wr_put(w, STR("b"));
    wr_put(w, (struct str){&quote, 1});
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == quote || c == '\\')
            wr_put(w, STR("\\"));
        if (c >= 0x20 && c < 0x7f)
            wr_put(w, (struct str){&c, 1});
        else
            put_escaped(w, (unsigned char)c);
    }
    wr_put(w, (struct str){&quote, 1});
}

void pyrepr_put_plain(struct wr *w, const ptl_value *v)
{
    char number[32];

    switch (value_kind(v)) {
    case PTL_BOOL:
        wr_text(w, v->u.b ? "True" : "False");
        break;
    case PTL_INT:
        wr_printf(w, "%" PRId64, v->u.i);
        break;
    case PTL_BIGINT:
        wr_put(w, v->u.s);
        break;
    case PTL_FLOAT:
        wr_put(w, (struct str){number, json_format_float(number, v->u.d, false)});
        break;
    default:
        wr_put(w, STR("None"));
        break;
    }
}
