/* SPDX-License-Identifier: Apache-2.0 */
/* json_float - floats as Python's repr() and json.dumps() print them. */
#include "decimal.h"
#include "json.h"

#include <math.h>

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

/* The digits as text; returns how many. */
static int split_digits(uint64_t digits, char out[20])
{
    char reversed[20];
    int n = 0;

    do
        reversed[n++] = (char)('0' + digits % 10);
    while (digits /= 10);
    for (int i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
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

/* d.ddde±xx */
static char *put_scientific(char *p, const char *digits, int n, int exponent)
{
    *p++ = digits[0];
    if (n > 1) {
        *p++ = '.';
        p = put_digits(p, digits + 1, n - 1);
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    char places[20];
    int m = split_digits((uint64_t)(exponent < 0 ? -exponent : exponent), places);
    p = put_zeros(p, 2 - m);
    return put_digits(p, places, m);
}

/* Python's format 'r': scientific below 1e-4 and from 1e16 on, else with a point. */
static char *put_decimal(char *p, struct decimal d)
{
    char digits[20];
    int n = split_digits(d.digits, digits);
    int point = n + d.exponent; /* digits before the point */

    if (point <= -4 || point > 16)
        return put_scientific(p, digits, n, point - 1);
    if (point <= 0) {
        p = put_digits(p, "0.", 2);
        p = put_zeros(p, -point);
        return put_digits(p, digits, n);
    }
    if (point >= n) {
        p = put_digits(p, digits, n);
        p = put_zeros(p, point - n);
        return put_digits(p, ".0", 2);
    }
    p = put_digits(p, digits, point);
    *p++ = '.';
    return put_digits(p, digits + point, n - point);
}

size_t json_format_float(char out[32], double d, bool json)
{
    char *p = out;

    if (!isfinite(d))
        return format_special(out, d, json);
    if (signbit(d))
        *p++ = '-';
    p = d != 0 ? put_decimal(p, decimal_of_double(fabs(d))) : put_digits(p, "0.0", 3);
    *p = '\0';
    return (size_t)(p - out);
}

double json_shorten_float(float f)
{
    if (!isfinite(f) || f == 0)
        return f;
    return copysign(decimal_value(decimal_of_float(fabsf(f))), f);
}
