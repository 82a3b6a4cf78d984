/* SPDX-License-Identifier: Apache-2.0 */
/* stamp - headers that a signature, its tasks and its callbacks carry wherever they go.
 *
 * An option names the stamps: {"stamped_headers": ["case"], "case": "one"}. */
#include "build.h"

static bool stamp(struct canvas *c, ptl_value *sig, const ptl_value *stamps);

/* Adds the names to those in a map whose keys they are. */
static bool add_names(struct canvas *c, ptl_value *names, const ptl_value *stamps)
{
    const ptl_value *list = value_get(stamps, "stamped_headers");

    for (size_t i = 0; i < value_len(list); i++) {
        const ptl_value *name = value_at(list, i);
        if (value_kind(name) == PTL_STR && !canvas_put(c, names, name->u.s, name))
            return false;
    }
    return true;
}

static const ptl_value *merge_value(struct canvas *c, const ptl_value *v,
                                    const ptl_value *old);

/* Objects are merged, lists put together; of anything else the newer stays. */
static bool merge_pair(struct canvas *c, ptl_value *into, struct str key,
                       const ptl_value *old)
{
    const ptl_value *v = value_find(into, key);

    v = v ? merge_value(c, v, old) : old;
    return v && canvas_put(c, into, key, v);
}

static const ptl_value *merge_maps(struct canvas *c, const ptl_value *v,
                                   const ptl_value *old)
{
    ptl_value *merged = canvas_enter(c) ? canvas_copy_map(c, v, value_len(old)) : NULL;

    for (size_t i = 0; merged && i < value_len(old); i++)
        if (!merge_pair(c, merged, old->u.map.pairs[i].key, old->u.map.pairs[i].value))
            return NULL;
    canvas_leave(c);
    return merged;
}

static const ptl_value *merge_value(struct canvas *c, const ptl_value *v,
                                    const ptl_value *old)
{
    if (value_kind(v) != value_kind(old))
        return v;
    if (value_kind(v) == PTL_MAP)
        return merge_maps(c, v, old);
    return value_kind(v) == PTL_LIST ? canvas_concat(c, v, old) : v;
}

static const ptl_value *values_of(struct canvas *c, const ptl_value *map)
{
    ptl_value *list = value_list(c->arena, value_len(map));

    for (size_t i = 0; list && i < value_len(map); i++)
        value_list_add(c->arena, list, map->u.map.pairs[i].value);
    return list;
}

/* The new stamps and those that the options have. */
static const ptl_value *merge_stamps(struct canvas *c, const ptl_value *stamps,
                                     const ptl_value *options)
{
    ptl_value *merged = canvas_copy_map(c, stamps, 0);
    ptl_value *names = value_map(c->arena, 4);

    if (!merged || !names || !add_names(c, names, stamps) ||
        !add_names(c, names, options))
        return NULL;
    for (size_t i = 0; i < value_len(names); i++) {
        struct str name = names->u.map.pairs[i].key;
        const ptl_value *old = value_find(options, name);
        if (old && !str_is(name, "stamped_headers") &&
            !merge_pair(c, merged, name, old))
            return NULL;
    }
    return canvas_put(c, merged, STR("stamped_headers"), values_of(c, names)) ? merged
                                                                              : NULL;
}

/* The callbacks are others' too: they are replaced by stamped copies. */
static bool stamp_links(struct canvas *c, ptl_value *sig, struct str key,
                        const ptl_value *stamps)
{
    const ptl_value *links = value_find(signature_options(sig), key);
    ptl_value *stamped = value_list(c->arena, canvas_list_len(links));

    if (value_is_null(links))
        return true;
    for (size_t i = 0; i < canvas_list_len(links); i++) {
        ptl_value *link = signature_read(c, canvas_list_at(links, i));
        if (!link || !stamp(c, link, stamps) || !canvas_add(c, stamped, link))
            return false;
    }
    return signature_set_option(c, sig, key, stamped);
}

static bool stamp_all_links(struct canvas *c, ptl_value *sig, const ptl_value *stamps)
{
    return stamps && stamp_links(c, sig, STR("link"), stamps) &&
           stamp_links(c, sig, STR("link_error"), stamps);
}

/* What has tasks passes them on, with its own. */
static bool stamp_tasks(struct canvas *c, ptl_value *sig, const ptl_value *stamps)
{
    stamps = merge_stamps(c, stamps, signature_options(sig));
    if (!stamp_all_links(c, sig, stamps))
        return false;
    for (size_t i = 0; i < signature_task_count(sig); i++)
        if (!stamp(c, signature_task_at(sig, i), stamps))
            return false;
    return true;
}

static bool stamp_task(struct canvas *c, ptl_value *sig, const ptl_value *stamps)
{
    if (!stamp_all_links(c, sig, stamps))
        return false;
    stamps = merge_stamps(c, stamps, signature_options(sig));
    return stamps && canvas_set(c, sig, stamps);
}

static bool stamp(struct canvas *c, ptl_value *sig, const ptl_value *stamps)
{
    enum signature_type type = signature_type(sig);
    bool has_tasks =
        type == SIGNATURE_CHAIN || type == SIGNATURE_GROUP || type == SIGNATURE_CHORD;
    bool done;

    if (!canvas_count(c) || !canvas_enter(c))
        return false;
    done = has_tasks ? stamp_tasks(c, sig, stamps) : stamp_task(c, sig, stamps);
    canvas_leave(c);
    return done;
}

bool canvas_stamp(struct canvas *c, ptl_value *sig, const ptl_value *stamps)
{
    ptl_value *named = canvas_copy_map(c, stamps, 1);
    ptl_value *names = value_list(c->arena, value_len(stamps));

    for (size_t i = 0; i < value_len(stamps); i++)
        if (!canvas_add(c, names, value_str(c->arena, stamps->u.map.pairs[i].key)))
            return false;
    return named && canvas_put(c, named, STR("stamped_headers"), names) &&
           stamp(c, sig, named);
}
