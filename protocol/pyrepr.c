/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr - the whole repr(), with an explicit stack. */
#include "pyrepr.h"
#include "pyrepr_text.h"

#define DEPTH_MAX 1000 /* about Python's own; what is deeper prints as [...] */

/* Opens a list or map, or prints the whole of anything else. */
static bool open_or_put(struct wr *w, const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_STR:
        pyrepr_put_str(w, v->u.s);
        return false;
    case PTL_BYTES:
        pyrepr_put_bytes(w, v->u.s);
        return false;
    case PTL_LIST:
        wr_put(w, STR("["));
        return true;
    case PTL_MAP:
        wr_put(w, STR("{"));
        return true;
    default:
        pyrepr_put_plain(w, v);
        return false;
    }
}

/* The next child, its separator and key printed; NULL behind the last. */
static const ptl_value *next_child(struct wr *w, const ptl_value *v, size_t i)
{
    if (i == value_len(v)) {
        wr_put(w, v->kind == PTL_LIST ? STR("]") : STR("}"));
        return NULL;
    }
    if (i > 0)
        wr_put(w, STR(", "));
    if (v->kind == PTL_LIST)
        return v->u.list.items[i];
    pyrepr_put_str(w, v->u.map.pairs[i].key);
    wr_put(w, STR(": "));
    return v->u.map.pairs[i].value;
}

void pyrepr(struct wr *w, const ptl_value *v)
{
    struct {
        const ptl_value *v;
        size_t next;
    } stack[DEPTH_MAX];
    int depth = 0;

    while (!w->bad) {
        if (open_or_put(w, v)) {
            if (depth == DEPTH_MAX) {
                wr_put(w, v->kind == PTL_LIST ? STR("...]") : STR("...}"));
            } else {
                stack[depth].v = v;
                stack[depth++].next = 0;
            }
        }
        for (v = NULL; depth; depth--) {
            v = next_child(w, stack[depth - 1].v, stack[depth - 1].next++);
            if (v)
                break;
        }
        if (!depth)
            return;
    }
}
