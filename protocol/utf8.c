/* SPDX-License-Identifier: Apache-2.0 */
/* utf8 - the well-formed sequences of RFC 3629, and surrogates where they may stand. */
#include "utf8.h"

static bool continues(const char *p, const char *end, int n)
{
    if (end - p < n)
        return false;
    for (int i = 0; i < n; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

uint32_t utf8_next(const char **p, const char *end)
{
    const unsigned char *s = (const unsigned char *)*p;
    uint32_t code = *s, least;
    int more;

    (*p)++;
    if (code < 0x80)
        return code;
    if (code >= 0xc2 && code < 0xe0)
        more = 1, least = 0x80, code &= 0x1f;
    else if ((code & 0xf0) == 0xe0)
        more = 2, least = 0x800, code &= 0x0f;
    else if (code >= 0xf0 && code < 0xf5)
        more = 3, least = 0x10000, code &= 0x07;
    else
        return UTF8_BAD;
    if (!continues(*p, end, more))
        return UTF8_BAD;
    for (int i = 1; i <= more; i++)
        code = code << 6 | (s[i] & 0x3f);
    if (code < least || code > 0x10ffff)
        return UTF8_BAD;
    *p += more;
    return code;
}

const char *utf8_skip_valid(const char *p, const char *end)
{
    while (p < end) {
        const char *next = p;
        uint64_t word;
        if (end - p >= (ptrdiff_t)sizeof(word)) { /* eight of ASCII at once */
            memcpy(&word, p, sizeof(word));
            if (!(word & 0x8080808080808080u)) {
                p += sizeof(word);
                continue;
            }
        }
        uint32_t code = utf8_next(&next, end);
        if (code == UTF8_BAD || utf8_is_surrogate(code))
            break;
        p = next;
    }
    return p;
}

size_t utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
