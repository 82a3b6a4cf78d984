/* SPDX-License-Identifier: Apache-2.0 */
/* page - the marks that text extraction leaves where a page begins, and the titles of
 * chunks. */
#ifndef DOCUMENTS_PAGE_H
#define DOCUMENTS_PAGE_H

#include "chunk.h"

/* The place of the first mark "\n## Pagina N\n" at or behind byte `from`, else the end
 * of the text. The mark's first line end is part of it. */
size_t page_mark_after(struct str text, size_t from);

/* Asked for chunks in the order of the text, tells each one's page: the one it begins
 * on, or the first that begins in it; 0 if there are none. */
struct page_finder {
    struct str text;
    size_t next;   /* the next mark's place */
    uint32_t page; /* of the last mark before */
};
struct page_finder page_finder_of(struct str text);
uint32_t page_of_chunk(struct page_finder *f, const struct chunk *c);

/* The first line that begins with "##", or has fewer than 100 characters and no full
 * stop at its end; without marks and space around it. Empty if there is none. */
struct str title_of_chunk(struct str chunk);

#endif
