/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include "document.h"

/* Far more than a message of ordinary size can hold, far less than memory can. */
#define SIGNATURES_MAX 1000000u
#define WHY_BYTES (64u << 10)

/* ---- The hooks ------------------------------------------------------------------ */

static void new_id(void *ctx, char id[UUID_TEXT])
{
    task_new_id(ctx, id);
}

/* A Python task checks the arguments that a signature gives it before it is sent. */
static bool fits(struct ptl_task *t, const struct canvas_call *call)
{
    static const ptl_value no_args = {.kind = PTL_LIST}, no_kwargs = {.kind = PTL_MAP};
    const ptl_value *args = call->args ? call->args : &no_args;
    const ptl_value *kwargs = call->kwargs ? call->kwargs : &no_kwargs;
    const ptl_value *bound[BIND_MAX_PARAMS];
    const struct module_row *row = t->table ? module_row(t->table, call->task) : NULL;
    struct wr why;

    if (!row || args->kind != PTL_LIST || kwargs->kind != PTL_MAP)
        return true; /* the publisher complains */
    wr_init(&why, WHY_BYTES);
    bool ok = bind_call(&row->params, row->function, args, kwargs, bound, &why);
    if (!ok)
        task_fail(t, "TypeError", STR_FMT, STR_ARG(wr_str(&why)));
    wr_finish(&why);
    return ok;
}

static bool call(void *ctx, const struct canvas_call *call)
{
    struct str id;

    return fits(ctx, call) && task_publish(ctx, call, &id);
}

static bool chord_size(void *ctx, struct str group_id, int64_t size)
{
    struct frame_effect e = {.kind = EFFECT_CHORD_SIZE,
                             .group = group_id,
                             .size = size};

    task_effect(ctx, &e, NULL);
    return true;
}

static bool save_group(void *ctx, struct str group_id, const ptl_value *document)
{
    struct ptl_task *t = ctx;
    struct frame_effect e = {.kind = EFFECT_GROUP, .group = group_id};
    struct wr w;

    wr_init(&w, t->node->message_max_bytes);
    document_write(&w, t->node, document);
    e.text = wr_str(&w);
    bool ok = !w.bad;
    if (ok)
        task_effect(t, &e, NULL);
    wr_finish(&w);
    return ok || task_fail(t, "kombu.exceptions.EncodeError",
                           "group " STR_FMT " has so many members that its document "
                           "needs more bytes than the setting message_max_bytes allows",
                           STR_ARG(group_id));
}

static const struct canvas_hooks hooks = {new_id, call, chord_size, save_group};

/* ---- Applying ------------------------------------------------------------------- */

struct canvas apply_canvas(struct ptl_task *t)
{
    return (struct canvas){
        .arena = t->arena,
        .hooks = &hooks,
        .ctx = t,
        .reply_to = str_of(t->node->reply_to),
        .link_error_on_header = t->node->routes.link_error_on_header,
        .signatures_left = SIGNATURES_MAX,
    };
}

void apply_flag(struct ptl_task *t, const struct canvas *c)
{
    if (c->fault_kind)
        task_fail(t, c->fault_kind, STR_FMT, STR_ARG(c->fault));
}

const ptl_value *apply_signature(struct ptl_task *t, const ptl_value *sig,
                                 const ptl_value *args, const ptl_value *options)
{
    struct canvas c = apply_canvas(t);
    const ptl_value *tuple = canvas_apply(&c, sig, args, options);

    if (tuple)
        task_add_tuple(t, tuple);
    else
        apply_flag(t, &c);
    return tuple;
}
