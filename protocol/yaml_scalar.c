/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_scalar - YAML 1.1's implicit types (yaml.resolver), and their values
 * (yaml.constructor). */
#include "base64.h"
#include "typed.h"
#include "yaml_value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TAG "tag:yaml.org,2002:"
#define INT_DIGITS_MAX 4300 /* as Python's int() */

/* ---- Looks -------------------------------------------------------------------- */

struct scanner {
    const char *p, *end;
};

static size_t skip_set(struct scanner *s, const char *set)
{
    const char *from = s->p;

    while (s->p < s->end && *s->p && strchr(set, *s->p))
        s->p++;
    return (size_t)(s->p - from);
}

static bool skip_char(struct scanner *s, const char *set)
{
    if (s->p == s->end || !*s->p || !strchr(set, *s->p))
        return false;
    s->p++;
    return true;
}

#define DIGITS "0123456789"

/* (:[0-5]?[0-9])+ */
static bool skip_sixties(struct scanner *s)
{
    size_t n = 0;

    for (; s->p < s->end && *s->p == ':'; n++) {
        s->p++;
        const char *first = s->p;
        size_t digits = skip_set(s, DIGITS);
        if (digits == 0 || digits > 2 || (digits == 2 && *first > '5'))
            return false;
    }
    return n > 0;
}

static bool is_at_end(const struct scanner *s)
{
    return s->p == s->end;
}

static bool looks_like_int(struct scanner s)
{
    skip_char(&s, "+-");
    if (skip_char(&s, "0")) {
        if (is_at_end(&s))
            return true;
        if (skip_char(&s, "b"))
            return skip_set(&s, "01_") && is_at_end(&s);
        if (skip_char(&s, "x"))
            return skip_set(&s, DIGITS "abcdefABCDEF_") && is_at_end(&s);
        return skip_set(&s, "01234567_") && is_at_end(&s);
    }
    if (!skip_char(&s, "123456789"))
        return false;
    skip_set(&s, DIGITS "_");
    return is_at_end(&s) || (skip_sixties(&s) && is_at_end(&s));
}

static bool is_word(struct scanner s, const char *const *words)
{
    struct str text = {s.p, (size_t)(s.end - s.p)};

    for (; *words; words++)
        if (str_is(text, *words))
            return true;
    return false;
}

static bool looks_like_float(struct scanner s)
{
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    bool sign, sixties = false;

    if (is_word(s, nans))
        return true;
    sign = skip_char(&s, "+-");
    if (is_word(s, infinities))
        return true;
    if (skip_char(&s, DIGITS)) {
        skip_set(&s, DIGITS "_");
        if (s.p < s.end && *s.p == ':' && !(sixties = skip_sixties(&s)))
            return false;
        if (!skip_char(&s, "."))
            return false;
        skip_set(&s, DIGITS "_");
    } else if (sign || !skip_char(&s, ".") || !skip_char(&s, DIGITS)) {
        return false;
    } else {
        skip_set(&s, DIGITS "_");
    }
    if (!sixties && skip_char(&s, "eE") &&
        (!skip_char(&s, "+-") || !skip_set(&s, DIGITS)))
        return false;
    return is_at_end(&s);
}

/* The parts of a timestamp as they stand in the text; zero if it has none of them. */
struct moment {
    int year, month, day, hour, minute, second, us, tz_hour, tz_minute;
    char tz; /* 'Z', '+', '-', or 0: naive */
    bool has_time;
};

/* At least `least` and at most `most` digits; *v gets their number. */
static bool take_number(struct scanner *s, size_t least, size_t most, int *v)
{
    size_t n = 0;

    for (*v = 0; n < most && s->p < s->end && *s->p >= '0' && *s->p <= '9'; n++)
        *v = *v * 10 + (*s->p++ - '0');
    return n >= least;
}

static bool take_zone(struct scanner *s, struct moment *m)
{
    skip_set(s, " \t");
    if (is_at_end(s))
        return true;
    m->tz = *s->p;
    if (skip_char(s, "Z"))
        return true;
    if (!skip_char(s, "+-") || !take_number(s, 1, 2, &m->tz_hour))
        return false;
    return !skip_char(s, ":") || take_number(s, 2, 2, &m->tz_minute);
}

