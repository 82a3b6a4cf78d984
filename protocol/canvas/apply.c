/* SPDX-License-Identifier: Apache-2.0 */
/* apply - a signature becomes the messages that start it. */
#include "steps.h"

/* A null is as good as not given. */
static ptl_value *without_nulls(struct canvas *c, const ptl_value *options)
{
    ptl_value *given = value_map(c->arena, value_len(options));

    if (!given)
        canvas_fault_memory(c);
    for (size_t i = 0; given && i < value_len(options); i++) {
        const struct value_pair *pair = &options->u.map.pairs[i];
        if (!value_is_null(pair->value) &&
            !canvas_put(c, given, pair->key, pair->value))
            return NULL;
    }
    return given;
}

/* Nor is what only this side needs one of the message. */
static ptl_value *call_options(struct canvas *c, const ptl_value *options)
{
    static const char *const here[] = {"add_to_parent", "route_name", NULL};
    ptl_value *given = without_nulls(c, options);

    return given ? canvas_without(c, given, here) : NULL;
}

bool canvas_note_child(struct canvas *c, const ptl_value *options,
                       const struct canvas_result *r)
{
    const ptl_value *add = value_get(options, "add_to_parent");

    if (!add || value_truth(add))
        c->child = canvas_result_tuple(c, r);
    return !c->fault_kind;
}

static const ptl_value *call_id(struct canvas *c, ptl_value *options)
{
    const ptl_value *id = value_get(options, "task_id");

    if (value_truth(id))
        return id;
    id = value_str(c->arena, canvas_new_id(c));
    return canvas_put(c, options, STR("task_id"), id) ? id : NULL;
}

struct canvas_result *apply_task(struct canvas *c, const ptl_value *sig,
                                 const struct partial *with, struct str route_name)
{
    struct partial merged, given = *with;
    struct canvas_result *result;
    const ptl_value *id;
    ptl_value *options;

    if (!canvas_count(c) || !(given.options = without_nulls(c, with->options)) ||
        !signature_merge(c, sig, &given, &merged) ||
        !(options = call_options(c, merged.options)) || !(id = call_id(c, options)))
        return NULL;
    struct canvas_call call = {.task = signature_task(sig),
                               .route_name = route_name,
                               .args = merged.args,
                               .kwargs = merged.kwargs,
                               .options = options};
    result = canvas_result_new(c, id);
    return result && canvas_note_child(c, merged.options, result) &&
                   c->hooks->call(c->ctx, &call)
               ? result
               : NULL;
}

static struct canvas_result *apply_by_type(struct canvas *c, ptl_value *sig,
                                           const struct partial *with)
{
    switch (signature_type(sig)) {
    case SIGNATURE_CHAIN:
        return apply_chain(c, sig, with);
    case SIGNATURE_GROUP:
        return apply_group(c, sig, with);
    case SIGNATURE_CHORD:
        return apply_chord(c, sig, with);
    default:
        return apply_task(c, sig, with, STR(""));
    }
}

struct canvas_result *apply_any(struct canvas *c, ptl_value *sig,
                                const struct partial *with)
{
    struct canvas_result *result;

    if (!canvas_enter(c))
        return NULL;
    result = apply_by_type(c, sig, with);
    canvas_leave(c);
    return result;
}

const ptl_value *canvas_apply(struct canvas *c, const ptl_value *sig,
                              const ptl_value *args, const ptl_value *options)
{
    struct partial with = {.args = args, .options = options};
    struct canvas_result *result;
    ptl_value *own;

    c->depth = 0;
    c->applied = STR("");
    c->child = NULL;
    own = signature_read(c, sig);
    if (!own || !signature_check_options(c, options))
        return NULL;
    result = signature_type(sig) >= SIGNATURE_MAP
                 ? apply_mapped(c, signature_type(sig), own, &with)
                 : apply_any(c, own, &with);
    if (!result)
        return NULL;
    c->result = result;
    c->applied = value_as_str(result->id);
    if (!c->child && !(c->child = value_null(c->arena)))
        canvas_fault_memory(c);
    return c->child;
}

const ptl_value *canvas_applied(struct canvas *c)
{
    return canvas_result_tuple(c, c->result);
}
