/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <stddef.h>
#include <string.h>

#define FAR 99u

/* Levenshtein's distance, for names of at most 63 characters. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t n = strlen(b);
    if (n > 63)
        return FAR;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned above = row[j], best = diagonal + (*a != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[n];
}

struct nearest nearest_to(const char *name)
{
    return (struct nearest){.name = name, .least = FAR};
}

void nearest_try(struct nearest *n, const char *known)
{
    unsigned d = known ? distance(n->name, known) : FAR;
    if (d >= n->least)
        return;
    n->least = d;
    n->best = known;
}

const char *nearest_found(const struct nearest *n)
{
    return n->best && n->least <= strlen(n->name) / 3 + 1 ? n->best : NULL;
}
