/* SPDX-License-Identifier: Apache-2.0 */
/* table - the tasks this worker can run, as its first child reported them. */
#ifndef PETIOLE_TABLE_H
#define PETIOLE_TABLE_H

#include "frame.h"

struct table {
    struct frame_row *rows; /* sorted by name; strings point into `text` */
    size_t n;
    char *text; /* the READY frame's rows, kept to compare later children with */
    size_t text_bytes;
};

/* False if the frame's rows do not add up or memory is out; *t is then empty. */
bool table_read(struct table *t, const struct frame_ready *ready);
void table_finish(struct table *t);
const struct frame_row *table_find(const struct table *t, struct str name);
/* A later child must offer exactly what the first one did. */
bool table_equals(const struct table *t, const struct frame_ready *ready);

#endif
