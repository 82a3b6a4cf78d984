/* SPDX-License-Identifier: Apache-2.0 */
/* pieces - cl100k_base's split of text into the pieces that are encoded one by one.
 *
 * What tiktoken's pattern matches, alternative by alternative:
 *
 *     '(?i:[sdmt]|ll|ve|re)
 *     [^\r\n\p{L}\p{N}]?\p{L}+
 *     \p{N}{1,3}
 *      ?[^\s\p{L}\p{N}]+[\r\n]*
 *     \s+$  |  \s*[\r\n]  |  \s+(?!\S)  |  \s
 */
#ifndef TOKENS_PIECES_H
#define TOKENS_PIECES_H

#include <stddef.h>
#include <stdint.h>

/* The length of the piece that valid UTF-8 p[0 .. n) begins with; n is at least 1. */
size_t piece_next(const uint8_t *p, size_t n);

#endif
