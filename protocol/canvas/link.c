/* SPDX-License-Identifier: Apache-2.0 */
/* link - callbacks and errbacks, added where Celery adds them. */
#include "steps.h"

bool canvas_make_immutable(struct canvas *c, ptl_value *sig)
{
    enum signature_type type = signature_type(sig);
    bool ok = true;

    if (type != SIGNATURE_GROUP && type != SIGNATURE_CHORD)
        return signature_set(c, sig, STR("immutable"), value_bool(c->arena, true));
    if (!canvas_enter(c))
        return false;
    for (size_t i = 0; ok && i < signature_task_count(sig); i++)
        ok = canvas_make_immutable(c, signature_task_at(sig, i));
    canvas_leave(c);
    return ok;
}

/* A group cannot say when all are done: its first member calls, without its result. */
static bool link_to_first(struct canvas *c, ptl_value *group, const ptl_value *callback)
{
    ptl_value *clone = signature_read(c, callback);

    if (!clone || !canvas_make_immutable(c, clone))
        return false;
    if (!signature_task_count(group))
        return canvas_fault(c, "IndexError",
                            "cannot link a callback to a group without tasks");
    return canvas_link_to(c, signature_task_at(group, 0), clone);
}

static bool link_to(struct canvas *c, ptl_value *sig, const ptl_value *callback)
{
    switch (signature_type(sig)) {
    case SIGNATURE_GROUP:
        return link_to_first(c, sig, callback);
    case SIGNATURE_CHORD:
        if (!signature_body(sig))
            return canvas_fault(c, "AttributeError",
                                "cannot link a callback to a chord without a body");
        return canvas_link_to(c, signature_body(sig), callback);
    default:
        return signature_add_link(c, sig, STR("link"), callback);
    }
}

bool canvas_link_to(struct canvas *c, ptl_value *sig, const ptl_value *callback)
{
    bool ok;

    if (!canvas_enter(c))
        return false;
    ok = link_to(c, sig, callback);
    canvas_leave(c);
    return ok;
}

static bool link_error_to_all(struct canvas *c, ptl_value *sig,
                              const ptl_value *callback)
{
    for (size_t i = 0; i < signature_task_count(sig); i++)
        if (!canvas_link_error_to(c, signature_task_at(sig, i), callback))
            return false;
    return true;
}

/* Its header has become a group. */
static bool is_frozen(const ptl_value *chord)
{
    return value_kind(value_get(signature_kwargs(chord), "header")) == PTL_MAP;
}

static bool link_error_to_header(struct canvas *c, ptl_value *chord,
                                 const ptl_value *callback)
{
    ptl_value *options = value_map(c->arena, 1), *clone;
    struct partial with = {.options = options};

    if (!canvas_put(c, options, STR("immutable"), value_bool(c->arena, true)) ||
        !(clone = signature_clone(c, callback, &with)))
        return false;
    if (is_frozen(chord)) /* its group clones once more */
        clone = signature_clone(c, clone, NULL);
    return clone && link_error_to_all(c, chord, clone);
}

/* Chords in a header take it, too, but those of a group do not. */
static bool link_error_in_header(struct canvas *c, ptl_value *chord,
                                 const ptl_value *callback)
{
    bool frozen = is_frozen(chord);

    if (c->link_error_on_header && !link_error_to_header(c, chord, callback))
        return false;
    for (size_t i = 0; !frozen && i < signature_task_count(chord); i++) {
        ptl_value *task = signature_task_at(chord, i);
        if (signature_type(task) == SIGNATURE_CHORD &&
            !canvas_link_error_to(c, task, callback))
            return false;
    }
    return true;
}

static bool link_error_to(struct canvas *c, ptl_value *sig, const ptl_value *callback)
{
    const ptl_value *errback;

    switch (signature_type(sig)) {
    case SIGNATURE_GROUP:
        errback = signature_read(c, callback);
        return errback && link_error_to_all(c, sig, errback);
    case SIGNATURE_CHORD:
        errback = signature_read(c, callback);
        if (errback && !signature_body(sig))
            return canvas_fault(c, "AttributeError",
                                "cannot link an errback to a chord without a body");
        return errback && link_error_in_header(c, sig, errback) &&
               canvas_link_error_to(c, signature_body(sig), errback);
    default:
        return signature_add_link(c, sig, STR("link_error"), callback);
    }
}

bool canvas_link_error_to(struct canvas *c, ptl_value *sig, const ptl_value *callback)
{
    bool ok;

    if (!canvas_enter(c))
        return false;
    ok = link_error_to(c, sig, callback);
    canvas_leave(c);
    return ok;
}
