/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan - strings and numbers as Python's scanner takes them. */
#include "json_scan.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define INT_DIGITS_MAX 4300 /* sys.int_info.default_max_str_digits */

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

static bool is_plain(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* The first byte of [p, end) that is not printable ASCII, or a quote or a backslash. */
static const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Compared as signed bytes, those from 0x80 on are below the space, too. */
        __m128i stop = _mm_or_si128(_mm_cmplt_epi8(v, space),
                                    _mm_or_si128(_mm_cmpeq_epi8(v, quote),
                                                 _mm_cmpeq_epi8(v, backslash)));
        int mask = _mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* Finds the closing quote, checking everything but the escapes on the way. */
static bool find_quote(struct json_scan *s, const char **quote, bool *escaped)
{
    const char *p = s->p;

    *escaped = false;
    for (;;) {
        p = skip_plain(p, s->end);
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

/* ---- Numbers ------------------------------------------------------------------ */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static const ptl_value *made(struct json_scan *s, ptl_value *v)
{
    if (!v)
        json_scan_out_of_memory(s);
    return v;
}

static const ptl_value *big_integer(struct json_scan *s, const char *first,
                                    const char *digits)
{
    struct str text = {first, (size_t)(s->p - first)};

    if (s->p - digits > INT_DIGITS_MAX) {
        json_scan_fail(s, first, "Exceeds the limit (4300 digits) for an integer");
        return NULL;
    }
    if (s->copy_strings && !(text = arena_copy(s->arena, text)).p)
        return made(s, NULL);
    ptl_value *v = value_str(s->arena, text);
    if (v)
        v->kind = PTL_BIGINT;
    return made(s, v);
}

static const ptl_value *integer(struct json_scan *s, const char *first,
                                const char *digits)
{
    bool negative = first != digits;
    int64_t value = 0;

    for (const char *p = digits; p < s->p; p++) {
        int digit = *p - '0'; /* negative all along: the range is one larger there */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return big_integer(s, first, digits);
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return big_integer(s, first, digits);
    return made(s, value_int(s->arena, value));
}

struct fraction {
    const char *digits, *point, *exponent,
        *end; /* point, exponent: where they would be */
};

/* More significant digits than this cannot change how a float is rounded, but for
 * whether anything but zeros follows them. */
#define SIGNIFICANT_MAX 780

static double parse_float(const struct fraction *f, bool negative)
{
    char text[SIGNIFICANT_MAX + 40];
    size_t n = 0;
    int64_t exponent = 0;
    bool sticky = false;

    for (const char *p = f->exponent; p < f->end; p++)
        if (*p >= '0' && *p <= '9' && exponent < INT32_MAX)
            exponent = exponent * 10 + (*p - '0');
    if (f->exponent < f->end && f->exponent[1] == '-')
        exponent = -exponent;
    /* Digits only and an exponent: strtod then needs no radix character, whose look
     * depends on the locale. */
    for (const char *p = f->digits; p < f->exponent; p++) {
        if (p == f->point)
            continue;
        if (p > f->point)
            exponent--;
        if (n == 0 && *p == '0')
            continue;
        if (n < SIGNIFICANT_MAX) {
            text[n++] = *p;
        } else {
            sticky = sticky || *p != '0';
            exponent++;
        }
    }
    if (n == 0)
        return negative ? -0.0 : 0.0;
    if (sticky) {
        text[n++] = '1';
        exponent--;
    }
    if (exponent > 100000)
        exponent = 100000;
    if (exponent < -100000)
        exponent = -100000;
    snprintf(text + n, sizeof(text) - n, "e%d", (int)exponent);
    double d = strtod(text, NULL);
    return negative ? -d : d;
}

static bool take_word(struct json_scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* A point without digits behind it, or an exponent without, is not part of the number:
 * Python stops before it, and then misses a comma. */
static bool scan_fraction(struct json_scan *s, struct fraction *f)
{
    const char *p = s->p, *q;

    f->point = f->exponent = p;
    if (p < s->end && *p == '.') {
        q = skip_digits(p + 1, s->end);
        if (q > p + 1)
            p = f->exponent = q;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        q = p + 1;
        if (q < s->end && (*q == '+' || *q == '-'))
            q++;
        if (skip_digits(q, s->end) > q)
            p = skip_digits(q, s->end);
    }
    f->end = p;
    if (p == s->p)
        return false;
    s->p = p;
    return true;
}

const ptl_value *json_scan_number(struct json_scan *s)
{
    const char *first = s->p;
    bool negative = *first == '-';

    if (take_word(s, "NaN"))
        return made(s, value_float(s->arena, NAN));
    if (negative)
        s->p++;
    if (take_word(s, "Infinity"))
        return made(s, value_float(s->arena, negative ? -INFINITY : INFINITY));
    const char *digits = s->p;
    if (digits < s->end && *digits == '0')
        s->p++; /* a leading zero stands alone */
    else
        s->p = skip_digits(digits, s->end);
    if (s->p == digits) {
        json_scan_fail(s, first, "Expecting value");
        return NULL;
    }
    struct fraction f = {.digits = digits};
    if (!scan_fraction(s, &f))
        return integer(s, first, digits);
    return made(s, value_float(s->arena, parse_float(&f, negative)));
}
