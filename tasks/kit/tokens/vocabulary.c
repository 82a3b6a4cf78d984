/* SPDX-License-Identifier: Apache-2.0 */
/* vocabulary - the three questions a byte-pair encoder asks its vocabulary. */
#include "vocabulary.h"

uint64_t vocabulary_checksum(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t h = n, word;

    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * VOCABULARY_MIX;
        h ^= h >> 32;
    }
    for (; n > 0; p++, n--)
        h = (h ^ *p) * VOCABULARY_MIX;
    return h;
}

uint32_t vocabulary_find(const struct vocabulary *v, const uint8_t *p, size_t n)
{
    if (n == 0 || n > VOCABULARY_MAX_TOKEN_BYTES)
        return VOCABULARY_NONE;

    uint64_t hash = vocabulary_hash(p, n);
    uint32_t check = (uint32_t)(hash >> 32);
    for (uint32_t i = (uint32_t)hash;; i++) {
        const struct vocabulary_slot *slot = &v->slots[i & v->slot_mask];
        if (slot->id == VOCABULARY_NONE)
            return VOCABULARY_NONE;
        if (slot->check == check && vocabulary_len(v, slot->id) == n &&
            memcmp(v->bytes + v->offsets[slot->id], p, n) == 0)
            return slot->id;
    }
}

/* How many bytes the token and the text have in common, and at *order which sorts
 * first: negative if the token does, or is a prefix of the text. */
static size_t common(const struct vocabulary *v, uint32_t id, const uint8_t *p,
                     size_t n, int *order)
{
    const uint8_t *token = v->bytes + v->offsets[id];
    size_t len = vocabulary_len(v, id), both = len < n ? len : n, i = 0;

    while (i < both && token[i] == p[i])
        i++;
    if (i < both)
        *order = token[i] < p[i] ? -1 : 1;
    else
        *order = len <= n ? -1 : 1;
    return i;
}

static bool sorts_before(const struct vocabulary *v, uint32_t place, uint64_t key,
                         const uint8_t *p, size_t n)
{
    int order;

    if (v->keys[place] != key)
        return v->keys[place] < key;
    common(v, v->sorted[place], p, n, &order);
    return order < 0;
}

/* Every prefix of the text sorts before it, and whatever sorts between a prefix and
 * the text begins with that prefix. So the last token before the text either is the
 * longest match or begins with it. */
uint32_t vocabulary_longest(const struct vocabulary *v, const uint8_t *p, size_t n)
{
    uint64_t key = vocabulary_key(p, n);
    uint32_t low = v->buckets[key >> 48], high = v->buckets[(key >> 48) + 1];
    int order;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sorts_before(v, middle, key, p, n))
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t id = v->sorted[low - 1];
    size_t shared = common(v, id, p, n, &order);
    while (vocabulary_len(v, id) > shared)
        id = v->shorter[id];
    return id;
}

uint32_t vocabulary_merge(const struct vocabulary *v, uint32_t left, uint32_t right)
{
    uint64_t hash = vocabulary_pair_hash(left, right);
    uint32_t check = (uint32_t)(hash >> 32);

    for (uint32_t i = (uint32_t)hash;; i++) {
        const struct vocabulary_slot *slot = &v->pairs[i & v->pair_mask];
        if (slot->id == VOCABULARY_NONE)
            return VOCABULARY_NONE;
        if (slot->check == check && v->splits[slot->id].left == left &&
            v->splits[slot->id].right == right)
            return slot->id;
    }
}
