/* SPDX-License-Identifier: Apache-2.0 */
/* result_tuple - what is known of a result before there is one. */
#include "steps.h"

/* A chain of thousands hangs on its last result; readers follow a few. */
#define PARENTS_MAX 64u

struct canvas_result *canvas_result_new(struct canvas *c, const ptl_value *id)
{
    struct canvas_result *r = arena_zalloc(c->arena, sizeof(*r));

    if (!r || !id) {
        canvas_fault_memory(c);
        return NULL;
    }
    r->id = id;
    return r;
}

bool canvas_result_add(struct canvas *c, struct canvas_result *group,
                       struct canvas_result *member)
{
    /* Powers of two: room for more is needed when n is one. */
    if ((group->n & (group->n - 1)) == 0) {
        size_t room = group->n ? group->n * 2 : 1;
        struct canvas_result **members = arena_alloc(c->arena, room * sizeof(*members));
        if (!members)
            return canvas_fault_memory(c);
        if (group->n)
            memcpy(members, group->members, group->n * sizeof(*members));
        group->members = members;
    }
    group->members[group->n++] = member;
    return true;
}

static const ptl_value *tuple_at(struct canvas *c, const struct canvas_result *r,
                                 unsigned parents);

static const ptl_value *members_of(struct canvas *c, const struct canvas_result *r,
                                   unsigned parents)
{
    ptl_value *list;

    if (!r->group)
        return value_null(c->arena);
    list = value_list(c->arena, r->n);
    for (size_t i = 0; list && i < r->n; i++)
        if (!canvas_add(c, list, tuple_at(c, r->members[i], parents)))
            return NULL;
    return list;
}

static const ptl_value *tuple_at(struct canvas *c, const struct canvas_result *r,
                                 unsigned parents)
{
    ptl_value *pair = value_list(c->arena, 2), *tuple = value_list(c->arena, 2);
    const ptl_value *parent;

    if (r->parent && parents < PARENTS_MAX)
        parent = tuple_at(c, r->parent, parents + 1);
    else
        parent = value_null(c->arena);
    return canvas_add(c, pair, r->id) && canvas_add(c, pair, parent) &&
                   canvas_add(c, tuple, pair) &&
                   canvas_add(c, tuple, members_of(c, r, parents + 1))
               ? tuple
               : NULL;
}

const ptl_value *canvas_result_tuple(struct canvas *c, const struct canvas_result *r)
{
    return tuple_at(c, r, 0);
}
