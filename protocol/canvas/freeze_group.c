/* SPDX-License-Identifier: Apache-2.0 */
/* freeze_group - the members of a group, and of the groups in it, each by its own. */
#include "steps.h"

/* Members that wait, in the order of Celery's: those of a group in the group come next,
 * the last of them first. */
struct waiting {
    const ptl_value *sig;
    struct waiting *next;
};

ptl_value *group_over(struct canvas *c, ptl_value *tasks)
{
    ptl_value *kwargs = value_map(c->arena, 1);

    return canvas_put(c, kwargs, STR("tasks"), tasks)
               ? signature_make(c, STR("celery.group"), SIGNATURE_GROUP, NULL, kwargs,
                                NULL)
               : NULL;
}

static bool push(struct canvas *c, struct waiting **first, const ptl_value *sig)
{
    struct waiting *w = arena_alloc(c->arena, sizeof(*w));

    if (!w)
        return canvas_fault_memory(c);
    *w = (struct waiting){sig, *first};
    *first = w;
    return true;
}

static bool push_all(struct canvas *c, struct waiting **first, const ptl_value *group,
                     bool last_first)
{
    size_t n = signature_task_count(group);

    for (size_t i = 0; i < n; i++)
        if (!push(c, first, signature_task_at(group, last_first ? i : n - 1 - i)))
            return false;
    return true;
}

/* One member, frozen, behind those before it. */
static bool freeze_member(struct canvas *c, ptl_value *task, struct freezing *f,
                          ptl_value *members, struct canvas_result *result)
{
    struct canvas_result *member;

    f->group_index = value_int(c->arena, (int64_t)result->n);
    return canvas_add(c, members, task) && (member = canvas_freeze(c, task, f)) &&
           canvas_result_add(c, result, member);
}

static bool freeze_members(struct canvas *c, ptl_value *group, struct freezing *f,
                           struct canvas_result *result)
{
    ptl_value *members = value_list(c->arena, signature_task_count(group));
    struct waiting *first = NULL;

    if (!members)
        return canvas_fault_memory(c);
    if (!push_all(c, &first, group, false))
        return false;
    while (first) {
        ptl_value *task = signature_clone(c, first->sig, NULL);
        first = first->next;
        if (!task)
            return false;
        if (signature_type(task) == SIGNATURE_GROUP) {
            if (!push_all(c, &first, task, true))
                return false;
        } else if (!is_empty_chain(task) &&
                   !freeze_member(c, task, f, members, result)) {
            return false;
        }
    }
    return signature_set_kwarg(c, group, STR("tasks"), members);
}

/* What it has not, it gets, be it null; `*v` is then what it has. */
static bool set_default(struct canvas *c, ptl_value *sig, const char *key,
                        const ptl_value **v)
{
    const ptl_value *old = signature_option(sig, key);

    if (old)
        *v = old;
    else if (!*v)
        *v = value_null(c->arena);
    return old || signature_set_option(c, sig, str_of(key), *v);
}

static bool set_options(struct canvas *c, ptl_value *group, struct freezing *f)
{
    if (value_truth(f->group_id) &&
        !signature_set_option(c, group, STR("group_id"), f->group_id))
        return false;
    if (value_truth(f->chord) &&
        !signature_set_option(c, group, STR("chord"), f->chord))
        return false;
    if (!value_is_null(f->group_index) &&
        !signature_set_option(c, group, STR("group_index"), f->group_index))
        return false;
    return set_default(c, group, "root_id", &f->root_id) &&
           set_default(c, group, "parent_id", &f->parent_id);
}

struct canvas_result *freeze_group(struct canvas *c, ptl_value *group,
                                   const struct freezing *f)
{
    struct freezing of_member = *f;
    const ptl_value *id = canvas_given(signature_options(group), "task_id");
    struct canvas_result *result;

    if (!id) {
        id = value_str(c->arena, canvas_new_id(c));
        if (!signature_set_option(c, group, STR("task_id"), id))
            return NULL;
    }
    result = canvas_result_new(c, id);
    if (!result || !set_options(c, group, &of_member))
        return NULL;
    result->group = true;
    of_member.id = NULL;
    return freeze_members(c, group, &of_member, result) ? result : NULL;
}
