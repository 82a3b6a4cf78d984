/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 - the upper half of a float, rounded to nearest, ties to even. */
#ifndef KIT_BF16_H
#define KIT_BF16_H

#include <stdint.h>
#include <string.h>

static inline uint16_t bf16_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float bf16_value(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

#endif
