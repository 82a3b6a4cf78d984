/* SPDX-License-Identifier: Apache-2.0 */
/* utf8 - code points, strict UTF-8, and WTF-8: UTF-8 that may hold lone surrogates. */
#ifndef PROTOCOL_UTF8_H
#define PROTOCOL_UTF8_H

#include "str.h"

#include <stdint.h>

#define UTF8_BAD UINT32_MAX

/* The code point at *p, which is moved behind it; lone surrogates are taken. For bytes
 * that are none, UTF8_BAD and one byte further. p < end. */
uint32_t utf8_next(const char **p, const char *end);
/* Behind the longest valid piece of [p, end); surrogates are not valid. */
const char *utf8_skip_valid(const char *p, const char *end);
static inline bool utf8_valid(struct str s)
{
    return s.n == 0 || utf8_skip_valid(s.p, s.p + s.n) == s.p + s.n;
}
/* Writes one code point, a surrogate as its three bytes; returns the bytes, at most 4.
 */
size_t utf8_put(char *out, uint32_t code);

static inline bool utf8_is_surrogate(uint32_t code)
{
    return (code & 0xfffff800u) == 0xd800;
}

#endif
