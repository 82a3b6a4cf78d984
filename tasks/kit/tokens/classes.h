/* SPDX-License-Identifier: Apache-2.0 */
/* classes - the four kinds of characters that cl100k_base's pattern tells apart, as
 * tiktoken's regular expressions have them: token ids depend on the Unicode version. */
#ifndef TOKENS_CLASSES_H
#define TOKENS_CLASSES_H

#include <stdint.h>

enum character_class {
    CLASS_OTHER,
    CLASS_LETTER, /* \p{L} */
    CLASS_NUMBER, /* \p{N} */
    CLASS_SPACE,  /* \s */
};

/* Two stages: 256 code points share a block, two bits each. */
extern const uint8_t classes_block_of[0x110000 >> 8];
extern const uint8_t classes_blocks[][64];

static inline enum character_class class_of(uint32_t code_point)
{
    const uint8_t *block = classes_blocks[classes_block_of[code_point >> 8]];
    return block[(code_point & 255) >> 2] >> 2 * (code_point & 3) & 3;
}

#endif
