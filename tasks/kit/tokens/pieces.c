/* SPDX-License-Identifier: Apache-2.0 */
#include "pieces.h"

#include "classes.h"

#include <stdbool.h>

struct text {
    const uint8_t *p;
    size_t n;
};

/* The class of the character at i, and where the next one begins. */
static enum character_class look(struct text t, size_t i, size_t *next)
{
    uint32_t c = t.p[i];

    if (c < 0x80) {
        *next = i + 1;
    } else if (c < 0xE0) {
        c = (c & 0x1F) << 6 | (t.p[i + 1] & 0x3F);
        *next = i + 2;
    } else if (c < 0xF0) {
        c = (c & 0x0F) << 12 | (uint32_t)(t.p[i + 1] & 0x3F) << 6 | (t.p[i + 2] & 0x3F);
        *next = i + 3;
    } else {
        c = (c & 0x07) << 18 | (uint32_t)(t.p[i + 1] & 0x3F) << 12 |
            (uint32_t)(t.p[i + 2] & 0x3F) << 6 | (t.p[i + 3] & 0x3F);
        *next = i + 4;
    }
    return class_of(c);
}

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

/* Past the characters of one class that begin at i. */
static size_t skip(struct text t, size_t i, enum character_class class)
{
    size_t next;

    while (i < t.n && look(t, i, &next) == class)
        i = next;
    return i;
}

static size_t skip_line_ends(struct text t, size_t i)
{
    while (i < t.n && is_line_end(t.p[i]))
        i++;
    return i;
}

/* '(?i:[sdmt]|ll|ve|re), or 0. Without case, U+017F is an s. */
static size_t contraction(struct text t)
{
    if (t.n < 2)
        return 0;

    uint8_t a = t.p[1] | 0x20, b = t.n > 2 ? t.p[2] | 0x20 : 0;
    if (t.p[1] >= 0x80)
        return t.n > 2 && t.p[1] == 0xC5 && t.p[2] == 0xBF ? 3 : 0;
    if (a == 's' || a == 'd' || a == 'm' || a == 't')
        return 2;
    if ((a == 'l' && b == 'l') || ((a == 'v' || a == 'r') && b == 'e'))
        return 3;
    return 0;
}

/* Behind a character that is neither letter, number nor line end. */
static size_t letters_behind(struct text t, size_t first_end)
{
    size_t end = skip(t, first_end, CLASS_LETTER);
    return end > first_end ? end : 0;
}

/*  ?[^\s\p{L}\p{N}]+[\r\n]*, or 0. */
static size_t others(struct text t)
{
    size_t start = t.p[0] == ' ';
    size_t end = skip(t, start, CLASS_OTHER);
    return end > start ? skip_line_ends(t, end) : 0;
}

static size_t numbers(struct text t, size_t first_end)
{
    size_t end = first_end, next;

    for (int more = 2; more > 0 && end < t.n; more--, end = next)
        if (look(t, end, &next) != CLASS_NUMBER)
            break;
    return end;
}

/* \s+$ | \s*[\r\n] | \s+(?!\S) | \s */
static size_t spaces(struct text t, size_t first_end)
{
    size_t end = 0, last = 0, line_end = 0, next;

    while (end < t.n && look(t, end, &next) == CLASS_SPACE) {
        if (is_line_end(t.p[end]))
            line_end = next;
        last = end;
        end = next;
    }
    if (end == t.n)
        return end;
    if (line_end > 0)
        return line_end;
    return last > 0 ? last : first_end;
}

size_t piece_next(const uint8_t *p, size_t n)
{
    struct text t = {p, n};
    size_t first_end, len = 0;
    enum character_class class = look(t, 0, &first_end);

    if (class == CLASS_LETTER)
        return skip(t, first_end, CLASS_LETTER);
    if (class == CLASS_NUMBER)
        return numbers(t, first_end);
    if (p[0] == '\'')
        len = contraction(t);
    if (len == 0 && !is_line_end(p[0]))
        len = letters_behind(t, first_end);
    if (len == 0)
        len = others(t);
    return len > 0 ? len : spaces(t, first_end);
}
