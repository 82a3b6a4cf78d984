/* SPDX-License-Identifier: Apache-2.0 */
/* value - makers and readers; maps are in value_map.c. */
#include "value.h"

static ptl_value *make(struct arena *a, ptl_kind kind)
{
    ptl_value *v = arena_alloc(a, sizeof(*v));

    if (v)
        *v = (ptl_value){.kind = kind};
    return v;
}

ptl_value *value_null(struct arena *a)
{
    return make(a, PTL_NULL);
}

ptl_value *value_bool(struct arena *a, bool b)
{
    ptl_value *v = make(a, PTL_BOOL);

    if (v)
        v->u.b = b;
    return v;
}

ptl_value *value_int(struct arena *a, int64_t i)
{
    ptl_value *v = make(a, PTL_INT);

    if (v)
        v->u.i = i;
    return v;
}

ptl_value *value_float(struct arena *a, double d)
{
    ptl_value *v = make(a, PTL_FLOAT);

    if (v)
        v->u.d = d;
    return v;
}

static ptl_value *make_text(struct arena *a, ptl_kind kind, struct str s)
{
    ptl_value *v = make(a, kind);

    if (v)
        v->u.s = s.p ? s : STR("");
    return v;
}

ptl_value *value_str(struct arena *a, struct str s)
{
    return make_text(a, PTL_STR, s);
}

ptl_value *value_text(struct arena *a, const char *text)
{
    struct str copy = arena_copy(a, str_of(text));

    return copy.p ? value_str(a, copy) : NULL;
}

ptl_value *value_bytes(struct arena *a, struct str s)
{
    return make_text(a, PTL_BYTES, s);
}

static bool reserve_items(struct arena *a, ptl_value *list, size_t cap)
{
    if (cap > SIZE_MAX / sizeof(ptl_value *)) {
        a->failed = true;
        return false;
    }
    const ptl_value **items = arena_alloc(a, cap * sizeof(*items));
    if (!items)
        return false;
    if (list->u.list.n)
        memcpy(items, list->u.list.items, list->u.list.n * sizeof(*items));
    list->u.list.items = items;
    list->u.list.cap = cap;
    return true;
}

ptl_value *value_list(struct arena *a, size_t room)
{
    ptl_value *v = make(a, PTL_LIST);

    return v && (!room || reserve_items(a, v, room)) ? v : NULL;
}

bool value_list_add(struct arena *a, ptl_value *list, const ptl_value *v)
{
    if (value_kind(list) != PTL_LIST || !v)
        return false;
    size_t cap = list->u.list.cap;
    if (list->u.list.n == cap && !reserve_items(a, list, cap ? cap * 2 : 4))
        return false;
    list->u.list.items[list->u.list.n++] = v;
    return true;
}

const ptl_value *value_at(const ptl_value *list, size_t index)
{
    if (value_kind(list) != PTL_LIST || index >= list->u.list.n)
        return NULL;
    return list->u.list.items[index];
}

size_t value_len(const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_STR:
    case PTL_BYTES:
        return v->u.s.n;
    case PTL_LIST:
        return v->u.list.n;
    case PTL_MAP:
        return v->u.map.n;
    default:
        return 0;
    }
}

struct str value_as_str(const ptl_value *v)
{
    return value_kind(v) == PTL_STR ? v->u.s : (struct str){NULL, 0};
}

int64_t value_as_int(const ptl_value *v, int64_t otherwise)
{
    return value_kind(v) == PTL_INT ? v->u.i : otherwise;
}

bool value_truth(const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_NULL:
        return false;
    case PTL_BOOL:
        return v->u.b;
    case PTL_INT:
        return v->u.i != 0;
    case PTL_BIGINT:
        return true; /* beyond 64 bits, so not zero */
    case PTL_FLOAT:
        return v->u.d != 0;
    default:
        return value_len(v) > 0;
    }
}
