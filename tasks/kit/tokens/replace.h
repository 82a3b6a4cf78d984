/* SPDX-License-Identifier: Apache-2.0 */
/* replace - bytes that should be UTF-8 but are not, read as Python's
 * bytes.decode("utf-8", "replace") reads them. */
#ifndef TOKENS_REPLACE_H
#define TOKENS_REPLACE_H

#include "../../../protocol/str.h"

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at p[0 .. n) takes, n being at least 1. If they are no
 * character, *valid is false and they are what one U+FFFD stands for: the longest
 * beginning of a character there, or one byte. */
size_t replace_next(const uint8_t *p, size_t n, bool *valid);

/* True if nothing would be replaced. */
bool replace_is_clean(struct str text);

/* A copy in which U+FFFD stands for whatever is no character; p is NULL if memory is
 * out. The caller frees p. */
struct str replace_broken(struct str text);

#endif
