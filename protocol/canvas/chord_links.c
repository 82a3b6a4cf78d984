/* SPDX-License-Identifier: Apache-2.0 */
/* chord_links - callbacks of a chord are its body's: neither may reach the header. */
#include "steps.h"

/* A clone in which all may be changed that link() changes. */
static ptl_value *clone_members(struct canvas *c, ptl_value *sig)
{
    ptl_value *clone = signature_clone(c, sig, NULL), *list, *body;

    if (!clone || !canvas_enter(c))
        return NULL;
    list = signature_tasks(clone);
    if (signature_type(clone) == SIGNATURE_GROUP) {
        for (size_t i = 0; clone && i < value_len(list); i++)
            if (!(list->u.list.items[i] =
                      clone_members(c, signature_task_at(clone, i))))
                clone = NULL;
    } else if (signature_type(clone) == SIGNATURE_CHORD && signature_body(clone)) {
        body = clone_members(c, signature_body(clone));
        if (!body || !signature_set_kwarg(c, clone, STR("body"), body))
            clone = NULL;
    }
    canvas_leave(c);
    return clone;
}

static bool link_body(struct canvas *c, ptl_value *body, const ptl_value *callback)
{
    ptl_value *clone = signature_read(c, callback);

    if (!clone)
        return false;
    if (is_empty_group(body))
        return signature_add_link(c, body, STR("link"), clone);
    return canvas_link_to(c, body, clone);
}

static bool link_error_tasks(struct canvas *c, ptl_value *sig, ptl_value *errback,
                             bool runs_as_group);

/* A group that runs as one replaces the errbacks of its tasks by its own, if it has. */
static bool link_error_group(struct canvas *c, ptl_value *group, ptl_value *errback,
                             bool runs_as_group)
{
    if (runs_as_group && canvas_given(signature_options(group), "link_error"))
        return signature_add_link(c, group, STR("link_error"), errback);
    for (size_t i = 0; i < signature_task_count(group); i++)
        if (!link_error_tasks(c, signature_task_at(group, i), errback, false))
            return false;
    return true;
}

static bool link_error_tasks(struct canvas *c, ptl_value *sig, ptl_value *errback,
                             bool runs_as_group)
{
    bool ok;

    if (!sig)
        return canvas_fault(c, "AttributeError",
                            "cannot link an errback to a chord without a body");
    if (!canvas_enter(c))
        return false;
    if (signature_type(sig) == SIGNATURE_GROUP)
        ok = link_error_group(c, sig, errback, runs_as_group);
    else if (signature_type(sig) == SIGNATURE_CHORD)
        ok = link_error_tasks(c, signature_body(sig), errback, true);
    else
        ok = canvas_link_error_to(c, sig, errback);
    canvas_leave(c);
    return ok;
}

static bool link_error_body(struct canvas *c, ptl_value *body, const ptl_value *errback)
{
    ptl_value *own;

    if (signature_type(body) != SIGNATURE_GROUP)
        return signature_add_link(c, body, STR("link_error"), errback);
    own = signature_read(c, errback);
    return own && link_error_tasks(c, body, own, true);
}

ptl_value *chord_link_body(struct canvas *c, ptl_value *body, const ptl_value *links,
                           const ptl_value *errbacks)
{
    if (canvas_list_len(links) || canvas_list_len(errbacks))
        body = clone_members(c, body);
    for (size_t i = 0; body && i < canvas_list_len(links); i++)
        if (!link_body(c, body, canvas_list_at(links, i)))
            return NULL;
    for (size_t i = 0; body && i < canvas_list_len(errbacks); i++)
        if (!link_error_body(c, body, canvas_list_at(errbacks, i)))
            return NULL;
    return body;
}
