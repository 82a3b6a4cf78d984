/* SPDX-License-Identifier: Apache-2.0 */
/* reply - what a node said, as `celery inspect` prints it:
 *
 *     ->  w1@h1: OK              a list's items, Python's str() of each
 *         * {'id': '…', …}
 *     ->  w1@h1: ERROR           {"error": "unknown task"}
 *             unknown task
 *
 * What a node sends is not trusted: control characters are shown, not sent to the
 * terminal. */
#ifndef PETIOLE_REPLY_H
#define PETIOLE_REPLY_H

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

struct reply_style {
    bool colors;
    bool quiet;      /* no arrow */
    bool names_only; /* without what was replied, as `celery status` */
};

/* Lines with their ends. */
void reply_write(struct wr *w, const struct reply_style *style, struct str node,
                 const ptl_value *reply);
/* Python's str() of a value: text as it is, the rest by repr. */
void reply_write_str(struct wr *w, const ptl_value *v);

#endif
