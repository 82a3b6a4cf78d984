/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "../../protocol/utf8.h"

#include <stdio.h>

/* The next byte that is not text, or end; surrogates are text. */
static const char *first_bad(const char *p, const char *end)
{
    while ((p = utf8_skip_valid(p, end)) < end) {
        const char *next = p;

        if (utf8_next(&next, end) == UTF8_BAD)
            return p;
        p = next;
    }
    return end;
}

bool text_is_valid(struct str s)
{
    return s.n == 0 || first_bad(s.p, s.p + s.n) == s.p + s.n;
}

struct str text_format(struct arena *a, size_t max_bytes, const char *fmt, va_list ap)
{
    va_list again;
    int needed;
    size_t n;
    char *p;

    va_copy(again, ap);
    needed = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    n = needed < 0 ? 0 : (size_t)needed < max_bytes ? (size_t)needed : max_bytes;
    if (!(p = arena_alloc(a, n + 1)))
        return (struct str){NULL, 0};
    p[0] = '\0';
    vsnprintf(p, n + 1, fmt, ap);
    if (needed >= 0 && n < (size_t)needed && n >= 3)
        memcpy(p + n - 3, "...", 3);
    return (struct str){p, n};
}

void text_repair(struct str s)
{
    const char *end = s.p + s.n;

    for (char *bad = (char *)s.p; (bad = (char *)first_bad(bad, end)) < end;)
        *bad = '?';
}