static bool take_clock(struct scanner *s, struct moment *m)
{
    if (!take_number(s, 1, 2, &m->hour) || !skip_char(s, ":") ||
        !take_number(s, 2, 2, &m->minute) || !skip_char(s, ":") ||
        !take_number(s, 2, 2, &m->second))
        return false;
    if (skip_char(s, ".")) {
        for (int i = 0, unit = 100000; s->p < s->end && *s->p >= '0' && *s->p <= '9';
             i++, unit /= 10, s->p++)
            m->us += i < 6 ? (*s->p - '0') * unit : 0;
    }
    return take_zone(s, m);
}

static bool take_moment(struct scanner s, struct moment *m)
{
    const char *from = s.p;

    *m = (struct moment){.tz = 0};
    if (!take_number(&s, 4, 4, &m->year) || !skip_char(&s, "-") ||
        !take_number(&s, 1, 2, &m->month) || !skip_char(&s, "-") ||
        !take_number(&s, 1, 2, &m->day))
        return false;
    if (is_at_end(&s)) /* a date alone has two digits of each */
        return s.p - from == 10;
    m->has_time = true;
    return (skip_char(&s, "Tt") || skip_set(&s, " \t")) && take_clock(&s, m) &&
           is_at_end(&s);
}

enum yaml_kind yaml_kind_of(struct str plain)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"yes",   "Yes",   "YES",  "no",   "No",
                                        "NO",    "true",  "True", "TRUE", "false",
                                        "False", "FALSE", "on",   "On",   "ON",
                                        "off",   "Off",   "OFF",  NULL};
    static const char *const others[] = {"<<", "=", NULL};
    struct scanner s = {plain.p, plain.p + plain.n};
    struct moment m;

    if (is_word(s, nulls))
        return YAML_NULL;
    if (is_word(s, bools))
        return YAML_BOOL;
    if (is_word(s, others))
        return YAML_OTHER;
    if (looks_like_float(s))
        return YAML_FLOAT;
    if (looks_like_int(s))
        return YAML_INT;
    return take_moment(s, &m) ? YAML_TIMESTAMP : YAML_STR;
}

enum yaml_kind yaml_kind_tagged(const char *tag)
{
    static const char *const tags[] = {
        [YAML_STR] = TAG "str",       [YAML_NULL] = TAG "null",
        [YAML_BOOL] = TAG "bool",     [YAML_INT] = TAG "int",
        [YAML_FLOAT] = TAG "float",   [YAML_TIMESTAMP] = TAG "timestamp",
        [YAML_BINARY] = TAG "binary",
    };

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (strcmp(tag, tags[i]) == 0)
            return (enum yaml_kind)i;
    return YAML_OTHER;
}

/* ---- Values ------------------------------------------------------------------- */

/* Without underscores, and without a plus. */
static struct str cleaned(struct arena *a, struct str text)
{
    char *copy = arena_alloc(a, text.n + 1);
    size_t n = 0;

    if (!copy)
        return (struct str){NULL, 0};
    for (size_t i = text.n && text.p[0] == '+'; i < text.n; i++)
        if (text.p[i] != '_')
            copy[n++] = text.p[i];
    copy[n] = '\0';
    return (struct str){copy, n};
}

static const ptl_value *signed_int(struct arena *a, bool negative, uint64_t v)
{
    if (v > (uint64_t)INT64_MAX + negative)
        return NULL;
    return value_int(a, negative ? (int64_t)(0 - v) : (int64_t)v);
}

/* 1:30:00 is 5400. */
static bool count_sixties(const char *p, uint64_t *sum)
{
    *sum = 0;
    for (; *p; p += *p == ':') {
        char *end;
        uint64_t part = strtoull(p, &end, 10);
        if (end == p || __builtin_mul_overflow(*sum, 60u, sum) ||
            __builtin_add_overflow(*sum, part, sum))
            return false;
        p = end;
    }
    return true;
}

static const ptl_value *make_decimal_int(struct arena *a, struct str text)
{
    ptl_value *big;
    int64_t v;

    errno = 0;
    v = strtoll(text.p, NULL, 10);
    if (errno == 0)
        return value_int(a, v);
    if (text.n > INT_DIGITS_MAX || !(big = value_str(a, text)))
        return NULL;
    big->kind = PTL_BIGINT;
    return big;
}

