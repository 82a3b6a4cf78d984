/* SPDX-License-Identifier: Apache-2.0 */
/* source - what a caller may hand over as a document: a path, a file:// URL, or
 * {"text": …, "name"?: …}. */
#ifndef DOCUMENTS_SOURCE_H
#define DOCUMENTS_SOURCE_H

#include "../../protocol/str.h"

#include <petiole/task.h>

struct source {
    const char *path; /* of a file, or NULL */
    struct str text;  /* else the text, valid UTF-8 */
    const char *name; /* of a text, or NULL; a plain file name */
};

/* The argument `source`; false with a failure flagged. */
bool source_of_argument(ptl_task *t, struct source *s);
/* A path out of "/a/b" or "file:///a/b"; NULL with a failure flagged. */
const char *source_path(ptl_task *t, const char *path_or_url);
/* A str's contents with U+FFFD for lone surrogates, which UTF-8 cannot say. */
struct str source_text(ptl_task *t, const ptl_value *v);

#endif
