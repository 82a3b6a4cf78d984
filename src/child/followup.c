/* SPDX-License-Identifier: Apache-2.0 */
#include "followup.h"

#include "apply.h"
#include "part.h"

#define OPTIONS 4

static const ptl_value *embedded(const struct ptl_task *t, const char *name)
{
    const ptl_value *v = value_get(t->body.embed, name);

    return value_truth(v) ? v : NULL;
}

bool followup_is_awaited(const struct ptl_task *t)
{
    return message_has_workflow(&t->body);
}

/* ---- Values --------------------------------------------------------------------- */

static ptl_value *list_of_one(struct ptl_task *t, const ptl_value *v)
{
    ptl_value *list = value_list(t->arena, 1);

    return list && value_list_add(t->arena, list, v) ? list : task_fail_memory(t);
}

/* An unnamed group, as `group(signatures)` makes one. */
static const ptl_value *group_of(struct ptl_task *t, const ptl_value *signatures)
{
    struct arena *a = t->arena;
    ptl_value *sig = value_map(a, 6), *kwargs = value_map(a, 1);
    bool ok = value_map_set(a, kwargs, STR("tasks"), signatures) &&
              value_map_set(a, sig, STR("task"), value_str(a, STR("celery.group"))) &&
              value_map_set(a, sig, STR("args"), value_list(a, 0)) &&
              value_map_set(a, sig, STR("kwargs"), kwargs) &&
              value_map_set(a, sig, STR("options"), value_map(a, 0)) &&
              value_map_set(a, sig, STR("subtask_type"), value_str(a, STR("group"))) &&
              value_map_set(a, sig, STR("immutable"), value_bool(a, false));

    return ok ? sig : task_fail_memory(t);
}

/* The last of a chain is the next; these are those behind it. They share its items. */
static const ptl_value *all_but_last(struct ptl_task *t, const ptl_value *chain)
{
    ptl_value *rest = value_list(t->arena, 0);

    if (!rest)
        return task_fail_memory(t);
    rest->u.list.items = chain->u.list.items;
    rest->u.list.n = rest->u.list.cap = value_len(chain) - 1;
    return rest;
}

static ptl_value *family(struct ptl_task *t, struct str parent_id, struct str root_id)
{
    ptl_value *options = value_map(t->arena, OPTIONS);
    bool ok =
        value_map_set(t->arena, options, STR("parent_id"),
                      value_str(t->arena, parent_id)) &&
        value_map_set(t->arena, options, STR("root_id"), value_str(t->arena, root_id));

    return ok ? options : task_fail_memory(t);
}

/* ---- Success -------------------------------------------------------------------- */

static ptl_value *success_options(struct ptl_task *t)
{
    ptl_value *options = family(t, t->message.id, str_of(ptl_root_id(t)));

    if (options && t->node->routes.inherit_priority &&
        !value_map_set(t->arena, options, STR("priority"),
                       value_int(t->arena, t->envelope.priority)))
        return task_fail_memory(t);
    return options;
}

static bool is_group(const ptl_value *sig)
{
    return str_is(value_as_str(value_get(sig, "subtask_type")), "group");
}

/* Groups are applied one by one, the others as one group. */
static bool call_several(struct ptl_task *t, const ptl_value *callbacks,
                         const ptl_value *args, const ptl_value *options)
{
    ptl_value *plain = value_list(t->arena, value_len(callbacks));

    for (size_t i = 0; plain && i < value_len(callbacks); i++) {
        const ptl_value *sig = value_at(callbacks, i);

        if (!is_group(sig))
            value_list_add(t->arena, plain, sig);
        else if (!apply_signature(t, sig, args, options))
            return false;
    }
    if (!plain)
        return task_fail_memory(t);
    return !value_len(plain) || apply_signature(t, group_of(t, plain), args, options);
}

static bool call_back(struct ptl_task *t, const ptl_value *args,
                      const ptl_value *options)
{
    const ptl_value *callbacks = embedded(t, "callbacks");

    if (!callbacks)
        return true;
    if (value_kind(callbacks) != PTL_LIST)
        return apply_signature(t, callbacks, args, options);
    if (value_len(callbacks) == 1)
        return apply_signature(t, value_at(callbacks, 0), args, options);
    return call_several(t, callbacks, args, options);
}

static bool call_next(struct ptl_task *t, const ptl_value *args, ptl_value *options)
{
    const ptl_value *chain = embedded(t, "chain");

    if (!chain)
        return true;
    if (value_kind(chain) != PTL_LIST)
        return task_fail(t, "TypeError", "the chain of the message is not a list");
    return value_map_set(t->arena, options, STR("chain"), all_but_last(t, chain)) &&
           apply_signature(t, value_at(chain, value_len(chain) - 1), args, options);
}

static bool return_part(struct ptl_task *t, const ptl_value *result)
{
    return !embedded(t, "chord") || part_return_own(t, "SUCCESS", result, NULL);
}

bool followup_success(struct ptl_task *t, const ptl_value *result)
{
    static const ptl_value none = {.kind = PTL_NULL};
    struct attempt a = attempt_begin(t);
    const ptl_value *args = list_of_one(t, result ? result : &none);
    ptl_value *options = args ? success_options(t) : NULL;

    if (!options || !call_back(t, args, options) || !call_next(t, args, options) ||
        !return_part(t, result))
        task_fail_memory(t); /* unless the reason is flagged already */
    if (attempt_end(t, &a))
        return true;
    t->flag = a.flag;
    return false;
}

void followup_success_late(struct ptl_task *t, const ptl_value *result)
{
    struct attempt a;

    if (followup_success(t, result))
        return;
    ptl_log(t, PTL_ERROR, "cannot call what follows it: %s: " STR_FMT, t->flag.kind,
            STR_ARG(t->flag.text));
    t->flag = (struct flag){.outcome = 0};
    a = attempt_begin(t);
    return_part(t, result);
    attempt_end(t, &a);
}

/* ---- Failure -------------------------------------------------------------------- */

void followup_errbacks(struct ptl_task *t, const ptl_value *errbacks, struct str id,
                       struct str root_id)
{
    struct attempt a = attempt_begin(t);
    const ptl_value *list =
        value_kind(errbacks) == PTL_LIST ? errbacks : list_of_one(t, errbacks);
    const ptl_value *group = list ? group_of(t, list) : NULL;
    const ptl_value *args = list_of_one(t, value_str(t->arena, id));
    const ptl_value *options = family(t, id, root_id);
    bool trail_was_off = t->trail_is_off;

    t->trail_is_off = true; /* the result is stored by then */
    if (group && args && options)
        apply_signature(t, group, args, options);
    t->trail_is_off = trail_was_off;
    if (!attempt_end(t, &a))
        ptl_log(t, PTL_ERROR, "cannot send its errbacks: %s: " STR_FMT, a.flag.kind,
                STR_ARG(a.flag.text));
}

static void own_part(struct ptl_task *t, const struct ending *e)
{
    struct attempt a = attempt_begin(t);

    part_return_own(t, e->state, NULL, e->error);
    if (!attempt_end(t, &a))
        ptl_log(t, PTL_ERROR, "cannot return its part of a chord: " STR_FMT,
                STR_ARG(a.flag.text));
}

void followup_failure(struct ptl_task *t, const struct ending *e)
{
    const ptl_value *errbacks = embedded(t, "errbacks");

    if (embedded(t, "chord"))
        own_part(t, e);
    followup_end_chain(t, embedded(t, "chain"), e);
    if (errbacks && strcmp(e->state, "FAILURE") == 0)
        followup_errbacks(t, errbacks, t->message.id, str_of(ptl_root_id(t)));
}
