/* SPDX-License-Identifier: Apache-2.0 */
/* canvas - faults, limits, and values that are made or cannot be made. */
#include "../buf.h"
#include "signature.h"

#include <stdarg.h>
#include <stdio.h>

#define FAULT_BYTES 300

/* A fault is one line, whatever a name in it holds. */
static void flatten(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

bool canvas_fault(struct canvas *c, const char *kind, const char *fmt, ...)
{
    char text[FAULT_BYTES];
    va_list ap;

    if (c->fault_kind)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    flatten(text);
    struct str kept = arena_copy(c->arena, str_of(text));
    c->fault_kind = kind;
    c->fault = kept.p ? kept : STR("cannot apply a signature");
    return false;
}

bool canvas_fault_memory(struct canvas *c)
{
    return canvas_fault(
        c, "MemoryError",
        "cannot apply a signature: it needs more memory than a task may "
        "take");
}

bool canvas_count(struct canvas *c)
{
    if (!c->signatures_left)
        return canvas_fault(
            c, "ValueError",
            "cannot apply a signature: it holds too many others; send it "
            "in parts");
    c->signatures_left--;
    return true;
}

bool canvas_enter(struct canvas *c)
{
    if (c->depth >= CANVAS_DEPTH_MAX)
        return canvas_fault(c, "RecursionError",
                            "cannot apply a signature: too many stand in one another");
    if (!canvas_count(c))
        return false;
    c->depth++;
    return true;
}

void canvas_leave(struct canvas *c)
{
    c->depth--;
}

struct str canvas_new_id(struct canvas *c)
{
    char id[UUID_TEXT];

    c->hooks->new_id(c->ctx, id);
    struct str kept = arena_copy(c->arena, str_of(id));
    if (!kept.p)
        canvas_fault_memory(c);
    return kept;
}

bool canvas_put(struct canvas *c, ptl_value *map, struct str key, const ptl_value *v)
{
    return value_map_set(c->arena, map, key, v) || canvas_fault_memory(c);
}

bool canvas_add(struct canvas *c, ptl_value *list, const ptl_value *v)
{
    return value_list_add(c->arena, list, v) || canvas_fault_memory(c);
}

ptl_value *canvas_concat(struct canvas *c, const ptl_value *first,
                         const ptl_value *then)
{
    ptl_value *all = value_list(c->arena, value_len(first) + value_len(then));

    if (!all)
        canvas_fault_memory(c);
    for (size_t i = 0; all && i < value_len(first); i++)
        value_list_add(c->arena, all, value_at(first, i));
    for (size_t i = 0; all && i < value_len(then); i++)
        value_list_add(c->arena, all, value_at(then, i));
    return all;
}

ptl_value *canvas_copy_map(struct canvas *c, const ptl_value *map, size_t more)
{
    ptl_value *copy = value_map(c->arena, value_len(map) + more);

    for (size_t i = 0; copy && i < value_len(map); i++)
        if (!value_map_set(c->arena, copy, map->u.map.pairs[i].key,
                           map->u.map.pairs[i].value))
            copy = NULL;
    if (!copy)
        canvas_fault_memory(c);
    return copy;
}

bool canvas_put_all(struct canvas *c, ptl_value *map, const ptl_value *more)
{
    for (size_t i = 0; i < value_len(more); i++)
        if (!canvas_put(c, map, more->u.map.pairs[i].key, more->u.map.pairs[i].value))
            return false;
    return map || canvas_fault_memory(c);
}

ptl_value *canvas_without(struct canvas *c, const ptl_value *map,
                          const char *const *names)
{
    ptl_value *left = value_map(c->arena, value_len(map) + CANVAS_FROZEN);

    if (!left)
        canvas_fault_memory(c);
    for (size_t i = 0; left && i < value_len(map); i++) {
        const struct value_pair *pair = &map->u.map.pairs[i];
        const char *const *name = names;
        while (*name && !str_is(pair->key, *name))
            name++;
        if (!*name && !canvas_put(c, left, pair->key, pair->value))
            return NULL;
    }
    return left;
}

const ptl_value *canvas_given(const ptl_value *map, const char *key)
{
    const ptl_value *v = value_get(map, key);

    return value_is_null(v) ? NULL : v;
}

size_t canvas_list_len(const ptl_value *v)
{
    if (value_kind(v) == PTL_LIST)
        return value_len(v);
    return value_is_null(v) ? 0 : 1;
}

const ptl_value *canvas_list_at(const ptl_value *v, size_t index)
{
    return value_kind(v) == PTL_LIST ? value_at(v, index) : v;
}
