/* SPDX-License-Identifier: Apache-2.0 */
/* value_api - ptl_values as handlers read and make them. */
#include "../../protocol/json.h"
#include "../../protocol/value.h"
#include "task.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- Reading ------------------------------------------------------------------ */

ptl_kind ptl_kind_of(const ptl_value *v)
{
    return value_kind(v);
}

bool ptl_bool(const ptl_value *v)
{
    return value_kind(v) == PTL_BOOL && v->u.b;
}

int64_t ptl_int(const ptl_value *v)
{
    return value_as_int(v, 0);
}

double ptl_float(const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_FLOAT:
        return v->u.d;
    case PTL_INT:
        return (double)v->u.i;
    case PTL_BIGINT:
        return strtod(v->u.s.p, NULL);
    default:
        return 0;
    }
}

static bool has_text(const ptl_value *v)
{
    return value_kind(v) == PTL_STR || value_kind(v) == PTL_BYTES;
}

const char *ptl_str(const ptl_value *v, size_t *len)
{
    if (len)
        *len = has_text(v) ? v->u.s.n : 0;
    return has_text(v) ? v->u.s.p : NULL;
}

size_t ptl_len(const ptl_value *v)
{
    return value_len(v);
}

static const struct value_pair *pair_at(const ptl_value *map, size_t index)
{
    if (value_kind(map) != PTL_MAP || index >= map->u.map.n)
        return NULL;
    return &map->u.map.pairs[index];
}

const ptl_value *ptl_at(const ptl_value *list_or_map, size_t index)
{
    const struct value_pair *pair = pair_at(list_or_map, index);

    return pair ? pair->value : value_at(list_or_map, index);
}

const char *ptl_key_at(const ptl_value *map, size_t index, size_t *len)
{
    const struct value_pair *pair = pair_at(map, index);

    if (len)
        *len = pair ? pair->key.n : 0;
    return pair ? pair->key.p : NULL;
}

const ptl_value *ptl_get(const ptl_value *map, const char *key)
{
    return value_get(map, key);
}

/* ---- Making ------------------------------------------------------------------- */

static ptl_value *made(ptl_task *t, ptl_value *v)
{
    return v ? v : task_fail_memory(t);
}

ptl_value *ptl_new_null(ptl_task *t)
{
    return made(t, value_null(t->arena));
}

ptl_value *ptl_new_bool(ptl_task *t, bool b)
{
    return made(t, value_bool(t->arena, b));
}

ptl_value *ptl_new_int(ptl_task *t, int64_t i)
{
    return made(t, value_int(t->arena, i));
}

ptl_value *ptl_new_float(ptl_task *t, double d)
{
    return made(t, value_float(t->arena, d));
}

static ptl_value *not_utf8(ptl_task *t)
{
    return task_fail(t, "ValueError", "text made by %s is not UTF-8", ptl_task_name(t));
}

ptl_value *ptl_new_strn(ptl_task *t, const char *text, size_t len)
{
    struct str copy;

    if (!text)
        return ptl_new_null(t);
    if (!text_is_valid((struct str){text, len}))
        return not_utf8(t);
    copy = arena_copy(t->arena, (struct str){text, len});
    return copy.p ? made(t, value_str(t->arena, copy)) : task_fail_memory(t);
}

ptl_value *ptl_new_str(ptl_task *t, const char *text)
{
    return ptl_new_strn(t, text, text ? strlen(text) : 0);
}

ptl_value *ptl_new_strf(ptl_task *t, const char *fmt, ...)
{
    va_list ap;
    struct str s;

    va_start(ap, fmt);
    s = text_format(t->arena, SIZE_MAX, fmt, ap);
    va_end(ap);
    if (!text_is_valid(s))
        return not_utf8(t);
    return s.p ? made(t, value_str(t->arena, s)) : task_fail_memory(t);
}

ptl_value *ptl_new_bytes(ptl_task *t, const void *bytes, size_t len)
{
    struct str copy = arena_copy(t->arena, (struct str){bytes, len});

    return copy.p ? made(t, value_bytes(t->arena, copy)) : task_fail_memory(t);
}

ptl_value *ptl_new_list(ptl_task *t)
{
    return made(t, value_list(t->arena, 0));
}

ptl_value *ptl_new_list_of(ptl_task *t, ...)
{
    va_list ap;
    ptl_value *list;

    va_start(ap, t);
    list = task_list_of(t, ap);
    va_end(ap);
    return list;
}

ptl_value *task_list_of(struct ptl_task *t, va_list ap)
{
    ptl_value *list = ptl_new_list(t);
    const ptl_value *item;

    while (list && (item = va_arg(ap, const ptl_value *)))
        if (!value_list_add(t->arena, list, item))
            return task_fail_memory(t);
    return list;
}

/* One block for all numbers: a vector has hundreds of them. */
ptl_value *ptl_new_floats(ptl_task *t, const float *floats, size_t n)
{
    ptl_value *list = ptl_new_list(t);
    ptl_value *numbers = ptl_alloc(t, n * sizeof(*numbers));
    const ptl_value **items = ptl_alloc(t, n * sizeof(*items));

    if (!list || !numbers || !items)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (ptl_value){.kind = PTL_FLOAT};
        numbers[i].u.d = json_shorten_float(floats[i]);
        items[i] = &numbers[i];
    }
    list->u.list.items = items;
    list->u.list.n = list->u.list.cap = n;
    return list;
}

ptl_value *ptl_new_map(ptl_task *t, ...)
{
    ptl_value *map = made(t, value_map(t->arena, 0));
    const char *key;
    va_list ap;

    va_start(ap, t);
    while ((key = va_arg(ap, const char *)))
        ptl_map_set(t, map, key, va_arg(ap, const ptl_value *));
    va_end(ap);
    return map;
}

/* A NULL item is None: either it was meant so, or a failed maker has flagged why. */
static const ptl_value *item_or_null(ptl_task *t, const ptl_value *item)
{
    return item ? item : ptl_new_null(t);
}

void ptl_list_add(ptl_task *t, ptl_value *list, const ptl_value *item)
{
    if (value_kind(list) != PTL_LIST) {
        task_fail(t, "TypeError", "ptl_list_add() needs a list");
        return;
    }
    if (!value_list_add(t->arena, list, item_or_null(t, item)))
        task_fail_memory(t);
}

void ptl_map_set(ptl_task *t, ptl_value *map, const char *key, const ptl_value *value)
{
    struct str k = str_of(key);

    if (value_kind(map) != PTL_MAP || !text_is_valid(k)) {
        task_fail(t, "TypeError", "ptl_map_set() needs a map and a key that is text");
        return;
    }
    k = arena_copy(t->arena, k);
    if (!k.p || !value_map_set(t->arena, map, k, item_or_null(t, value)))
        task_fail_memory(t);
}
