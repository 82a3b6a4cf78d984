/* SPDX-License-Identifier: Apache-2.0 */
#include "glob.h"

#include "../protocol/utf8.h"

/* Behind the bracket's end, or NULL if nobody closes it. p stands behind its `[`. */
static const char *bracket_end(const char *p, const char *end)
{
    if (p < end && *p == '!')
        p++;
    if (p < end && *p == ']')
        p++;
    const char *closing = p < end ? memchr(p, ']', (size_t)(end - p)) : NULL;
    return closing ? closing + 1 : NULL;
}

/* [p, end): what stands between the brackets. */
static bool bracket_has(const char *p, const char *end, uint32_t c)
{
    bool negated = *p == '!', found = false;
    p += negated;
    while (p < end) {
        uint32_t low = utf8_next(&p, end), high = low;
        if (end - p >= 2 && *p == '-') {
            p++;
            high = utf8_next(&p, end);
        }
        found |= low <= c && c <= high;
    }
    return found != negated;
}

/* Whether the pattern's piece at *p, which is no star, takes c; *p moves behind it. */
static bool takes(const char **p, const char *end, uint32_t c)
{
    uint32_t piece = utf8_next(p, end);
    const char *behind = piece == '[' ? bracket_end(*p, end) : NULL;
    if (!behind)
        return piece == '?' || piece == c;
    bool has = bracket_has(*p, behind - 1, c);
    *p = behind;
    return has;
}

bool glob_matches(struct str pattern, struct str name)
{
    const char *p = pattern.p, *pend = p + pattern.n;
    const char *t = name.p, *tend = t + name.n;
    const char *star = NULL, *star_t = NULL; /* behind the last star, and what it met */
    while (t < tend) {
        if (p < pend && *p == '*') {
            star = ++p;
            star_t = t;
            continue;
        }
        if (p < pend && takes(&p, pend, utf8_next(&t, tend)))
            continue;
        if (!star)
            return false;
        /* That star takes one more. An earlier one never needs to. */
        utf8_next(&star_t, tend);
        p = star;
        t = star_t;
    }
    while (p < pend && *p == '*')
        p++;
    return p == pend;
}
