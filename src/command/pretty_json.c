/* SPDX-License-Identifier: Apache-2.0 */
#include "pretty_json.h"

#include "../../protocol/json.h"

#include <stdlib.h>

static void put(struct wr *w, const ptl_value *v, int columns);

static void begin_line(struct wr *w, int columns)
{
    wr_printf(w, "\n%*s", columns, "");
}

static void put_items(struct wr *w, const ptl_value *v, int columns)
{
    for (size_t i = 0; i < value_len(v); i++) {
        wr_text(w, i ? "," : "");
        begin_line(w, columns + 4);
        put(w, value_at(v, i), columns + 4);
    }
}

/* UTF-8 sorts as its code points do. */
static int by_key(const void *a, const void *b)
{
    const struct value_pair *x = *(const struct value_pair *const *)a,
                            *y = *(const struct value_pair *const *)b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int c = n ? memcmp(x->key.p, y->key.p, n) : 0;
    return c ? c : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

static void put_pairs(struct wr *w, const ptl_value *v, int columns)
{
    size_t n = value_len(v);
    const struct value_pair **sorted = malloc((n + 1) * sizeof(*sorted));
    if (!sorted) {
        w->bad = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &v->u.map.pairs[i];
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (size_t i = 0; i < n; i++) {
        wr_text(w, i ? "," : "");
        begin_line(w, columns + 4);
        json_write_str(w, sorted[i]->key);
        wr_text(w, ": ");
        put(w, sorted[i]->value, columns + 4);
    }
    free(sorted);
}

static void put(struct wr *w, const ptl_value *v, int columns)
{
    bool is_map = value_kind(v) == PTL_MAP;
    if (!value_len(v) || !(is_map || value_kind(v) == PTL_LIST)) {
        json_write(w, v);
        return;
    }
    wr_text(w, is_map ? "{" : "[");
    if (is_map)
        put_pairs(w, v, columns);
    else
        put_items(w, v, columns);
    begin_line(w, columns);
    wr_text(w, is_map ? "}" : "]");
}

void pretty_json(struct wr *w, const ptl_value *v)
{
    put(w, v, 0);
}
