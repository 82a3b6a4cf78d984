/* SPDX-License-Identifier: Apache-2.0 */
/* signature_clone - what a call brings along is merged, and signatures are copied as
 * far as they may then be changed. */
#include "signature.h"

/* What must not change once it is set, or a chord would wait for ever. */
static bool is_kept(const ptl_value *stamps, struct str key)
{
    return str_is(key, "group_id") || str_is(key, "stamped_headers") ||
           value_find(stamps, key);
}

/* The names of its stamps as the keys of a map, so that each is found at once. */
static ptl_value *stamp_names(struct canvas *c, const ptl_value *options)
{
    const ptl_value *list = value_get(options, "stamped_headers");
    ptl_value *names = value_map(c->arena, value_len(list));

    if (!names)
        canvas_fault_memory(c);
    for (size_t i = 0; names && i < value_len(list); i++) {
        struct str name = value_as_str(value_at(list, i));
        if (name.p && !canvas_put(c, names, name, list))
            return NULL;
    }
    return names;
}

static const ptl_value *merge_options(struct canvas *c, const ptl_value *own,
                                      const ptl_value *with)
{
    ptl_value *merged, *stamps;

    if (!with || !value_len(with))
        return own;
    merged = canvas_copy_map(c, own, value_len(with));
    stamps = stamp_names(c, own);
    for (size_t i = 0; merged && stamps && i < value_len(with); i++) {
        const struct value_pair *pair = &with->u.map.pairs[i];
        if (is_kept(stamps, pair->key) && value_find(own, pair->key))
            continue;
        if (!canvas_put(c, merged, pair->key, pair->value))
            return NULL;
    }
    return stamps ? merged : NULL;
}

static const ptl_value *merge_kwargs(struct canvas *c, const ptl_value *own,
                                     const ptl_value *with)
{
    ptl_value *merged;

    if (!value_len(with))
        return own;
    merged = canvas_copy_map(c, own, value_len(with));
    return canvas_put_all(c, merged, with) ? merged : NULL;
}

bool signature_merge(struct canvas *c, const ptl_value *sig, const struct partial *with,
                     struct partial *merged)
{
    *merged = (struct partial){signature_args(sig), signature_kwargs(sig),
                               signature_options(sig)};
    if (!with)
        return true;
    merged->options = merge_options(c, merged->options, with->options);
    if (signature_immutable(sig))
        return merged->options;
    if (value_len(with->args))
        merged->args = canvas_concat(c, with->args, merged->args);
    merged->kwargs = merge_kwargs(c, merged->kwargs, with->kwargs);
    return merged->args && merged->kwargs && merged->options;
}

static ptl_value *clone_tasks(struct canvas *c, const ptl_value *tasks, bool share)
{
    ptl_value *list = canvas_concat(c, tasks, NULL);

    for (size_t i = 0; list && !share && i < value_len(list); i++)
        if (!(list->u.list.items[i] = signature_clone(c, value_at(tasks, i), NULL)))
            return NULL;
    return list;
}

/* kwargs is the clone's own. */
static bool clone_parts(struct canvas *c, const ptl_value *sig, ptl_value *kwargs)
{
    enum signature_type type = signature_type(sig);
    bool chord = type == SIGNATURE_CHORD;
    bool frozen = value_kind(value_get(kwargs, "header")) == PTL_MAP;
    const ptl_value *tasks, *body = chord ? signature_body(sig) : NULL;

    if (!chord && type != SIGNATURE_CHAIN && type != SIGNATURE_GROUP)
        return true;
    tasks = clone_tasks(c, signature_tasks(sig),
                        type == SIGNATURE_GROUP || (chord && frozen));
    if (!tasks || !canvas_put(c, kwargs, chord ? STR("header") : STR("tasks"), tasks))
        return false;
    if (body)
        body = signature_clone(c, body, NULL);
    else if (chord)
        body = value_null(c->arena);
    return !chord || (body && canvas_put(c, kwargs, STR("body"), body));
}

/* Chains and groups have no arguments but their tasks. */
static bool takes_arguments(const ptl_value *sig)
{
    enum signature_type type = signature_type(sig);

    return type != SIGNATURE_CHAIN && type != SIGNATURE_GROUP;
}

static bool merge_for(struct canvas *c, const ptl_value *sig,
                      const struct partial *with, struct partial *merged)
{
    struct partial only = {.options = with ? with->options : NULL};

    return signature_merge(c, sig, takes_arguments(sig) ? with : &only, merged);
}

bool signature_take_immutable(struct canvas *c, ptl_value *sig)
{
    const ptl_value *option = signature_option(sig, "immutable");

    if (!option || takes_arguments(sig))
        return true;
    return signature_set(c, sig, STR("immutable"),
                         value_bool(c->arena, value_truth(option))) &&
           signature_drop_option(c, sig, "immutable");
}

/* Nor does an immutable one stay so. */
static const ptl_value *kept_immutable(struct canvas *c, const ptl_value *sig)
{
    return takes_arguments(sig) ? value_get(sig, "immutable")
                                : value_bool(c->arena, false);
}

static ptl_value *copy(struct canvas *c, const ptl_value *sig,
                       const struct partial *merged)
{
    ptl_value *clone = value_map(c->arena, 6);
    ptl_value *kwargs = canvas_copy_map(c, merged->kwargs, 0);
    ptl_value *options = canvas_copy_map(c, merged->options, CANVAS_FROZEN);

    if (!kwargs || !options || !clone_parts(c, sig, kwargs))
        return NULL;
    return canvas_put(c, clone, STR("task"), value_get(sig, "task")) &&
                   canvas_put(c, clone, STR("args"), merged->args) &&
                   canvas_put(c, clone, STR("kwargs"), kwargs) &&
                   canvas_put(c, clone, STR("options"), options) &&
                   canvas_put(c, clone, STR("subtask_type"),
                              value_get(sig, "subtask_type")) &&
                   canvas_put(c, clone, STR("immutable"), kept_immutable(c, sig))
               ? clone
               : NULL;
}

ptl_value *signature_clone(struct canvas *c, const ptl_value *sig,
                           const struct partial *with)
{
    struct partial merged;
    ptl_value *clone = NULL;

    if (!canvas_enter(c))
        return NULL;
    if (merge_for(c, sig, with, &merged))
        clone = copy(c, sig, &merged);
    canvas_leave(c);
    return clone && signature_take_immutable(c, clone) ? clone : NULL;
}
