/* SPDX-License-Identifier: Apache-2.0 */
/* embed - texts to vectors within a task: cancelled with it, freed after it. */
#ifndef DOCUMENTS_EMBED_H
#define DOCUMENTS_EMBED_H

#include "../../protocol/str.h"

#include <petiole/task.h>

/* vectors[n][EMBEDDING_DIMENSION], or NULL with a failure flagged or the task
 * cancelled. `done` (may be NULL) is called, now and then, with how many texts are
 * finished. */
const float *embed_texts(ptl_task *t, const struct str *texts, size_t n,
                         void (*done)(void *ctx, size_t done), void *ctx);

#endif
