/* SPDX-License-Identifier: Apache-2.0 */
/* chord - the header is sent as a group, whose members carry the body. */
#include "steps.h"

struct running {
    struct canvas *c;
    ptl_value *body, *header;
    ptl_value *options; /* the chord's own and the call's */
    ptl_value *delay;   /* countdown and eta: they are the header's */
    const ptl_value *group_id, *root_id, *task_id;
    struct partial with; /* of the header's tasks */
};

/* ---- Options --------------------------------------------------------------------- */

/* The task that fires the body is its parent, so nothing else is. */
static ptl_value *body_options(struct canvas *c, const ptl_value *options)
{
    static const char *const names[] = {"parent_id", NULL};

    return canvas_without(c, options, names);
}

static bool clone_body(struct running *r, const ptl_value *chord,
                       const struct partial *with)
{
    static const char *const call_only[] = {"task_id",   "link", "link_error",
                                            "countdown", "eta",  "parent_id",
                                            NULL};
    ptl_value *body = signature_body(chord);
    struct partial opts = {.options = canvas_without(r->c, with->options, call_only)};

    if (!body)
        return canvas_fault(r->c, "AttributeError",
                            "cannot apply a chord without a body");
    r->body = opts.options ? signature_clone(r->c, body, &opts) : NULL;
    return r->body;
}

static ptl_value *header_group(struct canvas *c, ptl_value *chord)
{
    const ptl_value *header = value_get(signature_kwargs(chord), "header");
    const ptl_value *id = signature_option(chord, "task_id");
    ptl_value *list, *group;

    if (value_kind(header) == PTL_MAP)
        return signature_clone(c, header, NULL);
    if (!value_truth(id))
        id = value_str(c->arena, canvas_new_id(c));
    list = canvas_concat(c, signature_tasks(chord), NULL);
    group = list ? group_over(c, list) : NULL;
    return group && signature_set_option(c, group, STR("task_id"), id) ? group : NULL;
}

/* A delay of the call, else of the chord, is the header's. */
static bool set_delay(struct running *r, const ptl_value *with)
{
    static const char *const names[] = {"countdown", "eta"};

    for (size_t i = 0; i < 2; i++) {
        const ptl_value *delay = canvas_given(with, names[i]);
        if (!delay)
            delay = canvas_given(r->options, names[i]);
        if (delay && !canvas_put(r->c, r->delay, str_of(names[i]), delay))
            return false;
    }
    return r->delay || canvas_fault_memory(r->c);
}

/* What the chord passes on to the tasks of its header. */
static bool set_arguments(struct running *r, const ptl_value *chord,
                          const struct partial *with)
{
    const ptl_value *own = value_get(signature_kwargs(chord), "kwargs");
    ptl_value *kwargs = canvas_copy_map(r->c, own, value_len(with->kwargs));

    r->with.args = signature_args(chord);
    if (value_len(with->args) && !signature_immutable(chord))
        r->with.args = canvas_concat(r->c, with->args, r->with.args);
    r->with.kwargs = kwargs;
    return r->with.args && canvas_put_all(r->c, kwargs, with->kwargs);
}

/* run() takes these for itself; of the chord's own they stay, but for the last three.
 */
static bool set_options(struct running *r, const ptl_value *chord,
                        const ptl_value *with)
{
    static const char *const call_only[] = {"interval", "max_retries", "eager",
                                            "header_delay", NULL};
    static const char *const run_only[] = {"task_id", "countdown", "eta", NULL};
    const ptl_value *given = canvas_without(r->c, with, call_only);
    ptl_value *all = canvas_copy_map(r->c, signature_options(chord), value_len(given));

    r->delay = value_map(r->c->arena, 2);
    r->options = all;
    if (!given || !canvas_put_all(r->c, all, given) || !set_delay(r, with))
        return false;
    r->task_id = canvas_given(all, "task_id");
    r->options = canvas_without(r->c, all, run_only);
    return r->options;
}

/* ---- Running --------------------------------------------------------------------- */

/* The callbacks leave the options. */
static bool move_callbacks(struct running *r)
{
    static const char *const names[] = {"link", "link_error", NULL};

    r->body = chord_link_body(r->c, r->body, canvas_given(r->options, "link"),
                              canvas_given(r->options, "link_error"));
    r->options = canvas_without(r->c, r->options, names);
    return r->body && r->options;
}

static bool prepare_body(struct running *r)
{
    ptl_value *options;

    r->group_id = signature_option(r->header, "task_id");
    if (!value_truth(r->group_id))
        r->group_id = value_str(r->c->arena, canvas_new_id(r->c));
    r->root_id = canvas_given(signature_options(r->body), "root_id");
    if (value_len(r->options)) {
        options = move_callbacks(r) ? body_options(r->c, r->options) : NULL;
        if (!options || !canvas_put_all(r->c, signature_options(r->body), options))
            return false;
    }
    return signature_type(r->body) != SIGNATURE_CHAIN ||
           chain_unroll_chords(r->c, r->body);
}

static struct canvas_result *freeze_body(struct running *r)
{
    struct freezing f = {.id = r->task_id,
                         .group_id = r->group_id,
                         .root_id = r->root_id};
    struct canvas_result *result;

    if (!value_truth(f.id))
        f.id = value_str(r->c->arena, canvas_new_id(r->c));
    result = canvas_freeze(r->c, r->body, &f);
    return result && strip_header_links(r->c, r->body) ? result : NULL;
}

static struct canvas_result *freeze_header(struct running *r)
{
    struct freezing f = {.group_id = r->group_id,
                         .root_id = r->root_id,
                         .chord = freeze_for(r->body)};

    return signature_set_option(r->c, r->header, STR("task_id"), r->group_id)
               ? freeze_group(r->c, r->header, &f)
               : NULL;
}

/* Only results that are groups themselves need their shape kept. */
static bool save_nested(struct running *r, const struct canvas_result *header)
{
    ptl_value *document = value_map(r->c->arena, 1);

    for (size_t i = 0; i < header->n; i++) {
        if (!header->members[i]->group)
            continue;
        return canvas_put(r->c, document, STR("result"),
                          canvas_result_tuple(r->c, header)) &&
               r->c->hooks->save_group(r->c->ctx, value_as_str(header->id), document);
    }
    return true;
}

static bool apply_header(struct running *r)
{
    static const char *const not_header[] = {"chain", "chord", "task_id", NULL};
    ptl_value *options = canvas_without(r->c, r->options, not_header);

    r->with.options = options;
    return options && canvas_put_all(r->c, options, r->delay) &&
           canvas_put(r->c, options, STR("task_id"), r->group_id) &&
           apply_group(r->c, r->header, &r->with);
}

/* Without a header the body runs at once. */
static bool apply_body(struct running *r)
{
    ptl_value *results = value_list(r->c->arena, 0), *args = value_list(r->c->arena, 1);
    struct partial with = {.args = args};

    return canvas_add(r->c, args, results) && apply_any(r->c, r->body, &with);
}

struct canvas_result *apply_chord(struct canvas *c, ptl_value *chord,
                                  const struct partial *with)
{
    struct running r = {.c = c};
    struct canvas_result *body, *header;

    if (!clone_body(&r, chord, with) || !(r.header = header_group(c, chord)) ||
        !set_arguments(&r, chord, with) || !set_options(&r, chord, with->options) ||
        !prepare_body(&r) || !(body = freeze_body(&r)) || !(header = freeze_header(&r)))
        return NULL;
    if (header->n ? !save_nested(&r, header) || !apply_header(&r) : !apply_body(&r))
        return NULL;
    body->parent = header;
    return body;
}
