/* SPDX-License-Identifier: Apache-2.0 */
/* celery.map and celery.starmap: another task of this worker, run here once for each
 * item. Should the other be one of the two again, then the depth of the message, which
 * its reader limits, limits this recursion. */
#include "builtin.h"

/* ---- What Python says of values -------------------------------------------------- */

static bool add(struct ptl_task *t, ptl_value *list, const ptl_value *item)
{
    if (list && item && value_list_add(t->arena, list, item))
        return true;
    task_fail_memory(t);
    return false;
}

static const ptl_value *keys_of(struct ptl_task *t, const ptl_value *map)
{
    ptl_value *keys = value_list(t->arena, value_len(map));

    for (size_t i = 0; i < value_len(map); i++)
        if (!add(t, keys, value_str(t->arena, map->u.map.pairs[i].key)))
            return NULL;
    return keys;
}

static size_t character_bytes(char first)
{
    const unsigned char c = (unsigned char)first;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static const ptl_value *characters_of(struct ptl_task *t, struct str s)
{
    ptl_value *list = value_list(t->arena, s.n);

    for (size_t at = 0, n; at < s.n; at += n) {
        n = character_bytes(s.p[at]);
        n = n < s.n - at ? n : s.n - at;
        struct str one = arena_copy(t->arena, (struct str){s.p + at, n});
        if (!add(t, list, one.p ? value_str(t->arena, one) : NULL))
            return NULL;
    }
    return list;
}

const ptl_value *builtin_items(struct ptl_task *t, const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_LIST:
        return v;
    case PTL_MAP:
        return keys_of(t, v);
    case PTL_STR:
        return characters_of(t, v->u.s);
    default:
        return task_fail(t, "TypeError", "'%s' object is not iterable",
                         task_type_name(v));
    }
}

/* ---- Which task ------------------------------------------------------------------ */

/* A signature, of which only the name counts, or a name. */
static const struct module_row *find_row(struct ptl_task *t, const ptl_value *task)
{
    const ptl_value *name =
        value_kind(task) == PTL_MAP ? value_get(task, "task") : task;
    const struct module_row *row = value_kind(name) == PTL_STR && t->table
                                       ? module_row(t->table, name->u.s)
                                       : NULL;

    if (row)
        return row;
    if (!name && value_kind(task) == PTL_MAP)
        return task_fail(t, "KeyError", "task");
    ptl_fail_with(t, "NotRegistered", name ? name : ptl_new_null(t), NULL);
    return NULL;
}

/* ---- The two tasks --------------------------------------------------------------- */

static const ptl_value *arguments(struct ptl_task *t, const struct module_row *row,
                                  const ptl_value *item, bool spread)
{
    const ptl_kind kind = value_kind(item);
    ptl_value *args;

    if (spread && (kind == PTL_LIST || kind == PTL_MAP || kind == PTL_STR))
        return builtin_items(t, item);
    if (spread)
        return task_fail(t, "TypeError",
                         STR_FMT "() argument after * must be an iterable, not %s",
                         STR_ARG(row->name), task_type_name(item));
    args = value_list(t->arena, 1);
    return add(t, args, item) ? args : NULL;
}

static ptl_value *run_each(ptl_task *t, bool spread)
{
    const struct module_row *row = find_row(t, ptl_arg_value(t, "task"));
    const ptl_value *items = row ? builtin_items(t, ptl_arg_value(t, "it")) : NULL;
    ptl_value *results = items ? value_list(t->arena, value_len(items)) : NULL;
    const ptl_value *none = value_map(t->arena, 0);

    if (!results || !none)
        return ptl_failed(t) ? NULL : task_fail_memory(t);
    for (size_t i = 0; i < value_len(items); i++) {
        const ptl_value *args = arguments(t, row, value_at(items, i), spread);
        const ptl_value *result = args ? builtin_call(t, row, args, none) : NULL;
        if (!result || !add(t, results, result))
            return NULL;
    }
    return results;
}

ptl_value *builtin_map(ptl_task *t)
{
    return run_each(t, false);
}

ptl_value *builtin_starmap(ptl_task *t)
{
    return run_each(t, true);
}
