/* SPDX-License-Identifier: Apache-2.0 */
/* assets - model and vocabulary, opened at first use and kept for the process. The
 * files are mapped read-only, so the children of a worker share them. */
#ifndef DOCUMENTS_ASSETS_H
#define DOCUMENTS_ASSETS_H

#include "../kit/embedding/embedding.h"
#include "../kit/tokens/tokens.h"

#include <petiole/task.h>

#define ASSETS_MODEL_NAME "all-MiniLM-L6-v2"

/* What the module's init stores. */
struct assets {
    struct vocabulary *vocabulary;
    struct embedder *embedder;
    bool protection_was_told; /* what the sandbox lacks, once per process */
};

/* NULL with a failure flagged that says which file is missing and how to get it. */
const struct vocabulary *assets_vocabulary(ptl_task *t);
struct embedder *assets_embedder(ptl_task *t);

#endif
