/* SPDX-License-Identifier: Apache-2.0 */
/* replace - a signature takes the place of a running task, or joins it in its chord. */
#include "build.h"
#include "steps.h"

static ptl_value *last_task(const ptl_value *chain)
{
    size_t n = signature_task_count(chain);

    return n ? signature_task_at(chain, n - 1) : NULL;
}

/* celery.accumulate(index=0): the results of a group as one. */
static ptl_value *accumulated(struct canvas *c, ptl_value *group)
{
    ptl_value *kwargs = value_map(c->arena, 1), *task;

    if (!canvas_put(c, kwargs, STR("index"), value_int(c->arena, 0)))
        return NULL;
    task = canvas_signature(c, STR("celery.accumulate"), NULL, kwargs, NULL, false);
    return task ? canvas_or(c, group, task) : NULL;
}

/* A group has no end that a callback could be linked to: it becomes a chord. */
static ptl_value *with_an_end(struct canvas *c, ptl_value *sig)
{
    ptl_value *last, *tasks;

    if (signature_type(sig) == SIGNATURE_GROUP)
        return accumulated(c, sig);
    last = signature_type(sig) == SIGNATURE_CHAIN ? last_task(sig) : NULL;
    if (!last || signature_type(last) != SIGNATURE_GROUP)
        return sig;
    tasks = signature_tasks(sig);
    last = accumulated(c, last);
    tasks->u.list.items[value_len(tasks) - 1] = last;
    return last ? sig : NULL;
}

static bool link_all(struct canvas *c, ptl_value *sig, const struct canvas_request *r)
{
    for (size_t i = 0; i < canvas_list_len(r->callbacks); i++)
        if (!canvas_link_to(c, sig, canvas_list_at(r->callbacks, i)))
            return false;
    for (size_t i = 0; i < canvas_list_len(r->errbacks); i++)
        if (!canvas_link_error_to(c, sig, canvas_list_at(r->errbacks, i)))
            return false;
    return true;
}

/* More is chained to a chain below: its callbacks go to where it now ends. */
static bool move_links(struct canvas *c, ptl_value *sig)
{
    const ptl_value *links = signature_option(sig, "link"), *own;
    ptl_value *last, *all;

    if (!links || signature_type(sig) != SIGNATURE_CHAIN)
        return true;
    last = last_task(sig);
    own = signature_option(last, "link");
    all = value_list(c->arena, canvas_list_len(own) + canvas_list_len(links));
    for (size_t i = 0; i < canvas_list_len(own); i++)
        if (!canvas_add(c, all, canvas_list_at(own, i)))
            return false;
    for (size_t i = 0; i < canvas_list_len(links); i++)
        if (!canvas_add(c, all, canvas_list_at(links, i)))
            return false;
    return all && signature_set_option(c, last, STR("link"), all) &&
           signature_drop_option(c, sig, "link");
}

/* Python sets what the request lacks to None. */
static bool set_from_request(struct canvas *c, ptl_value *sig, struct str key,
                             const ptl_value *v)
{
    return signature_set_option(c, sig, key, v ? v : value_null(c->arena));
}

static bool keep_place(struct canvas *c, ptl_value *sig, const struct canvas_request *r)
{
    return set_from_request(c, sig, STR("chord"), r->chord) &&
           set_from_request(c, sig, STR("group_id"), r->group) &&
           set_from_request(c, sig, STR("group_index"), r->group_index) &&
           set_from_request(c, sig, STR("root_id"), r->root_id);
}

static bool set_nesting(struct canvas *c, ptl_value *sig, int64_t nesting)
{
    return signature_set_option(c, sig, STR("replaced_task_nesting"),
                                value_int(c->arena, nesting));
}

static bool set_nestings(struct canvas *c, ptl_value *sig, int64_t nesting)
{
    if (!set_nesting(c, sig, nesting))
        return false;
    for (size_t i = 0;
         signature_type(sig) == SIGNATURE_CHAIN && i < signature_task_count(sig); i++)
        if (!set_nesting(c, signature_task_at(sig, i), nesting))
            return false;
    return true;
}

/* The request's chain is in reverse. */
static ptl_value *append_chain(struct canvas *c, ptl_value *sig, const ptl_value *chain,
                               int64_t nesting)
{
    for (size_t i = value_len(chain); sig && i-- > 0;) {
        ptl_value *task = signature_read(c, value_at(chain, i));
        if (!task || !set_nesting(c, task, nesting))
            return NULL;
        sig = canvas_or(c, sig, task);
    }
    return sig;
}

static bool may_replace(struct canvas *c, const ptl_value *sig)
{
    if (signature_option(sig, "chord"))
        return canvas_fault(c, "ImproperlyConfigured",
                            "A signature replacing a task must not be part of a chord");
    return !is_empty_chain(sig) || canvas_fault(c, "ImproperlyConfigured",
                                                "Cannot replace with an empty chain");
}

ptl_value *canvas_replacement(struct canvas *c, ptl_value *sig,
                              const struct canvas_request *r)
{
    int64_t nesting =
        r->replaced_task_nesting < INT32_MAX ? r->replaced_task_nesting + 1 : INT32_MAX;

    if (!may_replace(c, sig) || !(sig = with_an_end(c, sig)) || !link_all(c, sig, r) ||
        !move_links(c, sig) ||
        !canvas_freeze(c, sig, &(struct freezing){.id = r->id}) ||
        !keep_place(c, sig, r) || !set_nestings(c, sig, nesting))
        return NULL;
    return append_chain(c, sig, r->chain, nesting);
}

ptl_value *canvas_chord_member(struct canvas *c, ptl_value *sig,
                               const struct canvas_request *r)
{
    if (value_is_null(r->chord)) {
        canvas_fault(c, "ValueError", "Current task is not member of any chord");
        return NULL;
    }
    return keep_place(c, sig, r) && canvas_freeze(c, sig, &(struct freezing){0}) ? sig
                                                                                 : NULL;
}
