/* SPDX-License-Identifier: Apache-2.0 */
/* word_list - a BERT vocabulary: vocab.txt (a word a line, its number the id) or the
 * vocabulary inside of a tokenizer.json. */
#ifndef KIT_WORD_LIST_H
#define KIT_WORD_LIST_H

#include "trie.h"

struct json_object;

struct word_list {
    struct trie_word *words;
    size_t n;
    char *text; /* the words point into one of these */
    struct json_object *json;
};

enum { WORD_LIST_MAX = 1 << 20, WORD_BYTES_MAX = 255 };

/* On failure returns -errno with one line in why. */
int word_list_read(struct word_list *list, const char *path, char *why,
                   size_t why_size);
void word_list_finish(struct word_list *list);

#endif
