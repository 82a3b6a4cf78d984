/* SPDX-License-Identifier: Apache-2.0 */
/* mapped - xmap and xstarmap are one task over many arguments, chunks a group of those.
 */
#include "steps.h"

/* Routed as the task it stands for. */
static struct canvas_result *apply_map(struct canvas *c, ptl_value *sig,
                                       const struct partial *with)
{
    const ptl_value *task = value_get(signature_kwargs(sig), "task");
    const ptl_value *route =
        value_kind(task) == PTL_MAP ? value_get(task, "task") : task;
    struct partial of_call = {.options = with->options};

    return apply_task(c, sig, &of_call, value_as_str(route));
}

/* celery.starmap(task, it[from … from + n)) */
static ptl_value *starmap_over(struct canvas *c, const ptl_value *task,
                               const ptl_value *it, size_t from, size_t n)
{
    ptl_value *part = value_list(c->arena, n), *kwargs = value_map(c->arena, 2), *sig;

    for (size_t i = from; part && i < from + n; i++)
        if (!canvas_add(c, part, value_at(it, i)))
            return NULL;
    if (!canvas_put(c, kwargs, STR("task"), task) ||
        !canvas_put(c, kwargs, STR("it"), part))
        return NULL;
    sig = signature_make(c, STR("celery.starmap"), SIGNATURE_TASK, NULL, kwargs, NULL);
    return sig && canvas_make_immutable(c, sig) ? sig : NULL;
}

static ptl_value *chunks_group(struct canvas *c, const ptl_value *kwargs, size_t n)
{
    const ptl_value *it = value_get(kwargs, "it");
    size_t len = value_len(it);
    ptl_value *parts = value_list(c->arena, len / n + 1);

    if (!parts)
        canvas_fault_memory(c);
    for (size_t from = 0; parts && from < len; from += n) {
        size_t of_part = n < len - from ? n : len - from;
        ptl_value *sig = starmap_over(c, value_get(kwargs, "task"), it, from, of_part);
        if (!sig || !canvas_count(c) || !canvas_add(c, parts, sig))
            return NULL;
    }
    return parts ? group_over(c, parts) : NULL;
}

static struct canvas_result *apply_chunks(struct canvas *c, ptl_value *sig,
                                          const struct partial *with)
{
    const ptl_value *kwargs = signature_kwargs(sig);
    int64_t n = value_as_int(value_get(kwargs, "n"), 0);
    ptl_value *group;

    if (n < 1) {
        canvas_fault(c, "ValueError", "cannot apply chunks: n is no positive number");
        return NULL;
    }
    group = chunks_group(c, kwargs, (size_t)n);
    return group ? apply_group(c, group, with) : NULL;
}

struct canvas_result *apply_mapped(struct canvas *c, enum signature_type type,
                                   ptl_value *sig, const struct partial *with)
{
    return type == SIGNATURE_CHUNKS ? apply_chunks(c, sig, with)
                                    : apply_map(c, sig, with);
}
