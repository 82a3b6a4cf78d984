/* SPDX-License-Identifier: Apache-2.0 */
/* signature - its fields and options. */
#include "signature.h"

/* An own signature's map, options and kwargs were made by value_map, its lists by
 * value_list: what is const for those who share them is not for their owner. */
static ptl_value *own(const ptl_value *v)
{
    return (ptl_value *)v;
}

static const char *const type_names[] = {
    [SIGNATURE_CHAIN] = "chain",      [SIGNATURE_GROUP] = "group",
    [SIGNATURE_CHORD] = "chord",      [SIGNATURE_MAP] = "xmap",
    [SIGNATURE_STARMAP] = "xstarmap", [SIGNATURE_CHUNKS] = "chunks",
};

enum signature_type signature_type(const ptl_value *sig)
{
    struct str type = value_as_str(value_get(sig, "subtask_type"));

    for (size_t i = SIGNATURE_CHAIN; type.n && i <= SIGNATURE_CHUNKS; i++)
        if (str_is(type, type_names[i]))
            return (enum signature_type)i;
    return SIGNATURE_TASK;
}

static ptl_value *type_value(struct canvas *c, enum signature_type type)
{
    bool plain = type == SIGNATURE_TASK || type >= SIGNATURE_MAP;

    return plain ? value_null(c->arena) : value_str(c->arena, str_of(type_names[type]));
}

ptl_value *signature_make(struct canvas *c, struct str task, enum signature_type type,
                          const ptl_value *args, const ptl_value *kwargs,
                          const ptl_value *options)
{
    ptl_value *sig = value_map(c->arena, 6);
    bool immutable = type >= SIGNATURE_MAP;

    if (!args)
        args = value_list(c->arena, 0);
    return canvas_put(c, sig, STR("task"), value_str(c->arena, task)) &&
                   canvas_put(c, sig, STR("args"), args) &&
                   canvas_put(c, sig, STR("kwargs"), kwargs) &&
                   canvas_put(c, sig, STR("options"),
                              canvas_copy_map(c, options, CANVAS_FROZEN)) &&
                   canvas_put(c, sig, STR("subtask_type"), type_value(c, type)) &&
                   canvas_put(c, sig, STR("immutable"), value_bool(c->arena, immutable))
               ? sig
               : NULL;
}

struct str signature_task(const ptl_value *sig)
{
    return value_as_str(value_get(sig, "task"));
}

const ptl_value *signature_args(const ptl_value *sig)
{
    return value_get(sig, "args");
}

ptl_value *signature_kwargs(const ptl_value *sig)
{
    return own(value_get(sig, "kwargs"));
}

ptl_value *signature_options(const ptl_value *sig)
{
    return own(value_get(sig, "options"));
}

bool signature_immutable(const ptl_value *sig)
{
    return value_truth(value_get(sig, "immutable"));
}

ptl_value *signature_tasks(const ptl_value *sig)
{
    const ptl_value *kwargs = signature_kwargs(sig), *header;

    if (signature_type(sig) != SIGNATURE_CHORD)
        return own(value_get(kwargs, "tasks"));
    header = value_get(kwargs, "header");
    return value_kind(header) == PTL_MAP ? signature_tasks(header) : own(header);
}

ptl_value *signature_task_at(const ptl_value *sig, size_t index)
{
    return own(value_at(signature_tasks(sig), index));
}

ptl_value *signature_body(const ptl_value *sig)
{
    const ptl_value *body = value_get(signature_kwargs(sig), "body");

    return value_is_null(body) ? NULL : own(body);
}

bool signature_set(struct canvas *c, ptl_value *sig, struct str field,
                   const ptl_value *v)
{
    return canvas_put(c, sig, field, v);
}

bool signature_set_kwarg(struct canvas *c, ptl_value *sig, struct str key,
                         const ptl_value *v)
{
    return canvas_put(c, signature_kwargs(sig), key, v);
}

const ptl_value *signature_option(const ptl_value *sig, const char *key)
{
    return value_get(signature_options(sig), key);
}

struct str signature_id(const ptl_value *sig, const char *key)
{
    return value_as_str(signature_option(sig, key));
}

bool signature_set_option(struct canvas *c, ptl_value *sig, struct str key,
                          const ptl_value *v)
{
    return canvas_put(c, signature_options(sig), key, v);
}

bool signature_set_id(struct canvas *c, ptl_value *sig, struct str key, struct str id)
{
    return signature_set_option(c, sig, key, value_str(c->arena, id));
}

bool signature_drop_option(struct canvas *c, ptl_value *sig, const char *key)
{
    const ptl_value *options = signature_options(sig);
    ptl_value *left;

    if (!value_get(options, key))
        return true;
    left = value_map(c->arena, value_len(options));
    for (size_t i = 0; left && i < value_len(options); i++) {
        const struct value_pair *pair = &options->u.map.pairs[i];
        if (!str_is(pair->key, key) && !canvas_put(c, left, pair->key, pair->value))
            return false;
    }
    return canvas_put(c, sig, STR("options"), left);
}

/* Most differ in the task; a long list of what looks alike is paid for. */
static bool equal_links(struct canvas *c, const ptl_value *a, const ptl_value *b)
{
    if (a == b || !str_eq(signature_task(a), signature_task(b)))
        return a == b;
    return canvas_count(c) && value_equal(a, b);
}

/* Adds to `links` those of `old`; *found if the callback is among them. */
static bool copy_links(struct canvas *c, ptl_value *links, const ptl_value *old,
                       const ptl_value *callback, bool *found)
{
    for (size_t i = 0; i < canvas_list_len(old); i++) {
        const ptl_value *link = canvas_list_at(old, i);
        *found = *found || equal_links(c, link, callback);
        if (c->fault_kind || !canvas_add(c, links, link))
            return false;
    }
    return true;
}

bool signature_add_link(struct canvas *c, ptl_value *sig, struct str key,
                        const ptl_value *callback)
{
    const ptl_value *old = value_find(signature_options(sig), key);
    ptl_value *links = value_list(c->arena, canvas_list_len(old) + 1);
    bool found = false;

    if (!links)
        return canvas_fault_memory(c);
    return copy_links(c, links, old, callback, &found) &&
           (found || canvas_add(c, links, callback)) &&
           signature_set_option(c, sig, key, links);
}
