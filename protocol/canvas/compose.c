/* SPDX-License-Identifier: Apache-2.0 */
/* compose - Celery's algebra of `|`.
 *
 *     task  | task            chain
 *     chain | chain           one chain
 *     task  | group           a chain that ends in the group
 *     group | task            chord: the task waits for the group
 *     chord | task            the task follows in the chord's body
 *     x     | group of one    x | that one
 *     chain | empty group     the chain
 *
 * Python clones the left side at each step; here it is taken over, so that a chain of
 * thousands is built in one pass. */
#include "build.h"
#include "steps.h"

/* Python treats a group of one as that one. */
static ptl_value *unrolled(ptl_value *sig)
{
    bool alone =
        signature_type(sig) == SIGNATURE_GROUP && signature_task_count(sig) == 1;

    return alone ? signature_task_at(sig, 0) : sig;
}

static ptl_value *chain_over(struct canvas *c, ptl_value *tasks)
{
    ptl_value *kwargs = value_map(c->arena, 1);

    return canvas_put(c, kwargs, STR("tasks"), tasks)
               ? signature_make(c, STR("celery.chain"), SIGNATURE_CHAIN, NULL, kwargs,
                                NULL)
               : NULL;
}

static ptl_value *chain_with(struct canvas *c, ptl_value *tasks, const ptl_value *next)
{
    return canvas_add(c, tasks, next) ? chain_over(c, tasks) : NULL;
}

static ptl_value *last_of(const ptl_value *tasks)
{
    return value_len(tasks) ? (ptl_value *)value_at(tasks, value_len(tasks) - 1) : NULL;
}

static bool is(const ptl_value *sig, enum signature_type type)
{
    return sig && signature_type(sig) == type;
}

/* The tasks of a chain, which take over its callbacks and its errbacks. */
static ptl_value *unchain(struct canvas *c, ptl_value *chain)
{
    ptl_value *tasks = signature_tasks(chain);
    const ptl_value *links = signature_option(chain, "link");
    const ptl_value *errbacks = signature_option(chain, "link_error");

    if (canvas_list_len(links) && !value_len(tasks)) {
        canvas_fault(c, "IndexError", "cannot link a callback to an empty chain");
        return NULL;
    }
    for (size_t i = 0; i < canvas_list_len(links); i++)
        if (!canvas_link_to(c, last_of(tasks), canvas_list_at(links, i)))
            return NULL;
    for (size_t i = 0; i < canvas_list_len(errbacks); i++)
        for (size_t j = 0; j < value_len(tasks); j++)
            if (!canvas_link_error_to(c, signature_task_at(chain, j),
                                      canvas_list_at(errbacks, i)))
                return NULL;
    return tasks;
}

static bool extend_body(struct canvas *c, ptl_value *chord, ptl_value *next)
{
    ptl_value *body = signature_body(chord);

    if (!body)
        return canvas_fault(c, "TypeError", "cannot chain to a chord that has no body");
    body = canvas_or(c, body, next);
    return body && signature_set_kwarg(c, chord, STR("body"), body);
}

static ptl_value *task_or(struct canvas *c, ptl_value *task, ptl_value *next)
{
    ptl_value *tasks = value_list(c->arena, 2), *rest;

    if (!canvas_add(c, tasks, task))
        return NULL;
    if (!is(next, SIGNATURE_CHAIN))
        return chain_with(c, tasks, unrolled(next));
    rest = unchain(c, next);
    tasks = rest ? canvas_concat(c, tasks, rest) : NULL;
    return tasks ? chain_over(c, tasks) : NULL;
}

static ptl_value *group_or(struct canvas *c, ptl_value *group, ptl_value *next)
{
    return is_empty_group(next) ? group : canvas_chord(c, signature_tasks(group), next);
}

static ptl_value *chord_or(struct canvas *c, ptl_value *chord, ptl_value *next)
{
    next = unrolled(next);
    if (is(next, SIGNATURE_CHAIN) || is(next, SIGNATURE_GROUP))
        return task_or(c, chord, next);
    return extend_body(c, chord, next) ? chord : NULL;
}

static ptl_value *chain_or_group(struct canvas *c, ptl_value *chain, ptl_value *group)
{
    ptl_value *tasks = unchain(c, chain);

    if (!tasks)
        return NULL;
    if (!value_len(tasks))
        return group;
    if (is(last_of(tasks), SIGNATURE_CHORD))
        return extend_body(c, last_of(tasks), group) ? chain_over(c, tasks) : NULL;
    return chain_with(c, tasks, group);
}

/* The chain ends in a group: that becomes a chord with `next` for a body, which a chord
 * before it takes into its own. */
