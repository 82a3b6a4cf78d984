/* SPDX-License-Identifier: Apache-2.0 */
/* language - Italian, English or unknown, by the beginnings of the first chunks. */
#ifndef DOCUMENTS_LANGUAGE_H
#define DOCUMENTS_LANGUAGE_H

#include "chunk.h"

/* "it", "en" or "unknown" */
const char *language_of(struct str text, const struct chunk_list *chunks);

#endif
