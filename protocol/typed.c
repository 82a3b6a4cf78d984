/* SPDX-License-Identifier: Apache-2.0 */
/* typed - which values Python's constructors take. */
#include "typed.h"
#include "timestamp.h"

#define TEXT_MAX                                                                       \
    64 /* of a time: longer ones are cut fractions, and none is kombu's                \
        */

static const char *const names[] = {
    [TYPED_DATETIME] = "datetime", [TYPED_DATE] = "date", [TYPED_TIME] = "time",
    [TYPED_DECIMAL] = "decimal",   [TYPED_UUID] = "uuid",
};
#define KINDS (sizeof(names) / sizeof(names[0]))

enum typed_kind typed_kind_of(const ptl_value *v)
{
    struct str name = value_as_str(value_get(v, "__type__"));

    if (value_len(v) != 2 || !name.p || !value_get(v, "__value__"))
        return TYPED_NONE;
    for (size_t i = TYPED_DATETIME; i < KINDS; i++)
        if (str_is(name, names[i]))
            return (enum typed_kind)i;
    return TYPED_NONE;
}

struct str typed_text(const ptl_value *v)
{
    enum typed_kind kind = typed_kind_of(v);
    const ptl_value *value = value_get(v, "__value__");

    if (kind == TYPED_NONE)
        return (struct str){NULL, 0};
    return value_as_str(kind == TYPED_UUID ? value_get(value, "hex") : value);
}

/* ---- Times -------------------------------------------------------------------- */

/* A time of day is the time of a datetime in 1970. */
static bool time_us(struct str text, int64_t *us)
{
    char day[TEXT_MAX + 16] = "1970-01-01T";

    if (text.n == 0 || text.n > TEXT_MAX)
        return false;
    memcpy(day + 11, text.p, text.n);
    return timestamp_parse((struct str){day, 11 + text.n}, us);
}

bool typed_us(const ptl_value *v, int64_t *us)
{
    struct str text = typed_text(v);

    if (!text.p)
        return false;
    switch (typed_kind_of(v)) {
    case TYPED_DATETIME:
    case TYPED_DATE:
        return timestamp_parse(text, us);
    case TYPED_TIME:
        return time_us(text, us);
    default:
        return false;
    }
}

/* ---- Decimals ----------------------------------------------------------------- */

struct scanner {
    const char *p, *end;
};

static size_t skip_digits(struct scanner *s)
{
    size_t n = 0;

    for (; s->p < s->end; s->p++) {
        if (*s->p >= '0' && *s->p <= '9')
            n++;
        else if (*s->p != '_') /* Python passes them over, wherever they stand */
            break;
    }
    return n;
}

static bool skip(struct scanner *s, char c)
{
    if (s->p == s->end || (*s->p | 0x20) != (c | 0x20))
        return false;
    s->p++;
    return true;
}

static bool skip_word(struct scanner *s, const char *word)
{
    struct scanner behind = *s;

    for (; *word; word++)
        if (!skip(&behind, *word))
            return false;
    *s = behind;
    return true;
}

static void skip_sign(struct scanner *s)
{
    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
        s->p++;
}

static void strip(struct scanner *s)
{
    while (s->p < s->end && strchr(" \t\n\r\f\v", *s->p))
        s->p++;
    while (s->p < s->end && strchr(" \t\n\r\f\v", s->end[-1]))
        s->end--;
}

/* decimal's numeric-string: digits with a point and an exponent, or a special. */
static bool is_decimal(struct str text)
{
    struct scanner s = {text.p, text.p + text.n};

    if (text.n && memchr(text.p, 0, text.n))
        return false;
    strip(&s);
    skip_sign(&s);
    if (skip_word(&s, "infinity") || skip_word(&s, "inf"))
        return s.p == s.end;
    if (skip_word(&s, "snan") || skip_word(&s, "nan")) {
        skip_digits(&s);
        return s.p == s.end;
    }
    size_t digits = skip_digits(&s);
    if (s.p < s.end && *s.p == '.') {
        s.p++;
        digits += skip_digits(&s);
    }
    if (digits && skip(&s, 'e')) {
        skip_sign(&s);
        digits = skip_digits(&s);
    }
    return digits && s.p == s.end;
}

static bool is_number(const ptl_value *v)
{
    ptl_kind kind = value_kind(v);

    return kind == PTL_INT || kind == PTL_BIGINT || kind == PTL_FLOAT ||
           kind == PTL_BOOL;
}

/* ---- UUIDs -------------------------------------------------------------------- */

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* 32 digits; dashes and braces do not count. */
static bool is_uuid(const ptl_value *v)
{
    struct str hex = value_as_str(value_get(v, "hex"));
    size_t digits = 0;

    if (value_len(v) != 1 || !hex.p)
        return false;
    for (size_t i = 0; i < hex.n; i++) {
        if (is_hex_digit(hex.p[i]))
            digits++;
        else if (!strchr("-{}", hex.p[i]) || !hex.p[i])
            return false;
    }
    return digits == 32;
}

bool typed_is_valid(const ptl_value *v, const char **why)
{
    const ptl_value *value = value_get(v, "__value__");
    int64_t us;

    switch (typed_kind_of(v)) {
    case TYPED_DATETIME:
    case TYPED_DATE:
    case TYPED_TIME:
        *why = "Invalid isoformat string";
        return typed_us(v, &us);
    case TYPED_DECIMAL:
        *why = "Invalid decimal";
        return is_number(value) ||
               (value_kind(value) == PTL_STR && is_decimal(value->u.s));
    case TYPED_UUID:
        *why = "badly formed hexadecimal UUID string";
        return is_uuid(value);
    case TYPED_NONE:
        break;
    }
    *why = "Unsupported type";
    return false;
}

ptl_value *typed_make(struct arena *a, enum typed_kind kind, struct str text)
{
    ptl_value *map = value_map(a, 2), *value = value_str(a, text);

    if (map && value && kind == TYPED_UUID) {
        ptl_value *hex = value_map(a, 1);
        value = hex && value_map_set(a, hex, STR("hex"), value) ? hex : NULL;
    }
    bool ok =
        map && value &&
        value_map_set(a, map, STR("__type__"), value_str(a, str_of(names[kind]))) &&
        value_map_set(a, map, STR("__value__"), value);
    return ok ? map : NULL;
}
