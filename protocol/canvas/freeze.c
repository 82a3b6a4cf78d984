/* SPDX-License-Identifier: Apache-2.0 */
/* freeze - a signature gets its ids before it runs, as Celery's freeze() gives them. */
#include "steps.h"

static bool set_given(struct canvas *c, ptl_value *sig, struct str key,
                      const ptl_value *v)
{
    return !value_truth(v) || signature_set_option(c, sig, key, v);
}

/* The id it has, the one that is offered, or a new one. */
static const ptl_value *freeze_id(struct canvas *c, ptl_value *sig,
                                  const ptl_value *offered)
{
    const ptl_value *id = canvas_given(signature_options(sig), "task_id");

    if (id)
        return id;
    id = value_truth(offered) ? offered : value_str(c->arena, canvas_new_id(c));
    return signature_set_option(c, sig, STR("task_id"), id) ? id : NULL;
}

static struct canvas_result *freeze_task(struct canvas *c, ptl_value *sig,
                                         const struct freezing *f)
{
    const ptl_value *id = freeze_id(c, sig, f->id);

    if (!id || !set_given(c, sig, STR("root_id"), f->root_id) ||
        !set_given(c, sig, STR("parent_id"), f->parent_id))
        return NULL;
    if (!signature_option(sig, "reply_to") &&
        !signature_set_id(c, sig, STR("reply_to"), c->reply_to))
        return NULL;
    if (!signature_option(sig, "group_id") &&
        !set_given(c, sig, STR("group_id"), f->group_id))
        return NULL;
    if (!set_given(c, sig, STR("chord"), f->chord))
        return NULL;
    if (!value_is_null(f->group_index) &&
        !signature_set_option(c, sig, STR("group_index"), f->group_index))
        return NULL;
    return canvas_result_new(c, id);
}

static struct canvas_result *freeze_chain(struct canvas *c, ptl_value *chain,
                                          const struct freezing *f)
{
    struct chaining how = {.args = signature_args(chain), .freezing = *f};
    struct chain_steps steps;

    if (!chain_prepare(c, chain, &how, &steps))
        return NULL;
    if (!value_len(steps.tasks)) {
        canvas_fault(c, "IndexError", "cannot freeze a chain without tasks");
        return NULL;
    }
    return steps.results[0];
}

/* Hangs the header's result on the first of the body's, which may be a chain. */
static bool join_results(struct canvas *c, struct canvas_result *body,
                         struct canvas_result *header)
{
    ptl_value *seen = value_map(c->arena, 0);

    for (;; body = body->parent) {
        struct str id = value_as_str(body->id);
        if (id.p && value_find(seen, id))
            return canvas_fault(c, "RuntimeError",
                                "cannot freeze a chord: two of its tasks have the id "
                                "%.*s",
                                (int)(id.n < 80 ? id.n : 80), id.p);
        if (id.p && !canvas_put(c, seen, id, body->id))
            return false;
        if (!body->parent)
            break;
    }
    body->parent = header;
    return true;
}

/* The header as a group, which it is from now on. */
static ptl_value *chord_group(struct canvas *c, ptl_value *chord)
{
    const ptl_value *header = value_get(signature_kwargs(chord), "header");
    ptl_value *group;

    if (value_kind(header) == PTL_MAP)
        return (ptl_value *)header;
    group = group_over(c, signature_tasks(chord));
    return group && signature_set_kwarg(c, chord, STR("header"), group) ? group : NULL;
}

static struct canvas_result *freeze_chord(struct canvas *c, ptl_value *chord,
                                          const struct freezing *f)
{
    ptl_value *body = signature_body(chord), *group = chord_group(c, chord);
    struct freezing of_header = {.parent_id = f->parent_id,
                                 .root_id = f->root_id,
                                 .chord = freeze_for(body)};
    struct freezing of_body = *f;
    struct canvas_result *header, *result;

    if (!body)
        canvas_fault(c, "AttributeError", "cannot freeze a chord without a body");
    if (!body || !group || !(header = freeze_group(c, group, &of_header)) ||
        !signature_set_option(c, chord, STR("task_id"), header->id))
        return NULL;
    of_body.parent_id = NULL;
    result = canvas_freeze(c, body, &of_body);
    return result && join_results(c, result, header) ? result : NULL;
}

struct canvas_result *canvas_freeze(struct canvas *c, ptl_value *sig,
                                    const struct freezing *f)
{
    struct canvas_result *result;

    if (!canvas_enter(c))
        return NULL;
    switch (signature_type(sig)) {
    case SIGNATURE_CHAIN:
        result = freeze_chain(c, sig, f);
        break;
    case SIGNATURE_GROUP:
        result = freeze_group(c, sig, f);
        break;
    case SIGNATURE_CHORD:
        result = freeze_chord(c, sig, f);
        break;
    default:
        result = freeze_task(c, sig, f);
    }
    canvas_leave(c);
    return result;
}
