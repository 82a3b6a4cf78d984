/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include <stdlib.h>

/* The second byte's range depends on the first: no overlong forms, no surrogates,
 * nothing above U+10FFFF. Returns the character's length, or 0. */
static size_t lead(uint8_t c, uint8_t *low, uint8_t *high)
{
    *low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    *high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF)
        return 3;
    return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

size_t replace_next(const uint8_t *p, size_t n, bool *valid)
{
    uint8_t low, high;
    size_t len = lead(p[0], &low, &high), i = 1;

    while (i < len && i < n && p[i] >= low && p[i] <= high) {
        low = 0x80;
        high = 0xBF;
        i++;
    }
    *valid = len > 0 && i == len;
    return i;
}

bool replace_is_clean(struct str text)
{
    const uint8_t *p = (const uint8_t *)text.p;
    uint64_t word;
    bool valid = true;

    for (size_t i = 0; i < text.n && valid;) {
        if (text.n - i >= 8 &&
            (memcpy(&word, p + i, 8), (word & 0x8080808080808080u) == 0))
            i += 8;
        else
            i += replace_next(p + i, text.n - i, &valid);
    }
    return valid;
}

struct str replace_broken(struct str text)
{
    const uint8_t *p = (const uint8_t *)text.p;
    char *copy = malloc(text.n * 3 + 1); /* each bad byte may become three */
    size_t len = 0;

    if (!copy)
        return (struct str){0};
    for (size_t i = 0, n; i < text.n; i += n) {
        bool valid;
        n = replace_next(p + i, text.n - i, &valid);
        memcpy(copy + len, valid ? text.p + i : "\xEF\xBF\xBD", valid ? n : 3);
        len += valid ? n : 3;
    }
    copy[len] = '\0';
    return (struct str){copy, len};
}
