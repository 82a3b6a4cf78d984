/* SPDX-License-Identifier: Apache-2.0 */
/* chain_steps - a chain becomes steps that follow one another, as Celery's
 * prepare_steps makes them: chains in it are spliced, groups with one member are that
 * member, empty groups are left out, and a group with something behind it is a chord.
 *
 * The walk goes from the last step to the first, so that what follows a group is known.
 * Steps wait in a list that is entered from both ends. */
#include "steps.h"

struct waiting {
    ptl_value *sig;
    struct waiting *before, *after;
};

struct preparing {
    struct canvas *c;
    const struct chaining *how;
    struct waiting *first, *last;
    ptl_value *tasks; /* prepared, the last of the chain first */
    struct canvas_result **results;
    size_t room;
    ptl_value *next; /* what follows the step at hand, or NULL */
    struct canvas_result *next_result;
    bool any; /* a step was frozen */
};

static size_t count(const struct preparing *p)
{
    return value_len(p->tasks);
}

/* ---- What waits ------------------------------------------------------------------ */

static bool push(struct preparing *p, ptl_value *sig, struct waiting *before,
                 struct waiting *after)
{
    struct waiting *w = arena_alloc(p->c->arena, sizeof(*w));

    if (!w)
        return canvas_fault_memory(p->c);
    *w = (struct waiting){sig, before, after};
    *(before ? &before->after : &p->first) = w;
    *(after ? &after->before : &p->last) = w;
    return true;
}

static bool push_first(struct preparing *p, const ptl_value *chain)
{
    for (size_t i = signature_task_count(chain); i-- > 0;)
        if (!push(p, signature_task_at(chain, i), NULL, p->first))
            return false;
    return true;
}

static bool push_last(struct preparing *p, const ptl_value *list)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (!push(p, (ptl_value *)value_at(list, i), p->last, NULL))
            return false;
    return true;
}

static void drop_first(struct preparing *p)
{
    p->first = p->first->after;
    *(p->first ? &p->first->before : &p->last) = NULL;
}

static ptl_value *pop_last(struct preparing *p)
{
    ptl_value *sig = p->last->sig;

    p->last = p->last->before;
    *(p->last ? &p->last->after : &p->first) = NULL;
    return sig;
}

static ptl_value *unroll_group(ptl_value *sig)
{
    bool alone =
        signature_type(sig) == SIGNATURE_GROUP && signature_task_count(sig) == 1;

    return alone ? signature_task_at(sig, 0) : sig;
}

/* The first step that waits must be one that takes the chain's arguments. */
static bool open_head(struct preparing *p)
{
    ptl_value *stripped = NULL;

    while (p->first) {
        ptl_value *head = p->first->sig;
        if (!canvas_count(p->c))
            return false;
        if (signature_type(head) == SIGNATURE_CHAIN) {
            drop_first(p);
            if (!push_first(p, head))
                return false;
            continue;
        }
        head = p->first->sig = unroll_group(head);
        if (!is_empty_group(head) || !p->first->after)
            break;
        stripped = head;
        drop_first(p);
    }
    return p->first || !stripped || push(p, stripped, NULL, NULL);
}

/* ---- One step ------------------------------------------------------------------- */

static bool keep(struct preparing *p, ptl_value *task, struct canvas_result *result)
{
    if (!p->results || count(p) == p->room) {
        size_t room = p->room ? p->room * 2 : 4;
        struct canvas_result **results =
            arena_alloc(p->c->arena, room * sizeof(struct canvas_result *));
        if (!results)
            return canvas_fault_memory(p->c);
        if (p->results)
            memcpy(results, p->results, p->room * sizeof(struct canvas_result *));
        p->results = results;
        p->room = room;
    }
    p->results[count(p)] = result;
    return canvas_add(p->c, p->tasks, task);
}

/* The chain's own arguments go to its first task. */
static ptl_value *own_step(struct preparing *p, ptl_value *task, bool first)
{
    struct partial with = {.args = p->how->args, .kwargs = p->how->kwargs};

    if (p->how->clone)
        return signature_clone(p->c, task, first ? &with : NULL);
    if (first && value_len(p->how->args)) {
        ptl_value *args = canvas_concat(p->c, p->how->args, signature_args(task));
        if (!args || !signature_set(p->c, task, STR("args"), args))
            return NULL;
    }
    return task;
}

/* What came behind the body hung on the body's result; it will hang on the chord's. */
static void unhang(struct preparing *p, const struct canvas_result *body)
{
    struct canvas_result *node = count(p) ? p->results[count(p) - 1] : NULL;

    while (node && node->parent != body)
        node = node->parent;
    if (node) {
        node->parent = NULL;
        p->next_result = node;
    }
}

