/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan_number - integers of any size and floats, rounded as Python rounds them. */
#include "decimal.h"
#include "json_scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INT_DIGITS_MAX 4300 /* sys.int_info.default_max_str_digits */

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

/* The number behind e or E; what is far out of any float's range need not be exact. */
static int64_t exponent_of(const struct fraction *f)
{
    int64_t exponent = 0;

    for (const char *p = f->exponent; p < f->end; p++)
        if (*p >= '0' && *p <= '9' && exponent < INT32_MAX)
            exponent = exponent * 10 + (*p - '0');
    return f->exponent < f->end && f->exponent[1] == '-' ? -exponent : exponent;
}

/* More significant digits than this cannot change how a float is rounded, but for
 * whether anything but zeros follows them. */
#define SIGNIFICANT_MAX 780

static double parse_long_float(const struct fraction *f, int64_t exponent)
{
    char text[SIGNIFICANT_MAX + 40];
    size_t n = 0;
    bool sticky = false;

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
    if (sticky) {
        text[n++] = '1';
        exponent--;
    }
    exponent = exponent > 100000 ? 100000 : exponent < -100000 ? -100000 : exponent;
    /* Digits only and an exponent: strtod then needs no radix character, whose look
     * depends on the locale. */
    snprintf(text + n, sizeof(text) - n, "e%d", (int)exponent);
    return strtod(text, NULL);
}

static double parse_float(const struct fraction *f)
{
    struct decimal d = {0, 0};
    int64_t exponent = exponent_of(f);
    int places = 0;

    for (const char *p = f->digits; p < f->exponent && places < 20; p++) {
        if (p == f->point)
            continue;
        d.digits = d.digits * 10 + (uint64_t)(*p - '0');
        places += d.digits > 0;
        d.exponent -= p > f->point;
    }
    if (places == 20)
        return parse_long_float(f, exponent);
    if (!d.digits)
        return 0;
    if (exponent > 100000 || exponent < -100000 || d.exponent < -100000)
        return parse_long_float(f, exponent);
    d.exponent += (int)exponent;
    return decimal_value(d);
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
    double d = parse_float(&f);
    return made(s, value_float(s->arena, negative ? -d : d));
}
