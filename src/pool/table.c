/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>

static int compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n ? memcmp(a.p, b.p, n) : 0; /* an empty one may be nowhere */
    return r ? r : (a.n > b.n) - (a.n < b.n);
}

static int compare_rows(const void *a, const void *b)
{
    return compare(((const struct frame_row *)a)->name,
                   ((const struct frame_row *)b)->name);
}

bool table_read(struct table *t, const struct frame_ready *ready)
{
    *t = (struct table){.text = malloc(ready->rows.left + 1),
                        .rows = calloc(ready->nrows + 1, sizeof(*t->rows)),
                        .text_bytes = ready->rows.left};
    if (!t->text || !t->rows) {
        table_finish(t);
        return false;
    }
    memcpy(t->text, ready->rows.p, ready->rows.left);
    struct rd rows = rd_of((struct str){t->text, t->text_bytes});
    for (; t->n < ready->nrows; t->n++)
        if (!frame_get_row(&rows, &t->rows[t->n])) {
            table_finish(t);
            return false;
        }
    qsort(t->rows, t->n, sizeof(*t->rows), compare_rows);
    return true;
}

void table_finish(struct table *t)
{
    free(t->rows);
    free(t->text);
    *t = (struct table){0};
}

const struct frame_row *table_find(const struct table *t, struct str name)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int r = compare(name, t->rows[middle].name);
        if (r == 0)
            return &t->rows[middle];
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool table_equals(const struct table *t, const struct frame_ready *ready)
{
    return ready->nrows == t->n && ready->rows.left == t->text_bytes &&
           memcmp(ready->rows.p, t->text, t->text_bytes) == 0;
}
