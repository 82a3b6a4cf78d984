/* SPDX-License-Identifier: Apache-2.0 */
/* decimal - Raffaello Giulietti's Schubfach, "The Schubfach way to render doubles".
 *
 * A float is c × 2^q, and every number between its two neighbours' midpoints reads back
 * as it. With the right power of ten, the interval holds at most ten integers; of them
 * the one that ends in a zero is the shortest, else the nearest to the float wins. */
#include "decimal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_POWER (-292)

static const struct {
    uint64_t high, low;
} powers_of_ten[] = {
#include "pow10.inc"
};

__extension__ typedef unsigned __int128 wide;

/* floor(log2(10^e)), for |e| up to 1233 */
static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The scaled product, rounded to odd: its last bit tells whether anything was cut. */
static uint64_t scale(int power, uint64_t c)
{
    wide low = (wide)powers_of_ten[power - FIRST_POWER].low * c;
    wide product =
        (wide)powers_of_ten[power - FIRST_POWER].high * c + (uint64_t)(low >> 64);

    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

static struct decimal without_zeros(struct decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

/* `closer`: the float is a power of two, so that its lower neighbour is half as far. */
static struct decimal shortest(uint64_t c, int q, bool closer)
{
    bool even = c % 2 == 0; /* then the midpoints themselves read back as it, too */
    /* floor(log10(2^q)), or of three quarters of it */
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    int shift = q + floor_log2_pow10(-k) + 1;
    uint64_t lower = scale(-k, (4 * c - 2 + closer) << shift) + !even;
    uint64_t value = scale(-k, (4 * c) << shift); /* in quarters */
    uint64_t upper = scale(-k, (4 * c + 2) << shift) - !even;
    uint64_t s = value / 4;

    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above)
            return without_zeros((struct decimal){tens + above, k + 1});
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return without_zeros((struct decimal){s + above, k});
    uint64_t middle = 4 * s + 2;
    bool up = value > middle || (value == middle && s % 2);
    return without_zeros((struct decimal){s + up, k});
}

struct decimal decimal_of_double(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (!exponent)
        return shortest(fraction, -1074, false);
    return shortest(fraction | UINT64_C(1) << 52, exponent - 1075,
                    fraction == 0 && exponent > 1);
}

struct decimal decimal_of_float(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    uint32_t fraction = bits & ((1u << 23) - 1);
    int exponent = (int)(bits >> 23 & 0xff);
    if (!exponent)
        return shortest(fraction, -149, false);
    return shortest(fraction | 1u << 23, exponent - 150, fraction == 0 && exponent > 1);
}

double decimal_value(struct decimal d)
{
    /* Exact as doubles, so that one multiplication rounds once: William Clinger's fast
     * way, which nearly all numbers in documents can go. */
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char text[48];

    if (d.digits <= UINT64_C(1) << 53) {
        if (d.exponent >= 0 && d.exponent <= 22)
            return (double)d.digits * exact[d.exponent];
        if (d.exponent < 0 && d.exponent >= -22)
            return (double)d.digits / exact[-d.exponent];
    }
    /* No radix character, whose look depends on the locale. */
    snprintf(text, sizeof(text), "%llue%d", (unsigned long long)d.digits, d.exponent);
    return strtod(text, NULL);
}
