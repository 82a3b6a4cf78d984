/* SPDX-License-Identifier: Apache-2.0 */
#include "bpe.h"

#include <errno.h>
#include <stdlib.h>

/* Undoes the merges on both sides of the boundary, latest first. Should two tokens
 * that meet there have a merge that comes before the one just undone, merging by rank
 * would have joined them, and the boundary would not exist. */
bool bpe_pair_stands(const struct vocabulary *v, uint32_t left, uint32_t right,
                     uint64_t *steps)
{
    uint32_t limit = VOCABULARY_NONE; /* merges from here on came after the boundary */

    for (;;) {
        ++*steps;
        uint32_t merged = vocabulary_merge(v, left, right);
        if (merged < limit)
            return false;

        /* Of equal ranks the left one is merged first, hence the + 1 on the right. */
        uint32_t left_inner = v->splits[left].right;
        uint32_t right_inner = v->splits[right].left;
        bool left_whole = left_inner == left, right_whole = right_inner == right;
        if (left_whole && right_whole)
            return true;
        if (right_whole || (!left_whole && left > right)) {
            limit = left;
            left = left_inner;
        } else {
            limit = right + 1;
            right = right_inner;
        }
    }
}

bool token_list_reserve(struct token_list *list, size_t more)
{
    if (list->cap - list->n >= more)
        return true;
    if (more > UINT32_MAX)
        return false;

    size_t cap = list->cap ? list->cap : 256;
    while (cap - list->n < more)
        cap *= 2;
    uint32_t *ids = realloc(list->ids, cap * sizeof(*ids));
    if (!ids)
        return false;
    list->ids = ids;
    uint32_t *ends = realloc(list->ends, cap * sizeof(*ends));
    if (!ends)
        return false;
    list->ends = ends;
    list->cap = cap;
    return true;
}

static bool scratch_clear(struct bpe_scratch *scratch, size_t places)
{
    size_t words = places / 64 + 1;

    if (words > scratch->words) {
        uint64_t *dead = realloc(scratch->dead, words * sizeof(*dead));
        if (!dead)
            return false;
        scratch->dead = dead;
        scratch->words = words;
    }
    memset(scratch->dead, 0, words * sizeof(*scratch->dead));
    return true;
}

static bool is_dead(const struct bpe_scratch *scratch, size_t place)
{
    return scratch->dead[place / 64] >> (place % 64) & 1;
}

/* The longest of `id` and its prefixes that may stand at `place` behind `before`. */
static uint32_t choose(const struct vocabulary *v, struct bpe_scratch *scratch,
                       size_t place, uint32_t before, uint32_t id)
{
    for (; id != VOCABULARY_NONE; id = v->shorter[id]) {
        scratch->steps++;
        if (is_dead(scratch, place + vocabulary_len(v, id)))
            continue;
        if (before == VOCABULARY_NONE ||
            bpe_pair_stands(v, before, id, &scratch->steps))
            return id;
    }
    return VOCABULARY_NONE;
}

int bpe_encode(const struct vocabulary *v, struct bpe_scratch *scratch,
               const uint8_t *p, size_t n, uint32_t at, struct token_list *out)
{
    size_t first = out->n, place = 0;
    uint32_t before = VOCABULARY_NONE;

    if (!scratch_clear(scratch, n))
        return -ENOMEM;
    uint32_t next = vocabulary_longest(v, p, n);
    while (place < n) {
        uint32_t id = choose(v, scratch, place, before, next);
        if (id != VOCABULARY_NONE) {
            if (!token_list_reserve(out, 1))
                return -ENOMEM;
            place += vocabulary_len(v, id);
            out->ids[out->n] = id;
            out->ends[out->n++] = at + (uint32_t)place;
            before = id;
            if (place < n)
                next = vocabulary_longest(v, p + place, n - place);
        } else {
            if (before == VOCABULARY_NONE)
                return -EINVAL; /* a vocabulary that is none: see vocabulary_open */
            scratch->dead[place / 64] |= (uint64_t)1 << (place % 64);
            next = before;
            place -= vocabulary_len(v, before);
            out->n--;
            before = out->n > first ? out->ids[out->n - 1] : VOCABULARY_NONE;
        }
    }
    return 0;
}

void bpe_scratch_finish(struct bpe_scratch *scratch)
{
    free(scratch->dead);
    *scratch = (struct bpe_scratch){0};
}
