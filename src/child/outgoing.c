/* SPDX-License-Identifier: Apache-2.0 */
#include "outgoing.h"
#include "job.h"

#define REPR_BYTES (64u << 10)

const ptl_value *outgoing_option(const struct outgoing *o, const char *name)
{
    const ptl_value *v = value_get(o->call->options, name);

    return value_is_null(v) ? NULL : v;
}

struct str outgoing_text(const struct outgoing *o, const char *name)
{
    return value_as_str(value_get(o->call->options, name));
}

bool outgoing_has(const struct outgoing *o, const char *name)
{
    return value_get(o->call->options, name) != NULL;
}

static bool check(struct ptl_task *t, const struct canvas_call *call)
{
    const ptl_value *headers = value_get(call->options, "headers");
    const char *why = NULL;

    if (call->args && value_kind(call->args) != PTL_LIST)
        why = "task args must be a list or tuple";
    else if (call->kwargs && value_kind(call->kwargs) != PTL_MAP)
        why = "task keyword arguments must be a mapping";
    else if (!value_is_null(headers) && value_kind(headers) != PTL_MAP)
        why = "task headers must be a mapping";
    if (why)
        task_fail(t, "TypeError", "%s", why);
    return !why;
}

static bool write_message(struct outgoing *o)
{
    message_write(&o->text, &o->m);
    if (o->argsrepr.bad || o->kwargsrepr.bad || o->t->arena->failed)
        return task_fail_memory(o->t);
    if (o->text.bad || o->body.bad)
        return task_fail(o->t, "kombu.exceptions.EncodeError",
                         "the message of " STR_FMT " needs more bytes than the setting "
                         "message_max_bytes allows",
                         STR_ARG(o->call->task));
    return true;
}

static void put(struct outgoing *o)
{
    struct frame_effect e = {
        .kind = EFFECT_PUBLISH,
        .exchange = o->m.exchange,
        .routing_key = o->m.routing_key,
        .priority = (int32_t)o->m.priority,
        .text = wr_str(&o->text),
    };

    task_effect(o->t, &e, &o->m);
}

bool task_publish(struct ptl_task *t, const struct canvas_call *call, struct str *id)
{
    struct outgoing o = {.t = t, .call = call, .now_us = job_now_us()};
    bool ok = check(t, call);

    if (!ok)
        return false;
    o.row = t->table ? module_row(t->table, call->task) : NULL;
    wr_init(&o.body, t->node->message_max_bytes);
    wr_init(&o.argsrepr, REPR_BYTES);
    wr_init(&o.kwargsrepr, REPR_BYTES);
    wr_init(&o.text, frame_max_bytes(t->node->message_max_bytes) / 2);
    ok = outgoing_fill(&o) && outgoing_route(&o) && outgoing_pack(&o) &&
         write_message(&o);
    if (ok) {
        put(&o);
        *id = arena_copy(t->arena, o.m.id);
        ok = id->p || task_fail_memory(t);
    }
    wr_finish(&o.body);
    wr_finish(&o.argsrepr);
    wr_finish(&o.kwargsrepr);
    wr_finish(&o.text);
    return ok;
}
