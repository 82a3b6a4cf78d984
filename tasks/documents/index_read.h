/* SPDX-License-Identifier: Apache-2.0 */
/* index_read - a stored index back in memory; a file anybody may have written. */
#ifndef DOCUMENTS_INDEX_READ_H
#define DOCUMENTS_INDEX_READ_H

#include "../../protocol/str.h"

#include <petiole/task.h>

struct index {
    size_t n, dimension;
    const float *vectors;    /* n * dimension, any bit patterns */
    const ptl_value *chunks; /* a list of n maps */
    const ptl_value *starts; /* a list, or NULL */
};

/* Below documents.output_roots. The index lives as long as the task. False with a
 * failure flagged. */
bool index_read(ptl_task *t, const char *path, struct index *out);

/* Of chunk i: an empty text if the file has none; a start of -1 likewise. */
struct str index_text(const struct index *index, size_t i);
int64_t index_start(const struct index *index, size_t i);

#endif
