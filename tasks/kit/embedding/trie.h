/* SPDX-License-Identifier: Apache-2.0 */
/* trie - builds the vocabulary's double array (struct trie_slot) at conversion time. */
#ifndef KIT_TRIE_H
#define KIT_TRIE_H

#include "../../../protocol/str.h"
#include "model.h"

struct trie_word {
    struct str text;
    uint32_t id;
};

struct trie {
    struct trie_slot *slots;
    size_t n, cap;
    size_t first_free;
};

/* Sorts words. Returns 0, -ENOMEM, or -EINVAL if a word is there twice. The caller
 * frees with trie_finish, also on failure. */
int trie_build(struct trie *t, struct trie_word *words, size_t n);
void trie_finish(struct trie *t);
/* The slot behind the text, or TRIE_NONE. */
uint32_t trie_find(const struct trie *t, struct str text);

#endif
