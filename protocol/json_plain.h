/* SPDX-License-Identifier: Apache-2.0 */
/* json_plain - the bytes that stand for themselves in JSON: printable ASCII but quotes
 * and backslashes. Sixteen are looked at at once where the processor can. */
#ifndef PROTOCOL_JSON_PLAIN_H
#define PROTOCOL_JSON_PLAIN_H

#include <stdbool.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool json_is_plain(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 0x20 && u < 0x7f && u != '"' && u != '\\';
}

/* The first byte of [p, end) that is not plain. */
static inline const char *json_skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20), del = _mm_set1_epi8(0x7f);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Compared as signed bytes, those from 0x80 on are below the space, too. */
        __m128i control =
            _mm_or_si128(_mm_cmplt_epi8(v, space), _mm_cmpeq_epi8(v, del));
        __m128i syntax =
            _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        int stops = _mm_movemask_epi8(_mm_or_si128(control, syntax));
        if (stops)
            return p + __builtin_ctz((unsigned)stops);
    }
#endif
    while (p < end && json_is_plain(*p))
        p++;
    return p;
}

#endif
