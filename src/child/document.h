/* SPDX-License-Identifier: Apache-2.0 */
/* document - what the result backend keeps, in the form that the settings want, read
 * back in whatever form it is. */
#ifndef PETIOLE_DOCUMENT_H
#define PETIOLE_DOCUMENT_H

#include "../../protocol/result.h"
#include "node.h"

/* w is bad if it cannot be written. */
void document_write(struct wr *w, const struct node *n, const ptl_value *v);
/* The same from JSON. */
void document_store(struct wr *w, const struct node *n, struct str json);
void document_write_result(struct wr *w, const struct node *n, const struct result *r);
/* NULL if it is none. The bytes may go once it has returned. */
const ptl_value *document_read(struct arena *a, const struct node *n, struct str bytes);

#endif
