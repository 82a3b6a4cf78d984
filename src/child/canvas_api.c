/* SPDX-License-Identifier: Apache-2.0 */
/* canvas_api - signatures as handlers make and send them: Celery's canvas in C.
 *
 * A handler's values may be shared by several signatures, so each function reads what
 * it is given into a signature of its own (signature_read) before it composes. */
#include "../../protocol/canvas/build.h"
#include "../../protocol/canvas/steps.h"
#include "apply.h"
#include "options.h"
#include "text.h"

/* What was made, or NULL with the canvas' fault flagged. */
static ptl_value *made(ptl_task *t, const struct canvas *c, ptl_value *sig)
{
    if (sig)
        return sig;
    apply_flag(t, c);
    return NULL;
}

/* ---- One call ---------------------------------------------------------------------
 */

/* ptl_send knows this by a flag, a signature by an option. */
static bool keep_trail_off(ptl_task *t, const ptl_options *o, ptl_value *map)
{
    return !(o->flags & PTL_SEND_NO_TRAIL) ||
           value_map_set(t->arena, map, STR("add_to_parent"),
                         value_bool(t->arena, false));
}

/* Checked, and copied out of the handler's own memory. */
static const ptl_value *read_options(ptl_task *t, const ptl_options *given,
                                     ptl_options *o)
{
    struct options_map *map;
    ptl_value *kept;

    if (ptl_failed(t) || !task_read_options(t, o, given) || !task_check_options(t, o))
        return NULL;
    map = arena_alloc(t->arena, sizeof(*map));
    kept = map ? (ptl_value *)task_with_nuls(t->arena, options_as_map(o, map)) : NULL;
    return kept && keep_trail_off(t, o, kept) ? kept : task_fail_memory(t);
}

ptl_value *ptl_sig_options(ptl_task *t, const char *name, const ptl_options *options)
{
    ptl_options o;
    const ptl_value *map = read_options(t, options, &o);
    struct canvas c = apply_canvas(t);
    struct str task;

    if (!map)
        return NULL;
    if (!name || !*name || !text_is_valid(str_of(name)))
        return task_fail(t, "ValueError", "ptl_sig() needs the name of a task");
    task = arena_copy(t->arena, str_of(name));
    if (!task.p)
        return task_fail_memory(t);
    return made(t, &c, canvas_signature(&c, task, o.args, o.kwargs, map, false));
}

ptl_value *ptl_sig(ptl_task *t, const char *name, ...)
{
    ptl_options o = {.size = sizeof(o)};
    va_list ap;

    if (ptl_failed(t))
        return NULL;
    va_start(ap, name);
    o.args = task_list_of(t, ap);
    va_end(ap);
    return o.args ? ptl_sig_options(t, name, &o) : NULL;
}

ptl_value *ptl_set_options(ptl_task *t, const ptl_value *sig,
                           const ptl_options *options)
{
    ptl_options o;
    const ptl_value *map = read_options(t, options, &o);
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (!map)
        return NULL;
    if (o.args || o.kwargs)
        return task_fail(t, "TypeError",
                         "ptl_set() takes options: arguments belong to ptl_sig()");
    own = signature_read(&c, sig);
    return made(t, &c, own && canvas_set(&c, own, map) ? own : NULL);
}

ptl_value *ptl_sig_immutable(ptl_task *t, const ptl_value *sig)
{
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = signature_read(&c, sig);
    return made(t, &c, own && canvas_make_immutable(&c, own) ? own : NULL);
}

/* ---- Several ----------------------------------------------------------------------
 */

static ptl_value *read_all(struct canvas *c, const ptl_value *signatures)
{
    ptl_value *own = value_list(c->arena, value_len(signatures));

    if (value_kind(signatures) != PTL_LIST)
        canvas_fault(c, "TypeError", "cannot compose signatures: they are no list");
    for (size_t i = 0; !c->fault_kind && i < value_len(signatures); i++)
        canvas_add(c, own, signature_read(c, value_at(signatures, i)));
    return c->fault_kind ? NULL : own;
}

ptl_value *ptl_chain_of(ptl_task *t, const ptl_value *signatures)
{
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = read_all(&c, signatures);
    return made(t, &c, own ? canvas_chain(&c, own) : NULL);
}

ptl_value *ptl_group_of(ptl_task *t, const ptl_value *signatures)
{
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = read_all(&c, signatures);
    return made(t, &c, own ? canvas_group(&c, own) : NULL);
}

static ptl_value *list_up_to_null(ptl_task *t, va_list ap)
{
    return ptl_failed(t) ? NULL : task_list_of(t, ap);
}

ptl_value *ptl_chain(ptl_task *t, ...)
{
    ptl_value *list;
    va_list ap;

    va_start(ap, t);
    list = list_up_to_null(t, ap);
    va_end(ap);
    return list ? ptl_chain_of(t, list) : NULL;
}

