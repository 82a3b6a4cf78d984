/* SPDX-License-Identifier: Apache-2.0 */
/* golden - the recorded texts, their word pieces and their vectors; and the model. */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include "../../../protocol/str.h"
#include "embedding.h"

#include <stdint.h>

struct golden_text {
    struct str text;
    uint32_t *ids;
    size_t n_ids;
    const float *vector;
};

struct golden {
    struct golden_text *texts;
    size_t n;
    float *vectors;
};

/* Both end the test program with a sentence if the recording is not as it should be. */
void golden_read(struct golden *g);
void golden_finish(struct golden *g);
/* A file of the recording, whole and NUL-terminated; the caller frees it. */
char *golden_file(const char *name, size_t *n);

/* The prepacked model that scripts/assets-model makes. Where it is absent, ends the
 * program as skipped, saying so. */
const char *model_or_skip(void);

#endif
