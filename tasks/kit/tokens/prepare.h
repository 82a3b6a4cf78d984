/* SPDX-License-Identifier: Apache-2.0 */
/* prepare - from tiktoken's vocabulary file, lines of "<base64 of the token> <rank>" in
 * the order of their ranks, to the prepared file that vocabulary_open maps. */
#ifndef TOKENS_PREPARE_H
#define TOKENS_PREPARE_H

#include <stddef.h>

/* Writes out_path under a temporary name first. On failure returns -errno with one line
 * in why. */
int vocabulary_prepare(const char *tiktoken_path, const char *out_path, char *why,
                       size_t why_size);

#endif
