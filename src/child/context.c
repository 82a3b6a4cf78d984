/* SPDX-License-Identifier: Apache-2.0 */
/* context - ptl_request: a task's request by the names of celery.app.task.Context. */
#include "../../protocol/message_send.h"
#include "../../protocol/pyrepr.h"
#include "task.h"

#define REPR_CHARS 1024 /* Celery's argsrepr_maxsize */
#define REPR_BYTES (64u << 10)

static const ptl_value *header(struct ptl_task *t, const char *name)
{
    return value_get(t->message.headers, name);
}

/* ---- What is made of several things ------------------------------------------- */

static const ptl_value *delivery_info(struct ptl_task *t)
{
    struct arena *a = t->arena;
    const ptl_value *given = value_get(t->envelope.properties, "delivery_info");
    const ptl_value *priority = value_get(t->envelope.properties, "priority");
    const ptl_value *exchange = value_get(given, "exchange");
    const ptl_value *key = value_get(given, "routing_key");
    ptl_value *info = value_map(a, 4);
    bool ok =
        info &&
        value_map_set(a, info, STR("exchange"), exchange ? exchange : value_null(a)) &&
        value_map_set(a, info, STR("routing_key"), key ? key : value_null(a)) &&
        value_map_set(a, info, STR("priority"), priority ? priority : value_null(a)) &&
        value_map_set(a, info, STR("redelivered"), value_bool(a, t->redelivered));

    return ok ? info : NULL;
}

/* Beside a message's headers, what Celery's context has of its own. */
static bool is_celerys(struct str key)
{
    static const char *const names[] = {
        "reply_to", "properties", "hostname", "correlation_id", "delivery_info", "args",
        "kwargs",   "taskset",    "utc",      "compression",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(key, names[i]))
            return true;
    return message_header_is_celerys(key);
}

/* Those that the caller added; None if there are none. */
static const ptl_value *own_headers(struct ptl_task *t)
{
    ptl_value *own = value_map(t->arena, 4);

    for (size_t i = 0; own && i < value_len(t->message.headers); i++) {
        const struct value_pair *pair = &t->message.headers->u.map.pairs[i];

        if (!is_celerys(pair->key) &&
            !value_map_set(t->arena, own, pair->key, pair->value))
            return NULL;
    }
    return own && value_len(own) == 0 ? value_null(t->arena) : own;
}

static const ptl_value *repr(struct ptl_task *t, const char *name, const ptl_value *v,
                             void (*write)(struct wr *, const ptl_value *, size_t))
{
    const ptl_value *text = header(t, name);
    struct wr w;

    if (text)
        return text;
    wr_init(&w, REPR_BYTES);
    write(&w, v, REPR_CHARS);
    text = w.bad ? NULL : value_str(t->arena, arena_copy(t->arena, wr_str(&w)));
    wr_finish(&w);
    return text;
}

static const ptl_value *args_repr(struct ptl_task *t)
{
    return repr(t, "argsrepr", t->body.args, pyrepr_args);
}

static const ptl_value *kwargs_repr(struct ptl_task *t)
{
    return repr(t, "kwargsrepr", t->body.kwargs, pyrepr_cut);
}

/* ---- What stands somewhere ---------------------------------------------------- */

static const ptl_value *args(struct ptl_task *t)
{
    return t->body.args;
}

static const ptl_value *kwargs(struct ptl_task *t)
{
    return t->body.kwargs;
}

static const ptl_value *callbacks(struct ptl_task *t)
{
    return value_get(t->body.embed, "callbacks");
}

static const ptl_value *errbacks(struct ptl_task *t)
{
    return value_get(t->body.embed, "errbacks");
}

static const ptl_value *chain(struct ptl_task *t)
{
    return value_get(t->body.embed, "chain");
}

static const ptl_value *chord(struct ptl_task *t)
{
    return value_get(t->body.embed, "chord");
}

static const ptl_value *properties(struct ptl_task *t)
{
    return t->envelope.properties;
}

static const ptl_value *reply_to(struct ptl_task *t)
{
    return value_get(t->envelope.properties, "reply_to");
}

static const ptl_value *correlation_id(struct ptl_task *t)
{
    return value_get(t->envelope.properties, "correlation_id");
}

static const ptl_value *hostname(struct ptl_task *t)
{
    return value_text(t->arena, t->node->hostname);
}

static const ptl_value *retries(struct ptl_task *t)
{
    return value_int(t->arena, t->message.retries);
}

static const ptl_value *time_limit(struct ptl_task *t)
{
    return value_at(header(t, "timelimit"), 0);
}

static const ptl_value *soft_time_limit(struct ptl_task *t)
{
    return value_at(header(t, "timelimit"), 1);
}

/* Context's own defaults, for producers that do not know these headers. */
static const ptl_value *ignore_result(struct ptl_task *t)
{
    const ptl_value *v = header(t, "ignore_result");

    return v ? v : value_bool(t->arena, false);
}

static const ptl_value *replaced_task_nesting(struct ptl_task *t)
{
    const ptl_value *v = header(t, "replaced_task_nesting");

    return v ? v : value_int(t->arena, 0);
}

static const struct {
    const char *name;
    const ptl_value *(*read)(struct ptl_task *t);
} fields[] = {
    {"args", args},
    {"argsrepr", args_repr},
    {"callbacks", callbacks},
    {"chain", chain},
    {"chord", chord},
    {"correlation_id", correlation_id},
    {"delivery_info", delivery_info},
    {"errbacks", errbacks},
    {"headers", own_headers},
    {"hostname", hostname},
    {"ignore_result", ignore_result},
    {"kwargs", kwargs},
    {"kwargsrepr", kwargs_repr},
    {"properties", properties},
    {"replaced_task_nesting", replaced_task_nesting},
    {"reply_to", reply_to},
    {"retries", retries},
    {"soft_time_limit", soft_time_limit},
    {"time_limit", time_limit},
};

static const ptl_value *read_field(struct ptl_task *t, const char *name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].read(t);
    return header(t, name);
}

const ptl_value *ptl_request(const ptl_task *t, const char *name)
{
    struct ptl_task *task = (ptl_task *)t;
    const ptl_value *v = read_field(task, name);
    const ptl_value *copy = v ? task_with_nuls(task->arena, v) : NULL;

    return task->arena->failed ? task_fail_memory(task) : copy;
}
