/* SPDX-License-Identifier: Apache-2.0 */
/* decimal - floats as the fewest decimal digits that restore them, and back. */
#ifndef PROTOCOL_DECIMAL_H
#define PROTOCOL_DECIMAL_H

#include <stdint.h>

/* digits × 10^exponent. digits has no trailing zeros, and at most 17 places. */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* Of a finite float greater than zero: of the shortest decimals that restore it, the
 * nearest. */
struct decimal decimal_of_double(double d);
struct decimal decimal_of_float(float f);
/* The double nearest to a decimal of any digits, as Python's float() has it. */
double decimal_value(struct decimal d);

#endif
