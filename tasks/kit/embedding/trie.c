/* SPDX-License-Identifier: Apache-2.0 */
#include "trie.h"

#include <errno.h>
#include <stdlib.h>

enum { TRIES = 256 };

static int by_text(const void *a, const void *b)
{
    struct str x = ((const struct trie_word *)a)->text;
    struct str y = ((const struct trie_word *)b)->text;
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

/* There are always 256 slots behind any base in use. */
static bool make_room(struct trie *t, size_t base)
{
    size_t wanted = base + 256;
    if (wanted > t->cap) {
        size_t cap = wanted * 2;
        struct trie_slot *slots = realloc(t->slots, cap * sizeof(*slots));
        if (!slots)
            return false;
        t->slots = slots;
        t->cap = cap;
    }
    for (; t->n < wanted; t->n++)
        t->slots[t->n] = (struct trie_slot){.parent = TRIE_NONE, .id = TRIE_NONE};
    return true;
}

static bool is_free(const struct trie *t, size_t slot)
{
    return slot != 0 && t->slots[slot].parent == TRIE_NONE;
}

/* The first base from which all of these bytes lead to free slots; 0 without memory. */
static size_t find_base(struct trie *t, const unsigned char *bytes, size_t n)
{
    while (t->first_free < t->n && !is_free(t, t->first_free))
        t->first_free++;
    size_t base = t->first_free > bytes[0] ? t->first_free - bytes[0] : 1;
    for (size_t tries = 0;; base++) {
        /* Holes that fit hardly anything are left behind: searching them for every
         * node would take seconds. */
        if (++tries % TRIES == 0)
            t->first_free = base + bytes[0];
        if (!make_room(t, base))
            return 0;
        size_t i = 0;
        while (i < n && is_free(t, base + bytes[i]))
            i++;
        if (i == n)
            return base;
    }
}

static unsigned char byte_at(const struct trie_word *word, size_t depth)
{
    return (unsigned char)word->text.p[depth];
}

/* words[0 .. n) are sorted and share their first `depth` bytes, which lead to slot. */
static int grow(struct trie *t, uint32_t slot, const struct trie_word *words, size_t n,
                size_t depth)
{
    unsigned char bytes[256];
    size_t starts[257], children = 0;
    if (n > 0 && words[0].text.n == depth) {
        t->slots[slot].id = words[0].id;
        words++, n--;
    }
    if (n == 0)
        return 0;
    if (words[0].text.n == depth)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || byte_at(&words[i], depth) != bytes[children - 1]) {
            starts[children] = i;
            bytes[children++] = byte_at(&words[i], depth);
        }
    }
    starts[children] = n;
    size_t base = find_base(t, bytes, children);
    if (base == 0)
        return -ENOMEM;
    t->slots[slot].base = (uint32_t)base;
    for (size_t i = 0; i < children; i++)
        t->slots[base + bytes[i]].parent = slot;
    for (size_t i = 0; i < children; i++) {
        int r = grow(t, (uint32_t)base + bytes[i], words + starts[i],
                     starts[i + 1] - starts[i], depth + 1);
        if (r < 0)
            return r;
    }
    return 0;
}

int trie_build(struct trie *t, struct trie_word *words, size_t n)
{
    *t = (struct trie){.first_free = 1};
    if (!make_room(t, 0))
        return -ENOMEM;
    qsort(words, n, sizeof(*words), by_text);
    return grow(t, 0, words, n, 0);
}

void trie_finish(struct trie *t)
{
    free(t->slots);
    *t = (struct trie){0};
}

uint32_t trie_find(const struct trie *t, struct str text)
{
    uint32_t slot = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint32_t next = t->slots[slot].base + (unsigned char)text.p[i];
        if (t->slots[next].parent != slot)
            return TRIE_NONE;
        slot = next;
    }
    return slot;
}