static const ptl_value *make_int(struct arena *a, struct str text)
{
    struct str clean = cleaned(a, text);
    bool negative = clean.p && *clean.p == '-';
    const char *p = clean.p ? clean.p + negative : "";
    bool whole = true;
    char *end = NULL;
    uint64_t v = 0;

    if (!clean.p || !looks_like_int((struct scanner){text.p, text.p + text.n}))
        return NULL;
    errno = 0;
    if (strchr(p, ':'))
        whole = count_sixties(p, &v);
    else if (p[0] != '0' || !p[1])
        return make_decimal_int(a, clean);
    else if (p[1] == 'b' || p[1] == 'x')
        v = strtoull(p + 2, &end, p[1] == 'b' ? 2 : 16);
    else
        v = strtoull(p + 1, &end, 8);
    if (!whole || errno || (end && *end))
        return NULL;
    return signed_int(a, negative, v);
}

static const ptl_value *make_float(struct arena *a, struct str text)
{
    struct str clean = cleaned(a, text);
    bool negative = clean.p && *clean.p == '-';
    const char *p = clean.p ? clean.p + negative : "";
    double v = 0;
    char *end;

    if (strcasecmp(p, ".nan") == 0)
        return value_float(a, NAN);
    if (strcasecmp(p, ".inf") == 0)
        return value_float(a, negative ? -INFINITY : INFINITY);
    if (strspn(p, DIGITS ".eE+-:") != strlen(p)) /* what else strtod reads */
        return NULL;
    for (bool more = *p; more; p = end + more) {
        v = v * 60 + strtod(p, &end);
        more = *end == ':';
        if (end == p || (*end && !more))
            return NULL;
    }
    return clean.n > negative ? value_float(a, negative ? -v : v) : NULL;
}

static const ptl_value *make_bool(struct arena *a, struct str text)
{
    if (yaml_kind_of(text) != YAML_BOOL) /* by its tag, but it is none */
        return NULL;
    char first = (char)(text.p[0] | 0x20), second = (char)(text.p[1] | 0x20);
    return value_bool(a,
                      first == 'y' || first == 't' || (first == 'o' && second == 'n'));
}

static const ptl_value *make_timestamp(struct arena *a, struct str text)
{
    struct scanner s = {text.p, text.p + text.n};
    char iso[64];
    struct moment m;
    const char *why;
    int n;

    if (!take_moment(s, &m))
        return NULL;
    n = snprintf(iso, sizeof(iso), "%04d-%02d-%02d", m.year, m.month, m.day);
    if (m.has_time)
        n += snprintf(iso + n, sizeof(iso) - (size_t)n, "T%02d:%02d:%02d", m.hour,
                      m.minute, m.second);
    if (m.us)
        n += snprintf(iso + n, sizeof(iso) - (size_t)n, ".%06d", m.us);
    if (m.tz)
        snprintf(iso + n, sizeof(iso) - (size_t)n, "%c%02d:%02d",
                 m.tz == '-' && (m.tz_hour || m.tz_minute) ? '-' : '+', m.tz_hour,
                 m.tz_minute);
    struct str copy = arena_copy(a, str_of(iso));
    const ptl_value *v =
        copy.p ? typed_make(a, m.has_time ? TYPED_DATETIME : TYPED_DATE, copy) : NULL;
    return v && typed_is_valid(v, &why) ? v : NULL;
}

static const ptl_value *make_binary(struct arena *a, struct str text)
{
    struct str bytes = base64_decode(a, text);

    return bytes.p ? value_bytes(a, bytes) : NULL;
}

const ptl_value *yaml_scalar(struct arena *a, enum yaml_kind kind, struct str text)
{
    switch (kind) {
    case YAML_NULL:
        return value_null(a);
    case YAML_BOOL:
        return make_bool(a, text);
    case YAML_INT:
        return make_int(a, text);
    case YAML_FLOAT:
        return make_float(a, text);
    case YAML_TIMESTAMP:
        return make_timestamp(a, text);
    case YAML_BINARY:
        return make_binary(a, text);
    case YAML_STR: {
        struct str copy = arena_copy(a, text);
        return copy.p ? value_str(a, copy) : NULL;
    }
    case YAML_OTHER:
        break;
    }
    return NULL;
}
