/* SPDX-License-Identifier: Apache-2.0 */
/* celery.chunks, celery.group and celery.chord: older producers sent them, newer ones
 * apply what these are given themselves. */
#include "apply.h"
#include "builtin.h"

/* A map of names and values, up to a NULL; values that are NULL are left out. */
__attribute__((sentinel)) static ptl_value *map_of(ptl_task *t, const char *name, ...)
{
    ptl_value *map = value_map(t->arena, 8);
    bool ok = map;
    va_list ap;

    va_start(ap, name);
    for (; name; name = va_arg(ap, const char *)) {
        const ptl_value *v = va_arg(ap, const ptl_value *);
        ok = ok && (!v || value_map_set(t->arena, map, str_of(name), v));
    }
    va_end(ap);
    return ok ? map : task_fail_memory(t);
}

static const ptl_value *apply(ptl_task *t, const char *type, const ptl_value *kwargs,
                              const ptl_value *args)
{
    const ptl_value *sig =
        kwargs ? map_of(t, "task", ptl_new_strf(t, "celery.%s", type), "args",
                        value_list(t->arena, 0), "kwargs", kwargs, "options",
                        value_map(t->arena, 0), "subtask_type", ptl_new_str(t, type),
                        "immutable", ptl_new_bool(t, false), NULL)
               : NULL;

    return sig ? apply_signature(t, sig, args, NULL) : NULL;
}

ptl_value *builtin_chunks(ptl_task *t)
{
    const ptl_value *n = ptl_arg_value(t, "n");
    const ptl_value *items = builtin_items(t, ptl_arg_value(t, "it"));

    if (items && (value_kind(n) != PTL_INT || ptl_int(n) < 1))
        return task_fail(
            t, "ValueError",
            "Stop argument for islice() must be None or an integer: 0 <= x "
            "<= sys.maxsize.");
    if (!items)
        return NULL;
    return (ptl_value *)apply(t, "chunks",
                              map_of(t, "task", ptl_arg_value(t, "task"), "it", items,
                                     "n", n, NULL),
                              NULL);
}

ptl_value *builtin_chord(ptl_task *t)
{
    const ptl_value *args = ptl_arg_value(t, "partial_args");

    return (ptl_value *)apply(t, "chord",
                              map_of(t, "header", ptl_arg_value(t, "header"), "body",
                                     ptl_arg_value(t, "body"), NULL),
                              value_is_null(args) ? NULL : args);
}

/* The group itself is what its task lists as sent, not its members. */
ptl_value *builtin_group(ptl_task *t)
{
    const ptl_value *tasks = builtin_items(t, ptl_arg_value(t, "tasks"));
    const ptl_value *args = ptl_arg_value(t, "partial_args");
    const ptl_value *result = ptl_arg_value(t, "result");
    const ptl_value *options =
        map_of(t, "group_id", ptl_arg_value(t, "group_id"), NULL);
    bool ok = tasks && options;

    t->trail_is_off = true;
    for (size_t i = 0; ok && i < value_len(tasks); i++)
        ok = apply_signature(t, value_at(tasks, i), value_is_null(args) ? NULL : args,
                             options);
    t->trail_is_off = false;
    if (!ok)
        return NULL;
    if (ptl_arg_bool_or(t, "add_to_parent", true))
        task_add_tuple(t, result);
    return (ptl_value *)result;
}