static ptl_value *chain_upgrade(struct canvas *c, ptl_value *chain, ptl_value *next)
{
    ptl_value *tasks = signature_tasks(chain), *chord, *before;
    size_t last = value_len(tasks) - 1;

    chord = canvas_chord(c, signature_tasks(last_of(tasks)), next);
    if (!chord)
        return NULL;
    tasks->u.list.items[last] = chord;
    before = last ? signature_task_at(chain, last - 1) : NULL;
    if (!is(before, SIGNATURE_CHORD))
        return chain;
    tasks->u.list.n--;
    return extend_body(c, before, chord) ? chain : NULL;
}

static ptl_value *chain_or_task(struct canvas *c, ptl_value *chain, ptl_value *next)
{
    ptl_value *tasks = signature_tasks(chain), *last = last_of(tasks);

    if (is(last, SIGNATURE_GROUP))
        return chain_upgrade(c, chain, next);
    if (is(last, SIGNATURE_CHORD) && !is(next, SIGNATURE_CHORD))
        return extend_body(c, last, next) ? chain : NULL;
    tasks = unchain(c, chain);
    return tasks ? chain_with(c, tasks, next) : NULL;
}

static ptl_value *chain_or(struct canvas *c, ptl_value *chain, ptl_value *next)
{
    ptl_value *tasks;

    if (is_empty_group(next))
        return chain;
    next = unrolled(next);
    if (is(next, SIGNATURE_GROUP))
        return chain_or_group(c, chain, next);
    if (!is(next, SIGNATURE_CHAIN))
        return chain_or_task(c, chain, next);
    tasks = unchain(c, next);
    for (size_t i = 0; tasks && chain && i < value_len(tasks); i++)
        chain = canvas_or(c, chain, signature_task_at(next, i));
    return tasks ? chain : NULL;
}

ptl_value *canvas_or(struct canvas *c, ptl_value *left, ptl_value *right)
{
    ptl_value *both;

    if (!canvas_count(c) || !canvas_enter(c))
        return NULL;
    switch (signature_type(left)) {
    case SIGNATURE_CHAIN:
        both = chain_or(c, left, right);
        break;
    case SIGNATURE_GROUP:
        both = group_or(c, left, right);
        break;
    case SIGNATURE_CHORD:
        both = chord_or(c, left, right);
        break;
    default:
        both = task_or(c, left, right);
    }
    canvas_leave(c);
    return both;
}

/* ---- chain(…) ------------------------------------------------------------------- */

struct fold {
    ptl_value *steps;   /* a list, while … */
    ptl_value *instead; /* … there is nothing that is no chain */
};

static bool fold_chain(struct canvas *c, struct fold *f, ptl_value *chain);

static bool fold_group(struct canvas *c, struct fold *f, ptl_value *group)
{
    ptl_value *last = last_of(f->steps);

    if (!last) {
        f->instead = group;
        return true;
    }
    return is(last, SIGNATURE_CHORD) ? extend_body(c, last, group)
                                     : canvas_add(c, f->steps, group);
}

static bool fold_task(struct canvas *c, struct fold *f, ptl_value *task)
{
    ptl_value *last = last_of(f->steps), *chord;

    if (is(last, SIGNATURE_CHORD) && !is(task, SIGNATURE_CHORD))
        return extend_body(c, last, task);
    if (!is(last, SIGNATURE_GROUP))
        return canvas_add(c, f->steps, task);
    chord = canvas_chord(c, signature_tasks(last), task);
    f->steps->u.list.items[value_len(f->steps) - 1] = chord;
    return chord;
}

static bool fold(struct canvas *c, struct fold *f, ptl_value *next)
{
    if (f->instead)
        return (f->instead = canvas_or(c, f->instead, next));
    if (is_empty_group(next))
        return true;
    next = unrolled(next);
    if (is(next, SIGNATURE_CHAIN))
        return fold_chain(c, f, next);
    return is(next, SIGNATURE_GROUP) ? fold_group(c, f, next) : fold_task(c, f, next);
}

static bool fold_chain(struct canvas *c, struct fold *f, ptl_value *chain)
{
    ptl_value *tasks = canvas_enter(c) ? unchain(c, chain) : NULL;

    if (!tasks)
        return false;
    for (size_t i = 0; i < value_len(tasks); i++)
        if (!fold(c, f, signature_task_at(chain, i)))
            return false;
    canvas_leave(c);
    return true;
}

ptl_value *canvas_chain(struct canvas *c, const ptl_value *tasks)
{
    struct fold f = {.steps = value_list(c->arena, value_len(tasks))};

    if (!f.steps)
        canvas_fault_memory(c);
    for (size_t i = 0; f.steps && i < value_len(tasks); i++)
        if (!fold(c, &f, (ptl_value *)value_at(tasks, i)))
            return NULL;
    return f.instead || !f.steps ? f.instead : chain_over(c, f.steps);
}
