/* SPDX-License-Identifier: Apache-2.0 */
#include "builtin.h"

/* ---- What replaces a task by a group -------------------------------------------- */

/* As Python indexes a tuple. */
static const ptl_value *item_at(ptl_task *t, const ptl_value *args,
                                const ptl_value *index)
{
    const ptl_kind kind = value_kind(index);
    int64_t n = (int64_t)value_len(args);
    int64_t i = kind == PTL_BOOL ? ptl_bool(index) : value_as_int(index, 0);

    if (kind == PTL_BIGINT)
        return task_fail(t, "IndexError",
                         "cannot fit 'int' into an index-sized integer");
    if (kind != PTL_INT && kind != PTL_BOOL)
        return task_fail(t, "TypeError",
                         "tuple indices must be integers or slices, not %s",
                         task_type_name(index));
    i += i < 0 ? n : 0;
    if (i < 0 || i >= n)
        return task_fail(t, "IndexError", "tuple index out of range");
    return value_at(args, (size_t)i);
}

/* celery.accumulate(*args, index=None) */
static ptl_value *accumulate(ptl_task *t)
{
    const ptl_value *args = t->body.args;
    const ptl_value *index = value_get(t->body.kwargs, "index");

    return (ptl_value *)(value_is_null(index) ? args : item_at(t, args, index));
}

/* ---- What does nothing ----------------------------------------------------------- */

/* celery.chain: chains are sent by those who have them. */
static ptl_value *chain(ptl_task *t)
{
    return task_fail(t, "NotImplementedError", "chain is not a real task");
}

/* celery.backend_cleanup: a backend whose results expire by themselves has none. */
static ptl_value *backend_cleanup(ptl_task *t)
{
    return ptl_new_null(t);
}

/* celery.ping, of celery.contrib.testing */
static ptl_value *ping(ptl_task *t)
{
    return ptl_new_str(t, "pong");
}

/* ---- The table ------------------------------------------------------------------- */

static const ptl_def tasks[] = {
    {.name = "celery.accumulate",
     .params = "*",
     .run = accumulate,
     .summary = "its arguments, or the one at `index`"},
    {.name = "celery.backend_cleanup",
     .run = backend_cleanup,
     .summary = "nothing to do: results expire by themselves"},
    {.name = "celery.chain",
     .params = "*",
     .run = chain,
     .summary = "fails: a chain is no task"},
    {.name = "celery.chord",
     .params = "header body partial_args? interval? countdown? max_retries? eager? *",
     .run = builtin_chord,
     .summary = "applies a chord"},
    {.name = "celery.chord_unlock",
     .params = "group_id callback interval? max_retries? result? *",
     .run = builtin_chord_unlock,
     .summary = "joins a chord once its results are there",
     .max_retries = PTL_RETRY_FOREVER,
     .flags = PTL_IGNORE_RESULT},
    {.name = "celery.chunks",
     .params = "task it n",
     .run = builtin_chunks,
     .summary = "applies a task to items, `n` of them in each message"},
    {.name = "celery.group",
     .params = "tasks result group_id partial_args add_to_parent?",
     .run = builtin_group,
     .summary = "applies the members of a group"},
    {.name = "celery.map",
     .params = "task it",
     .run = builtin_map,
     .summary = "runs a task for each item"},
    {.name = "celery.ping", .run = ping, .summary = "\"pong\""},
    {.name = "celery.starmap",
     .params = "task it",
     .run = builtin_starmap,
     .summary = "runs a task with the arguments that each item is"},
};

static const ptl_module celery = {
    .abi = PTL_ABI,
    .def_size = sizeof(ptl_def),
    .name = "celery",
    .ndefs = sizeof(tasks) / sizeof(tasks[0]),
    .defs = tasks,
};

bool builtin_load(struct module_table *t, struct module_error *e)
{
    return module_add(t, &celery, "petiole itself", e);
}
