/* SPDX-License-Identifier: Apache-2.0 */
/* transcript - the text of one document as it arrives from the helper.
 *
 * The helper is not trusted: whatever bytes it sends, what is kept is valid UTF-8
 * without control characters, and never longer than `max`. For a paged document the
 * form feeds that end its pages become page marks, and pages without text leave none.
 */
#ifndef EXTRACT_TRANSCRIPT_H
#define EXTRACT_TRANSCRIPT_H

#include "text.h"

struct transcript {
    char *text; /* NUL-terminated once transcript_end has succeeded */
    size_t len, cap, max;
    bool paged;
    bool has_text;  /* something besides space was seen, in the whole document */
    uint32_t pages; /* ended so far, with or without text */

    /* Of the page that is being written. */
    size_t page_start; /* its mark begins here: an empty page is cut back to it */
    bool page_has_text;
    struct text_decoder decoder;
};

void transcript_init(struct transcript *t, bool paged, uint64_t max);
void transcript_finish(struct transcript *t); /* frees the text */

/* 0, -EFBIG beyond max, -ENOMEM. */
int transcript_add(struct transcript *t, const void *bytes, size_t n);
int transcript_end(struct transcript *t);

#endif
