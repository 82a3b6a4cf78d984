/* SPDX-License-Identifier: Apache-2.0 */
/* bpe - one piece of text to tokens, as merging by rank would leave it, in linear time.
 *
 * Merging pair by pair is quadratic or, with a heap, keeps some 20 bytes for each byte
 * of a piece, and pieces can be as long as the text. This encoder goes left to right
 * instead. It rests on a property of byte-pair encoding: a row of tokens is the
 * encoding of its bytes exactly if each two neighbours are the encoding of theirs, and
 * every prefix of a text has exactly one possible last token. So it takes the longest
 * token that stands well with the one before, and steps back when none does; a place
 * it stepped back from is never a boundary again, which bounds the work. */
#ifndef TOKENS_BPE_H
#define TOKENS_BPE_H

#include "vocabulary.h"

/* What one call needs besides its output; grown as needed, kept between pieces. */
struct bpe_scratch {
    uint64_t *dead; /* one bit per place: no boundary here */
    size_t words;
    uint64_t steps; /* work done so far; for tests of linearity */
};

/* Appends the tokens of piece p[0 .. n), whose first byte is byte `at` of the text.
 * Returns 0 or -ENOMEM. */
int bpe_encode(const struct vocabulary *v, struct bpe_scratch *scratch,
               const uint8_t *p, size_t n, uint32_t at, struct token_list *out);
void bpe_scratch_finish(struct bpe_scratch *scratch);

/* True if encoding the two tokens' bytes together gives just these two. */
bool bpe_pair_stands(const struct vocabulary *v, uint32_t left, uint32_t right,
                     uint64_t *steps);

/* Room for `more` tokens behind those in the list; false if memory is out. */
bool token_list_reserve(struct token_list *list, size_t more);

#endif
