/* SPDX-License-Identifier: Apache-2.0 */
/* characters - walking valid UTF-8 by code points, as Python indexes text. */
#ifndef DOCUMENTS_CHARACTERS_H
#define DOCUMENTS_CHARACTERS_H

#include "../../protocol/str.h"

#include <stdint.h>

static inline bool character_begins(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

/* How many characters begin in the bytes. */
size_t characters_count(struct str text);
/* The byte `count` characters behind byte `at`, at most the end. */
size_t characters_forward(struct str text, size_t at, size_t count);
/* The byte `count` characters before byte `at`, at least 0. */
size_t characters_back(struct str text, size_t at, size_t count);
/* len(text.split()) */
size_t words_count(struct str text);

#endif