/* group | next is chord(group, next). */
static ptl_value *upgrade(struct preparing *p, ptl_value *group)
{
    struct canvas *c = p->c;
    const ptl_value *root = p->how->freezing.root_id;
    ptl_value *kwargs = value_map(c->arena, 3), *options = value_map(c->arena, 2);
    const ptl_value *header = canvas_concat(c, signature_tasks(group), NULL);
    struct canvas_result *body = p->results[count(p) - 1];

    p->tasks->u.list.n--; /* it is no step of its own any more */
    if (!canvas_put(c, kwargs, STR("kwargs"), value_map(c->arena, 0)) ||
        !canvas_put(c, kwargs, STR("header"), header) ||
        !canvas_put(c, kwargs, STR("body"), p->next))
        return NULL;
    if (!p->next_result->group &&
        !canvas_put(c, options, STR("task_id"), p->next_result->id))
        return NULL;
    if (!canvas_put(c, options, STR("root_id"), root ? root : value_null(c->arena)))
        return NULL;
    p->next = (ptl_value *)value_at(p->tasks, count(p) - 1);
    unhang(p, body);
    return signature_make(c, STR("celery.chord"), SIGNATURE_CHORD, NULL, kwargs,
                          options);
}

static struct canvas_result *freeze_step(struct preparing *p, ptl_value *task)
{
    struct freezing middle = {.root_id = p->how->freezing.root_id};
    struct freezing last = p->how->freezing;

    last.parent_id = NULL;
    return canvas_freeze(p->c, task, p->any ? &middle : &last);
}

/* On the body as well, where a failed header looks for them. */
static bool add_errbacks(struct preparing *p, ptl_value *task)
{
    const ptl_value *errbacks = p->how->link_error;
    bool chord = signature_type(task) == SIGNATURE_CHORD;

    for (size_t i = 0; i < canvas_list_len(errbacks); i++) {
        const ptl_value *errback = canvas_list_at(errbacks, i);
        if (!canvas_link_error_to(p->c, task, errback) ||
            (chord && !canvas_link_error_to(p->c, signature_body(task), errback)))
            return false;
    }
    return true;
}

static bool finish_step(struct preparing *p, ptl_value *task)
{
    struct canvas_result *result = freeze_step(p, task);

    if (!result)
        return false;
    p->any = true;
    if (p->next && p->next_result && !p->next_result->parent)
        p->next_result->parent = result;
    if (!add_errbacks(p, task) || !keep(p, task, result))
        return false;
    p->next = task;
    p->next_result = result;
    if (signature_type(task) == SIGNATURE_CHORD) /* the first of its body's results */
        while (p->next_result->parent)
            p->next_result = p->next_result->parent;
    return true;
}

static bool prepare_step(struct preparing *p)
{
    ptl_value *task = unroll_group(pop_last(p));
    bool first = !p->first;

    if (is_empty_group(task) && (p->first || p->next))
        return true;
    if (p->how->clone && signature_type(task) == SIGNATURE_CHORD &&
        chain_led_by_task(signature_body(task))) {
        ptl_value *list = chain_unroll_body(p->c, task);
        return list && push_last(p, list);
    }
    if (signature_type(task) == SIGNATURE_CHAIN)
        return canvas_count(p->c) && push_last(p, signature_tasks(task));
    if (!(task = own_step(p, task, first)))
        return false;
    if (signature_type(task) == SIGNATURE_GROUP && p->next &&
        !(task = upgrade(p, task)))
        return false;
    return finish_step(p, task);
}

static bool strip_steps(struct canvas *c, const ptl_value *tasks)
{
    for (size_t i = 0; i < value_len(tasks); i++)
        if (!strip_header_links(c, (ptl_value *)value_at(tasks, i)))
            return false;
    return true;
}

bool chain_prepare(struct canvas *c, ptl_value *chain, const struct chaining *how,
                   struct chain_steps *steps)
{
    struct preparing p = {.c = c, .how = how, .tasks = value_list(c->arena, 0)};
    const ptl_value *id = how->freezing.id;

    if (!p.tasks)
        return canvas_fault_memory(c);
    if (!push_last(&p, signature_tasks(chain)) || !open_head(&p))
        return false;
    while (p.last)
        if (!prepare_step(&p))
            return false;
    if (p.results && count(&p))
        id = p.results[0]->id;
    *steps = (struct chain_steps){p.tasks, p.results};
    return signature_set_option(c, chain, STR("task_id"),
                                id ? id : value_null(c->arena)) &&
           (!how->clone || strip_steps(c, p.tasks));
}
