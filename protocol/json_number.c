/* SPDX-License-Identifier: Apache-2.0 */
/* json_number - floats as Python prints them, and their shortest decimals. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal: d.ddd × 10^exponent. */
struct decimal {
    char digits[20];
    int n, exponent;
};

/* printf writes d.ddde±xx, with whatever radix character the locale has. */
static void split(const char *text, struct decimal *out)
{
    const char *e = strchr(text, 'e');

    out->n = 0;
    for (const char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9')
            out->digits[out->n++] = *p;
    while (out->n > 1 && out->digits[out->n - 1] == '0')
        out->n--;
    out->exponent = atoi(e + 1);
}

static double decimal_value(const struct decimal *d)
{
    char text[48];

    snprintf(text, sizeof(text), "%.*se%d", d->n, d->digits, d->exponent - (d->n - 1));
    return strtod(text, NULL);
}

/* One more in the last of `precision` digits. */
static void next_up(struct decimal *d, int precision)
{
    while (d->n < precision)
        d->digits[d->n++] = '0';
    int i = d->n - 1;
    while (i >= 0 && d->digits[i] == '9')
        i--;
    if (i < 0) {
        *d = (struct decimal){.digits = "1", .n = 1, .exponent = d->exponent + 1};
        return;
    }
    d->digits[i]++;
    d->n = i + 1;
}

/* The shortest decimal that restores a positive float, and of those the nearest. */
static void shortest(double v, struct decimal *out)
{
    int exponent;
    /* The gap below a power of two is half the gap above it: there the nearest decimal
     * may miss where the next one up restores the value. */
    bool power_of_two = frexp(v, &exponent) == 0.5;

    for (int precision = exponent < -1021 ? 1 : 15; precision < 17; precision++) {
        char text[40];
        snprintf(text, sizeof(text), "%.*e", precision - 1, v);
        split(text, out);
        if (decimal_value(out) == v)
            return;
        if (power_of_two) {
            next_up(out, precision);
            if (decimal_value(out) == v)
                return;
        }
    }
    char text[40];
    snprintf(text, sizeof(text), "%.16e", v);
    split(text, out);
}

static size_t put(char *out, const char *text)
{
    size_t n = strlen(text);

    memcpy(out, text, n + 1);
    return n;
}

static size_t format_special(char out[32], double d, bool json)
{
    if (isnan(d))
        return put(out, json ? "NaN" : "nan");
    if (d > 0)
        return put(out, json ? "Infinity" : "inf");
    return put(out, json ? "-Infinity" : "-inf");
}

static char *put_zeros(char *p, int n)
{
    if (n > 0) {
        memset(p, '0', (size_t)n);
        p += n;
    }
    return p;
}

static char *put_digits(char *p, const char *digits, int n)
{
    memcpy(p, digits, (size_t)n);
    return p + n;
}

/* Python's format 'r': an exponent below 1e-4 and from 1e16 on, else a point. */
static char *put_decimal(char *p, const struct decimal *d)
{
    int point = d->exponent + 1; /* digits before the point */

    if (point <= -4 || point > 16) {
        *p++ = d->digits[0];
        if (d->n > 1) {
            *p++ = '.';
            p = put_digits(p, d->digits + 1, d->n - 1);
        }
        return p + sprintf(p, "e%c%02d", d->exponent < 0 ? '-' : '+', abs(d->exponent));
    }
    if (point <= 0) {
        p = put_digits(p, "0.", 2);
        p = put_zeros(p, -point);
        return put_digits(p, d->digits, d->n);
    }
    if (point >= d->n) {
        p = put_digits(p, d->digits, d->n);
        p = put_zeros(p, point - d->n);
        return put_digits(p, ".0", 2);
    }
    p = put_digits(p, d->digits, point);
    *p++ = '.';
    return put_digits(p, d->digits + point, d->n - point);
}

size_t json_format_float(char out[32], double d, bool json)
{
    struct decimal shortest_of = {.digits = "0", .n = 1};
    char *p = out;

    if (!isfinite(d))
        return format_special(out, d, json);
    if (signbit(d))
        *p++ = '-';
    if (d != 0)
        shortest(fabs(d), &shortest_of);
    p = put_decimal(p, &shortest_of);
    *p = '\0';
    return (size_t)(p - out);
}

double json_shorten_float(float f)
{
    if (!isfinite(f))
        return f;
    for (int precision = 1; precision <= 9; precision++) {
        char text[40];
        struct decimal d;
        snprintf(text, sizeof(text), "%.*e", precision - 1, (double)f);
        split(text, &d);
        double shorter = copysign(decimal_value(&d), f);
        if ((float)shorter == f)
            return shorter;
    }
    return f;
}
