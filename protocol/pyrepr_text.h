/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr_text - text in repr(). Used by pyrepr and pyrepr_cut only. */
#ifndef PROTOCOL_PYREPR_TEXT_H
#define PROTOCOL_PYREPR_TEXT_H

#include "pyrepr.h"

/* One code point as it is if it is printable (str.isprintable), else escaped. */
void pyrepr_put_code(struct wr *w, uint32_t code);
/* Text and bytes with quotes, as repr() prints them. */
void pyrepr_put_str(struct wr *w, struct str s);
void pyrepr_put_bytes(struct wr *w, struct str s);
/* What holds no other values: None, True, numbers. */
void pyrepr_put_plain(struct wr *w, const ptl_value *v);

#endif
