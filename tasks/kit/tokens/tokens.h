/* SPDX-License-Identifier: Apache-2.0 */
/* tokens - cl100k_base, byte for byte as tiktoken encodes it (special tokens are plain
 * text). The vocabulary is one prepared file, mapped read-only. Any text takes time
 * linear in its length. */
#ifndef KIT_TOKENS_H
#define KIT_TOKENS_H

#include "../../../protocol/str.h"

#include <stddef.h>
#include <stdint.h>

struct vocabulary;

/* On failure returns -errno with one line in why. */
int vocabulary_open(struct vocabulary **out, const char *path, char *why,
                    size_t why_size);
void vocabulary_close(struct vocabulary *v);

struct token_list {
    uint32_t *ids;
    uint32_t *ends; /* ends[i]: the byte of the text behind token i */
    size_t n, cap;
};

/* Appends the tokens of text, which need not be valid UTF-8 (invalid bytes are
 * encoded as the replacement character would be by a Python caller's decode). Returns
 * 0 or -ENOMEM. The caller frees with token_list_finish. */
int tokens_encode(const struct vocabulary *v, struct str text, struct token_list *out);
void token_list_finish(struct token_list *list);

#endif
