/* SPDX-License-Identifier: Apache-2.0 */
#include "language.h"

#include "characters.h"

#include <stdint.h>

#define CHUNKS 5
#define CHARACTERS 100

static const char *const italian[] = {" il ",  " la ",  " di ",  " che ", " \u00e8 ",
                                      " per ", " una ", " del ", " alla "};
static const char *const english[] = {" the ", " of ",  " and ",  " to ",  " in ",
                                      " is ",  " for ", " that ", " with "};
enum { WORDS = sizeof(italian) / sizeof(italian[0]) };

/* Python's lower() as far as the words can tell: ASCII, and È. */
static void lower(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
        else if ((uint8_t)p[i] == 0xC3 && i + 1 < n && (uint8_t)p[i + 1] == 0x88)
            p[i + 1] = (char)0xA8;
}

static int count_present(const char *const words[], struct str sample)
{
    int count = 0;

    for (int i = 0; i < WORDS; i++)
        count += memmem(sample.p, sample.n, words[i], strlen(words[i])) != NULL;
    return count;
}

const char *language_of(struct str text, const struct chunk_list *chunks)
{
    char sample[CHUNKS * (CHARACTERS * 4 + 1)];
    size_t n = 0;

    for (size_t i = 0; i < chunks->n && i < CHUNKS; i++) {
        struct str chunk = chunk_str(text, &chunks->items[i]);
        size_t head = characters_forward(chunk, 0, CHARACTERS);
        if (i > 0)
            sample[n++] = ' ';
        memcpy(sample + n, chunk.p, head);
        n += head;
    }
    lower(sample, n);

    struct str s = {sample, n};
    int it = count_present(italian, s), en = count_present(english, s);
    if (it > en)
        return "it";
    return en > 0 ? "en" : "unknown";
}
