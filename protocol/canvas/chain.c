/* SPDX-License-Identifier: Apache-2.0 */
/* chain - the first step is applied and carries the others in its message. */
#include "steps.h"

/* What running a chain takes for itself; all else is the first task's. */
static const char *const run_options[] = {"chord",   "group_id",   "group_index",
                                          "link",    "link_error", "parent_id",
                                          "root_id", "task_id",    NULL};

/* ---- Taking it apart ------------------------------------------------------------- */

ptl_value *chain_unchain(struct canvas *c, const ptl_value *chain)
{
    const ptl_value *links = signature_option(chain, "link");
    const ptl_value *errbacks = signature_option(chain, "link_error");
    size_t n = signature_task_count(chain);
    ptl_value *tasks = value_list(c->arena, n);

    if (!tasks)
        canvas_fault_memory(c);
    for (size_t i = 0; tasks && i < n; i++) {
        ptl_value *task = signature_clone(c, signature_task_at(chain, i), NULL);
        if (!task || !canvas_add(c, tasks, task))
            return NULL;
        for (size_t k = 0; i == n - 1 && k < canvas_list_len(links); k++)
            if (!canvas_link_to(c, task, canvas_list_at(links, k)))
                return NULL;
        for (size_t k = 0; k < canvas_list_len(errbacks); k++)
            if (!canvas_link_error_to(c, task, canvas_list_at(errbacks, k)))
                return NULL;
    }
    return tasks;
}

bool chain_led_by_task(const ptl_value *sig)
{
    return signature_type(sig) == SIGNATURE_CHAIN && signature_task_count(sig) &&
           signature_type(signature_task_at(sig, 0)) != SIGNATURE_GROUP;
}

ptl_value *chain_unroll_body(struct canvas *c, const ptl_value *chord)
{
    ptl_value *chain = signature_body(chord), *first;
    ptl_value *clone = signature_clone(c, chord, NULL);
    ptl_value *tasks = clone ? chain_unchain(c, chain) : NULL;
    struct partial with;

    if (!tasks)
        return NULL;
    with = (struct partial){
        .options = canvas_without(c, signature_options(chain), run_options)};
    first = signature_clone(c, value_at(tasks, 0), &with);
    if (!with.options || !first || !signature_set_kwarg(c, clone, STR("body"), first))
        return NULL;
    tasks->u.list.items[0] = clone;
    return tasks;
}

struct waiting {
    ptl_value *sig;
    struct waiting *next;
};

static bool push_all(struct canvas *c, struct waiting **first, const ptl_value *list)
{
    for (size_t i = value_len(list); i-- > 0;) {
        struct waiting *w = arena_alloc(c->arena, sizeof(*w));
        if (!w)
            return canvas_fault_memory(c);
        *w = (struct waiting){(ptl_value *)value_at(list, i), *first};
        *first = w;
    }
    return true;
}

static bool unroll_chain_in_it(struct canvas *c, ptl_value **task)
{
    return signature_type(*task) != SIGNATURE_CHAIN ||
           ((*task = signature_clone(c, *task, NULL)) && chain_unroll_chords(c, *task));
}

static ptl_value *unroll_all(struct canvas *c, const ptl_value *chain)
{
    ptl_value *tasks = value_list(c->arena, signature_task_count(chain)), *more;
    struct waiting *first = NULL;

    if (!tasks)
        canvas_fault_memory(c);
    if (!tasks || !push_all(c, &first, signature_tasks(chain)))
        return NULL;
    while (first) {
        ptl_value *task = first->sig;
        first = first->next;
        if (!unroll_chain_in_it(c, &task))
            return NULL;
        if (signature_type(task) == SIGNATURE_CHORD &&
            chain_led_by_task(signature_body(task))) {
            if (!(more = chain_unroll_body(c, task)) || !push_all(c, &first, more))
                return NULL;
        } else if (!canvas_add(c, tasks, task)) {
            return NULL;
        }
    }
    return tasks;
}

bool chain_unroll_chords(struct canvas *c, ptl_value *chain)
{
    ptl_value *tasks;

    if (!canvas_enter(c))
        return false;
    tasks = unroll_all(c, chain);
    canvas_leave(c);
    return tasks && signature_set_kwarg(c, chain, STR("tasks"), tasks);
}

/* ---- Running it ------------------------------------------------------------------ */

static struct canvas_result *no_result(struct canvas *c)
{
    return canvas_result_new(c, value_null(c->arena));
}

/* The chain's callbacks are its last task's; the list stays as it is given. */
static bool add_links(struct canvas *c, ptl_value *last, const ptl_value *links)
{
    const ptl_value *old = signature_option(last, "link");
    ptl_value *list;

    if (!value_truth(links))
        return true;
    list = value_list(c->arena, canvas_list_len(old) + canvas_list_len(links));
    for (size_t i = 0; list && i < canvas_list_len(old); i++)
        value_list_add(c->arena, list, canvas_list_at(old, i));
    for (size_t i = 0; list && i < canvas_list_len(links); i++)
        value_list_add(c->arena, list, canvas_list_at(links, i));
    return list ? signature_set_option(c, last, STR("link"), list)
                : canvas_fault_memory(c);
}

/* The steps go along as `chain`, on top of those of a chain that this one stands in. */
static ptl_value *first_options(struct canvas *c, const ptl_value *options,
                                const ptl_value *steps)
{
    const ptl_value *outer = canvas_given(options, "chain");
    ptl_value *of_first = canvas_without(c, options, run_options);

    if (outer && value_kind(outer) != PTL_LIST) {
        canvas_fault(c, "TypeError",
                     "cannot apply a chain: its option chain is no list");
        return NULL;
    }
    if (outer)
        steps = canvas_concat(c, outer, steps);
    return of_first && steps && canvas_put(c, of_first, STR("chain"), steps) ? of_first
                                                                             : NULL;
}

static bool prepare(struct canvas *c, ptl_value *chain, const struct partial *with,
                    const ptl_value *options, struct chain_steps *steps)
{
    struct chaining how = {.clone = true,
                           .args = with->args,
                           .kwargs = with->kwargs,
                           .link_error = canvas_given(options, "link_error"),
                           .freezing = {.id = canvas_given(options, "task_id"),
                                        .group_id = canvas_given(options, "group_id"),
                                        .root_id = canvas_given(options, "root_id"),
                                        .chord = canvas_given(options, "chord"),
                                        .group_index =
                                            canvas_given(options, "group_index")}};

    return chain_prepare(c, chain, &how, steps);
}

struct canvas_result *apply_chain(struct canvas *c, ptl_value *chain,
                                  const struct partial *with)
{
    ptl_value *options =
        canvas_copy_map(c, signature_options(chain), value_len(with->options));
    struct canvas_result *applied, *last;
    struct chain_steps steps;
    struct partial of_first;
    ptl_value *first;

    if (!canvas_put_all(c, options, with->options) ||
        !prepare(c, chain, with, options, &steps))
        return NULL;
    if (!value_len(steps.tasks))
        return no_result(c);
    last = steps.results[0];
    if (!add_links(c, (ptl_value *)value_at(steps.tasks, 0),
                   value_get(options, "link")))
        return NULL;
    first = (ptl_value *)value_at(steps.tasks, value_len(steps.tasks) - 1);
    steps.tasks->u.list.n--;
    of_first = (struct partial){.options = first_options(c, options, steps.tasks)};
    if (!of_first.options || !(applied = apply_any(c, first, &of_first)))
        return NULL;
    return value_len(steps.tasks) ? last : applied;
}