ptl_value *ptl_group(ptl_task *t, ...)
{
    ptl_value *list;
    va_list ap;

    va_start(ap, t);
    list = list_up_to_null(t, ap);
    va_end(ap);
    return list ? ptl_group_of(t, list) : NULL;
}

/* A header is whatever Celery takes for one; a chord is read as it would be read off
 * the wire. */
ptl_value *ptl_chord(ptl_task *t, const ptl_value *header, const ptl_value *body)
{
    struct canvas c = apply_canvas(t);
    ptl_value *chord;

    if (ptl_failed(t))
        return NULL;
    if (!header || value_is_null(body))
        return task_fail(t, "TypeError", "ptl_chord() needs a header and a body");
    chord = canvas_chord(&c, (ptl_value *)header, (ptl_value *)body);
    return made(t, &c, chord ? signature_read(&c, chord) : NULL);
}

/* ---- What they carry ----------------------------------------------------------------
 */

typedef bool link_fn(struct canvas *c, ptl_value *sig, const ptl_value *callback);

static ptl_value *linked(ptl_task *t, const ptl_value *sig, const ptl_value *callback,
                         link_fn *link)
{
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = signature_read(&c, sig);
    callback = own ? signature_read(&c, callback) : NULL;
    return made(t, &c, callback && link(&c, own, callback) ? own : NULL);
}

ptl_value *ptl_link(ptl_task *t, const ptl_value *sig, const ptl_value *callback)
{
    return linked(t, sig, callback, canvas_link_to);
}

ptl_value *ptl_link_error(ptl_task *t, const ptl_value *sig, const ptl_value *errback)
{
    return linked(t, sig, errback, canvas_link_error_to);
}

ptl_value *ptl_stamp(ptl_task *t, const ptl_value *sig, const ptl_value *stamps)
{
    struct canvas c = apply_canvas(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    if (value_kind(stamps) != PTL_MAP)
        return task_fail(t, "TypeError", "the stamps of a signature are a map");
    own = signature_read(&c, sig);
    return made(t, &c, own && canvas_stamp(&c, own, stamps) ? own : NULL);
}

/* ---- Sending ------------------------------------------------------------------------
 */

/* The id of what was applied, which is also among the task's children. */
static const char *apply(ptl_task *t, struct canvas *c, const ptl_value *sig)
{
    const ptl_value *tuple = canvas_apply(c, sig, NULL, NULL);
    struct str id;

    if (!tuple) {
        apply_flag(t, c);
        return NULL;
    }
    task_add_tuple(t, tuple);
    id = c->applied.n ? arena_copy(t->arena, c->applied) : (struct str){0};
    return id.p || !c->applied.n ? id.p : task_fail_memory(t);
}

const char *ptl_send_sig(ptl_task *t, const ptl_value *sig)
{
    struct canvas c = apply_canvas(t);

    return ptl_failed(t) ? NULL : apply(t, &c, sig);
}

static const ptl_value *text_or_null(ptl_task *t, struct str s)
{
    return s.n ? value_str(t->arena, arena_copy(t->arena, s)) : NULL;
}

static struct canvas_request request_of(ptl_task *t)
{
    const ptl_value *embed = t->body.embed;
    const ptl_value *nesting = value_get(t->message.headers, "replaced_task_nesting");

    return (struct canvas_request){
        .id = text_or_null(t, t->message.id),
        .root_id = text_or_null(t, t->message.root_id),
        .group = text_or_null(t, t->message.group),
        .group_index = t->message.group_index >= 0
                           ? value_int(t->arena, t->message.group_index)
                           : NULL,
        .chord = value_get(embed, "chord"),
        .chain = value_get(embed, "chain"),
        .callbacks = value_get(embed, "callbacks"),
        .errbacks = value_get(embed, "errbacks"),
        .replaced_task_nesting = value_as_int(nesting, 0),
    };
}

ptl_value *ptl_replace(ptl_task *t, const ptl_value *sig)
{
    struct canvas c = apply_canvas(t);
    struct canvas_request request = request_of(t);
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = signature_read(&c, sig);
    own = own ? canvas_replacement(&c, own, &request) : NULL;
    if (made(t, &c, own))
        apply(t, &c, own);
    return ptl_ignore(t); /* unless a failure is flagged */
}

const char *ptl_add_to_chord(ptl_task *t, const ptl_value *sig)
{
    struct canvas c = apply_canvas(t);
    struct canvas_request request = request_of(t);
    struct frame_effect grow = {.kind = EFFECT_CHORD_GROW, .group = t->message.group};
    ptl_value *own;

    if (ptl_failed(t))
        return NULL;
    own = signature_read(&c, sig);
    own = own ? canvas_chord_member(&c, own, &request) : NULL;
    if (!made(t, &c, own))
        return NULL;
    task_effect(t, &grow, NULL);
    return apply(t, &c, own);
}
