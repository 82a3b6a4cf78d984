/* SPDX-License-Identifier: Apache-2.0 */
/* prepack - a model as it is published becomes the file that embedder_open maps. */
#ifndef KIT_PREPACK_H
#define KIT_PREPACK_H

#include <stddef.h>

/* `words` is a vocab.txt or a tokenizer.json. The result appears under its name whole
 * or not at all. On failure returns -errno with one line in why. */
int prepack_model(const char *safetensors, const char *words, const char *out,
                  char *why, size_t why_size);

#endif
