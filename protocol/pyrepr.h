/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr - Python's repr() of a value, for log lines, argsrepr and error texts.
 *
 * Text goes out as Python's repr: quotes chosen as Python chooses them, printable
 * non-ASCII as it is, the rest escaped. */
#ifndef PROTOCOL_PYREPR_H
#define PROTOCOL_PYREPR_H

#include "buf.h"
#include "value.h"

void pyrepr(struct wr *w, const ptl_value *v);
/* Cut to about max_chars and three levels, with "..." for what is left out, as Celery's
 * saferepr prints argsrepr and results: text stands between single quotes and only they
 * are escaped in it. Unlike saferepr's, what is not printable is escaped too: this goes
 * into log lines. Work is bounded by what is printed, not by the size of the value. */
void pyrepr_cut(struct wr *w, const ptl_value *v, size_t max_chars);
/* A list printed as a tuple, as argsrepr is: (2, 3), (2,), (). */
void pyrepr_args(struct wr *w, const ptl_value *list, size_t max_chars);

#endif
