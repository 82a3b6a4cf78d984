/* SPDX-License-Identifier: Apache-2.0 */
/* group - its members are sent one after the other; before the last of a chord's
 * header, the backend learns how many parts there are. */
#include "steps.h"

/* A member with its place in its own group, in the order in which they are sent. */
struct member {
    const ptl_value *sig;
    int64_t index;
    struct member *next;
};

struct sending {
    struct canvas *c;
    struct member *first, **end; /* those to come */
    const ptl_value *group_id, *root_id;
    const ptl_value *chord; /* given by the call, or NULL */
    struct partial with;
    int64_t size; /* of the chord, so far */
    struct canvas_result *result;
};

/* ---- How many parts -------------------------------------------------------------- */

static bool count_parts(struct canvas *c, const ptl_value *sig, int64_t *parts);

/* The last task that counts at all stands for its chain. */
static bool count_chain(struct canvas *c, const ptl_value *sig, int64_t *parts)
{
    int64_t before = *parts;

    for (size_t i = signature_task_count(sig); i-- > 0 && *parts == before;)
        if (!count_parts(c, signature_task_at(sig, i), parts))
            return false;
    return true;
}

static bool count_in(struct canvas *c, const ptl_value *sig, int64_t *parts)
{
    switch (signature_type(sig)) {
    case SIGNATURE_GROUP:
        for (size_t i = 0; i < signature_task_count(sig); i++)
            if (!count_parts(c, signature_task_at(sig, i), parts))
                return false;
        return true;
    case SIGNATURE_CHAIN:
        return count_chain(c, sig, parts);
    case SIGNATURE_CHORD:
        return count_parts(c, signature_body(sig), parts);
    default:
        (*parts)++;
        return true;
    }
}

static bool count_parts(struct canvas *c, const ptl_value *sig, int64_t *parts)
{
    bool ok;

    if (!sig)
        return canvas_fault(c, "TypeError", "cannot count a chord without a body");
    if (!canvas_enter(c))
        return false;
    ok = count_in(c, sig, parts);
    canvas_leave(c);
    return ok;
}

/* ---- Who ------------------------------------------------------------------------- */

static bool list_members(struct sending *s, const ptl_value *group);

static bool list_member(struct sending *s, const ptl_value *sig, int64_t index)
{
    struct member *m;

    if (signature_type(sig) == SIGNATURE_GROUP)
        return list_members(s, sig);
    if (is_empty_chain(sig))
        return true;
    m = arena_alloc(s->c->arena, sizeof(*m));
    if (!m)
        return canvas_fault_memory(s->c);
    *m = (struct member){sig, index, NULL};
    *s->end = m;
    s->end = &m->next;
    return true;
}

/* Groups in the group are flattened; their members count from 0 again. */
static bool list_members(struct sending *s, const ptl_value *group)
{
    bool ok = true;

    if (!canvas_enter(s->c))
        return false;
    for (size_t i = 0; ok && i < signature_task_count(group); i++)
        ok = list_member(s, signature_task_at(group, i), (int64_t)i);
    canvas_leave(s->c);
    return ok;
}

/* ---- Sending --------------------------------------------------------------------- */

/* The next member, frozen; NULL with no fault behind the last. */
static ptl_value *next_member(struct sending *s)
{
    struct member *m = s->first;
    struct canvas_result *result;
    ptl_value *sig;

    if (!m || !(sig = signature_clone(s->c, m->sig, NULL)))
        return NULL;
    s->first = m->next;
    struct freezing f = {.group_id = s->group_id,
                         .root_id = s->root_id,
                         .group_index = value_int(s->c->arena, m->index)};
    result = canvas_freeze(s->c, sig, &f);
    return result && canvas_result_add(s->c, s->result, result) ? sig : NULL;
}

static bool tell_size(struct sending *s)
{
    return s->c->hooks->chord_size(s->c->ctx, value_as_str(s->group_id), s->size);
}

