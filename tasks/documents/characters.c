/* SPDX-License-Identifier: Apache-2.0 */
#include "characters.h"

#include "../kit/tokens/classes.h"

size_t characters_count(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.n; i++)
        count += character_begins(text.p[i]);
    return count;
}

size_t characters_forward(struct str text, size_t at, size_t count)
{
    for (; count > 0 && at < text.n; count--)
        do
            at++;
        while (at < text.n && !character_begins(text.p[at]));
    return at;
}

size_t characters_back(struct str text, size_t at, size_t count)
{
    for (; count > 0 && at > 0; count--)
        do
            at--;
        while (at > 0 && !character_begins(text.p[at]));
    return at;
}

static uint32_t decode(const uint8_t *p, size_t len)
{
    static const uint8_t lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = p[0] & lead_bits[len];

    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3F);
    return c;
}

/* str.isspace: what \s matches, and the four separators of ASCII. */
static bool is_space(uint32_t c)
{
    return class_of(c) == CLASS_SPACE || (c >= 0x1C && c <= 0x1F);
}

size_t words_count(struct str text)
{
    size_t words = 0;
    bool inside = false;

    for (size_t at = 0, next; at < text.n; at = next) {
        next = characters_forward(text, at, 1);
        size_t len = next - at <= 4 ? next - at : 1;
        bool space = is_space(decode((const uint8_t *)text.p + at, len));
        words += !space && !inside;
        inside = !space;
    }
    return words;
}
