/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan - strings as Python's scanner takes them, and where errors are kept. */
#include "json_scan.h"
#include "json_plain.h"
#include "utf8.h"

bool json_scan_fail(struct json_scan *s, const char *at, const char *what)
{
    if (!s->what) {
        s->what = what;
        s->p = at;
    }
    return false;
}

bool json_scan_out_of_memory(struct json_scan *s)
{
    s->out_of_memory = true;
    return json_scan_fail(s, s->p, "out of memory");
}

/* Finds the closing quote, checking everything but the escapes on the way. */
static bool find_quote(struct json_scan *s, const char **quote, bool *escaped)
{
    const char *p = s->p;

    *escaped = false;
    for (;;) {
        p = json_skip_plain(p, s->end);
        if (p == s->end)
            return json_scan_fail(s, s->p - 1, "Unterminated string starting at");
        if (*p == '"')
            break;
        if (*p == '\\') {
            *escaped = true;
            if (s->end - p < 2)
                return json_scan_fail(s, s->p - 1, "Unterminated string starting at");
            /* What is escaped may be a byte of any kind: it is looked at later, but
             * must not be taken for the end. */
            p += p[1] == '"' || p[1] == '\\' ? 2 : 1;
            continue;
        }
        if ((unsigned char)*p < 0x20)
            return json_scan_fail(s, p, "Invalid control character at");
        const char *at = p;
        uint32_t code = utf8_next(&p, s->end);
        if (code == UTF8_BAD || utf8_is_surrogate(code))
            return json_scan_fail(s, at, "not UTF-8");
    }
    *quote = p;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u, as a number; -1 if they are none. */
static int32_t four_hex(const char *p, const char *end)
{
    int32_t v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* \uXXXX, with a second one if the two are a surrogate pair. p stands behind the u. */
static bool unescape_code(struct json_scan *s, const char **p, const char *end,
                          uint32_t *code)
{
    int32_t high = four_hex(*p, end), low;

    if (high < 0)
        return json_scan_fail(s, *p - 1, "Invalid \\uXXXX escape");
    *p += 4;
    *code = (uint32_t)high;
    if ((high & 0xfc00) != 0xd800 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return true;
    low = four_hex(*p + 2, end);
    if ((low & 0xfffffc00) != 0xdc00) /* no half of a pair, or no number */
        return true;
    *p += 6;
    *code = 0x10000u + ((uint32_t)(high & 0x3ff) << 10 | (uint32_t)(low & 0x3ff));
    return true;
}

static char unescape_letter(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* An unescaped text is never longer than the escaped one. */
static bool unescape(struct json_scan *s, const char *p, const char *end,
                     struct str *out)
{
    char *o = arena_alloc(s->arena, (size_t)(end - p) + 1), *start = o;

    if (!o)
        return json_scan_out_of_memory(s);
    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((backslash ? backslash : end) - p);
        memcpy(o, p, plain);
        o += plain;
        if (!backslash)
            break;
        p = backslash + 2;
        if (backslash[1] == 'u') {
            uint32_t code = 0;
            if (!unescape_code(s, &p, end, &code))
                return false;
            o += utf8_put(o, code);
        } else if ((*o++ = unescape_letter(backslash[1])) == '\0') {
            return json_scan_fail(s, backslash, "Invalid \\escape");
        }
    }
    *o = '\0';
    *out = (struct str){start, (size_t)(o - start)};
    return true;
}

bool json_scan_string(struct json_scan *s, struct str *out)
{
    const char *quote = NULL;
    bool escaped = false;

    if (!find_quote(s, &quote, &escaped))
        return false;
    struct str raw = {s->p, (size_t)(quote - s->p)};
    if (escaped) {
        if (!unescape(s, raw.p, quote, out))
            return false;
    } else if (s->copy_strings) {
        *out = arena_copy(s->arena, raw);
        if (!out->p)
            return json_scan_out_of_memory(s);
    } else {
        *out = raw;
    }
    s->p = quote + 1;
    return true;
}