static bool send_member(struct sending *s, ptl_value *sig, bool last)
{
    const ptl_value *chord =
        s->chord ? s->chord : canvas_given(signature_options(sig), "chord");
    ptl_value *options = canvas_copy_map(s->c, s->with.options, 2);
    struct partial with = s->with;

    if (!options || !count_parts(s->c, sig, &s->size) ||
        (chord && last && !tell_size(s)) ||
        !canvas_put(s->c, options, STR("add_to_parent"),
                    value_bool(s->c->arena, false)) ||
        !canvas_put(s->c, options, STR("chord"),
                    chord ? chord : value_null(s->c->arena)))
        return false;
    with.options = options;
    return apply_any(s->c, sig, &with) != NULL;
}

/* Celery prepares one ahead, to know the last when it comes. */
static bool send_members(struct sending *s)
{
    ptl_value *sig = next_member(s), *next;

    for (; sig; sig = next) {
        next = next_member(s);
        if (s->c->fault_kind || !send_member(s, sig, !next))
            return false;
    }
    return !s->c->fault_kind;
}

static bool refuse_links(struct canvas *c, const ptl_value *options)
{
    if (canvas_given(options, "link"))
        return canvas_fault(c, "TypeError", "Cannot add link to group: use a chord");
    if (canvas_given(options, "link_error"))
        return canvas_fault(c, "TypeError",
                            "Cannot add link to group: do that on individual tasks");
    return true;
}

/* The group's own, and those of the call but for what must not change. */
static ptl_value *group_options(struct canvas *c, const ptl_value *own,
                                const ptl_value *with)
{
    static const char *const call_only[] = {"add_to_parent", "link", "link_error",
                                            NULL};
    ptl_value *all = canvas_copy_map(c, own, value_len(with));

    with = all ? canvas_without(c, with, call_only) : NULL;
    for (size_t i = 0; with && i < value_len(with); i++) {
        const struct value_pair *pair = &with->u.map.pairs[i];
        bool kept =
            str_is(pair->key, "group_id") || str_is(pair->key, "stamped_headers");
        if ((!kept || !value_find(own, pair->key)) &&
            !canvas_put(c, all, pair->key, pair->value))
            return NULL;
    }
    return with ? all : NULL;
}

/* Its own id is the group of its members. */
static bool set_group(struct sending *s, const ptl_value *own,
                      const struct partial *with)
{
    static const char *const consumed[] = {"task_id", "chord", "group_index", NULL};
    struct str new_id = canvas_new_id(s->c);
    ptl_value *all = new_id.p ? group_options(s->c, own, with->options) : NULL,
              *options;

    if (!all)
        return false;
    s->group_id = canvas_given(all, "task_id");
    if (!s->group_id)
        s->group_id = value_str(s->c->arena, new_id);
    s->root_id = canvas_given(all, "root_id");
    s->chord = canvas_given(all, "chord");
    s->result = canvas_result_new(s->c, s->group_id);
    options = canvas_without(s->c, all, consumed);
    s->with = (struct partial){with->args, with->kwargs, options};
    if (!s->result || !options ||
        !canvas_put(s->c, options, STR("group_id"), s->group_id))
        return false;
    s->result->group = true;
    return true;
}

struct canvas_result *apply_group(struct canvas *c, ptl_value *group,
                                  const struct partial *with)
{
    struct sending s = {.c = c, .end = &s.first};
    struct freezing nothing = {0};

    if (!refuse_links(c, with->options))
        return NULL;
    if (!signature_task_count(group))
        return canvas_freeze(c, group, &nothing);
    if (!set_group(&s, signature_options(group), with) || !list_members(&s, group) ||
        !send_members(&s))
        return NULL;
    if (s.result->n == 1 && s.result->members[0]->group)
        s.result = s.result->members[0]; /* group(a | group(b, c)) is that group */
    return canvas_note_child(c, with->options, s.result) ? s.result : NULL;
}
