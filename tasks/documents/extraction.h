/* SPDX-License-Identifier: Apache-2.0 */
/* extraction - the text of a document, or the exception that says why there is none. */
#ifndef DOCUMENTS_EXTRACTION_H
#define DOCUMENTS_EXTRACTION_H

#include "roots.h"

#include "../../protocol/str.h"

struct extracted {
    struct str text; /* valid UTF-8, not blank; lives as long as the task */
    uint32_t pages;  /* of a PDF, else 0 */
};

/* Runs the sandboxed helper; the format is the argument `format`, else the suffix's. */
bool extraction_of_file(ptl_task *t, const struct opened *file, struct extracted *out);
/* A text that came in the message, under the same limits. */
bool extraction_of_text(ptl_task *t, const char *name, struct str text,
                        struct extracted *out);

#endif
