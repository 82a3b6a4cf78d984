/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing_fill - the headers and properties that a call's options make. */
#include "../../protocol/pyrepr.h"
#include "../../protocol/trace.h"
#include "../../protocol/typed.h"
#include "outgoing.h"

#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#define REPR_CHARS 1024  /* Celery's argsrepr_maxsize */
#define SECONDS_MAX 1e11 /* three thousand years: a timestamp holds it */
#define STAMPS_MAX 1000

/* ---- Identity ------------------------------------------------------------------- */

static void set_ids(struct outgoing *o)
{
    struct str id = outgoing_text(o, "task_id"), root = outgoing_text(o, "root_id"),
               parent = outgoing_text(o, "parent_id"),
               reply_to = outgoing_text(o, "reply_to"),
               origin = outgoing_text(o, "origin");

    if (!id.n)
        task_new_id(o->t, o->id);
    task_random_id(o->tag);
    o->m.task = o->call->task;
    o->m.id = id.n ? id : str_of(o->id);
    o->m.delivery_tag = str_of(o->tag);
    o->m.root_id = root.n              ? root
                   : ptl_root_id(o->t) ? str_of(ptl_root_id(o->t))
                                       : o->m.id;
    o->m.parent_id = parent.n ? parent : o->t->message.id;
    o->m.reply_to = reply_to.n ? reply_to : str_of(o->t->node->reply_to);
    o->m.origin = origin.n ? origin : str_of(o->t->node->origin);
}

static void set_place(struct outgoing *o)
{
    o->m.shadow = outgoing_text(o, "shadow");
    o->m.group = outgoing_text(o, "group_id");
    o->m.group_index = value_as_int(outgoing_option(o, "group_index"), -1);
    o->m.retries = value_as_int(outgoing_option(o, "retries"), 0);
    o->m.nesting = value_as_int(outgoing_option(o, "replaced_task_nesting"), 0);
    if (!o->m.shadow.n)
        o->m.shadow.p = NULL;
}

/* As a Python worker does whose tracing is on, only that a handler makes no span of its
 * own: what it sends has the same parent as the task. */
static bool set_headers(struct outgoing *o)
{
    struct trace t;

    trace_read(&t, o->t->message.headers);
    return trace_pass_on(o->t->arena, &t, outgoing_option(o, "headers"),
                         &o->m.headers) ||
           task_fail_memory(o->t);
}

/* ---- Times ---------------------------------------------------------------------- */

static double seconds_of(const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_INT:
        return (double)v->u.i;
    case PTL_FLOAT:
        return v->u.d;
    case PTL_BOOL:
        return v->u.b;
    default:
        return NAN;
    }
}

/* False, a failure flagged, if no time can be so far away. */
static bool after(struct outgoing *o, const char *name, const ptl_value *v, int64_t *us)
{
    double seconds = seconds_of(v);
    struct wr w;

    if (fabs(seconds) < SECONDS_MAX) {
        *us = o->now_us + llround(seconds * 1e6);
        return true;
    }
    wr_init(&w, 1024);
    pyrepr(&w, v);
    task_fail(o->t, isnan(seconds) ? "TypeError" : "ValueError",
              "%s is out of range: " STR_FMT, name, STR_ARG(wr_str(&w)));
    wr_finish(&w);
    return false;
}

static bool set_eta(struct outgoing *o)
{
    const ptl_value *countdown = outgoing_option(o, "countdown"),
                    *eta = outgoing_option(o, "eta");
    int64_t us;

    if (value_truth(countdown)) {
        if (!after(o, "countdown", countdown, &us))
            return false;
        timestamp_format(o->eta, us);
        o->m.eta = str_of(o->eta);
    } else if (value_truth(eta)) {
        o->m.eta = value_kind(eta) == PTL_STR ? eta->u.s : typed_text(eta);
        if (!o->m.eta.p)
            return task_fail(o->t, "TypeError", "an eta is an ISO 8601 text");
    }
    return true;
}

/* When it expires is in the header, how soon in the property that RabbitMQ reads. */
static bool set_expires(struct outgoing *o)
{
    const ptl_value *expires = outgoing_option(o, "expires");
    struct str text =
        value_kind(expires) == PTL_MAP ? typed_text(expires) : value_as_str(expires);
    int64_t us;

    if (!expires)
        return true;
    if (text.p && !timestamp_parse(text, &us))
        return task_fail(o->t, "ValueError", "Invalid isoformat string: '" STR_FMT "'",
                         STR_ARG(text));
    if (!text.p) {
        if (!after(o, "expires", expires, &us))
            return false;
        timestamp_format(o->expires, us);
        text = str_of(o->expires);
    }
    o->m.expires = text;
    o->m.has_expiration = true;
    o->m.expiration_ms = us > o->now_us ? (us - o->now_us) / 1000 : 0;
    return true;
}

/* ---- Limits, and whether its result is wanted -------------------------------------
 */

/* A whole number of seconds is written as one, as Python's configuration has it. */
static const ptl_value *row_limit(ptl_value *v, double seconds)
{
    if (!(seconds > 0))
        return NULL;
    if (seconds < 1e15 && seconds == floor(seconds))
        *v = (ptl_value){.kind = PTL_INT, .u.i = (int64_t)seconds};
    else
        *v = (ptl_value){.kind = PTL_FLOAT, .u.d = seconds};
    return v;
}

/* A Python task that is sent by itself takes its attributes along. */
static void set_limits(struct outgoing *o)
{
    o->m.hard_limit = outgoing_option(o, "time_limit");
    o->m.soft_limit = outgoing_option(o, "soft_time_limit");
    if (o->row && !outgoing_has(o, "time_limit"))
        o->m.hard_limit = row_limit(&o->limits[0], o->row->attributes.time_limit_s);
    if (o->row && !outgoing_has(o, "soft_time_limit"))
        o->m.soft_limit =
            row_limit(&o->limits[1], o->row->attributes.soft_time_limit_s);
}

static void set_ignore_result(struct outgoing *o)
{
    const ptl_value *option = outgoing_option(o, "ignore_result");

    if (option)
        o->m.ignore_result =
            value_truth(option) ? MESSAGE_IGNORE_TRUE : MESSAGE_IGNORE_FALSE;
    else if (o->row && !outgoing_has(o, "ignore_result"))
        o->m.ignore_result = o->row->attributes.ignore_result ? MESSAGE_IGNORE_TRUE
                                                              : MESSAGE_IGNORE_FALSE;
}

/* ---- Stamps --------------------------------------------------------------------- */

/* Each stamp is an option of its name. */
static bool set_stamps(struct outgoing *o)
{
    const ptl_value *names = outgoing_option(o, "stamped_headers"), *stamp;
    struct arena *a = o->t->arena;
    ptl_value *stamps;

    if (!names)
        return true;
    if (value_kind(names) != PTL_LIST || value_len(names) > STAMPS_MAX)
        return task_fail(o->t, "TypeError",
                         "stamped_headers is not a list of at most %d", STAMPS_MAX);
    stamps = value_map(a, value_len(names));
    for (size_t i = 0; stamps && i < value_len(names); i++) {
        struct str name = value_as_str(value_at(names, i));

        if (!(stamp = value_find(o->call->options, name)))
            return task_fail(o->t, "KeyError", STR_FMT, STR_ARG(name));
        if (!value_map_set(a, stamps, name, stamp))
            stamps = NULL;
    }
    o->m.stamped_headers = names;
    o->m.stamps = stamps;
    return stamps || task_fail_memory(o->t);
}

/* ---- What is shown of its arguments -----------------------------------------------
 */

static struct str repr_of(struct outgoing *o, const char *name, struct wr *w,
                          const ptl_value *v,
                          void (*write)(struct wr *, const ptl_value *, size_t))
{
    struct str given = outgoing_text(o, name);

    if (given.p)
        return given;
    write(w, v, REPR_CHARS);
    return wr_str(w);
}

static void set_reprs(struct outgoing *o)
{
    static const ptl_value no_args = {.kind = PTL_LIST}, no_kwargs = {.kind = PTL_MAP};
    const ptl_value *args = o->call->args, *kwargs = o->call->kwargs;

    o->m.argsrepr =
        repr_of(o, "argsrepr", &o->argsrepr, args ? args : &no_args, pyrepr_args);
    o->m.kwargsrepr = repr_of(o, "kwargsrepr", &o->kwargsrepr,
                              kwargs ? kwargs : &no_kwargs, pyrepr_cut);
}

/* ---- What nobody knows ------------------------------------------------------------
 */

/* What apply_async, Celery's sender and kombu's publisher take for themselves. */
static bool is_known(struct str key)
{
    static const char *const names[] = {
        "add_to_parent",
        "chain",
        "chord",
        "compression",
        "confirm_timeout",
        "connection",
        "content_encoding",
        "content_type",
        "countdown",
        "declare",
        "delivery_mode",
        "eta",
        "exchange",
        "exchange_type",
        "expiration",
        "expires",
        "group_id",
        "group_index",
        "headers",
        "ignore_result",
        "immediate",
        "link",
        "link_error",
        "mandatory",
        "parent_id",
        "priority",
        "producer",
        "publisher",
        "queue",
        "replaced_task_nesting",
        "reply_to",
        "result_cls",
        "retries",
        "retry",
        "retry_policy",
        "root_id",
        "route_name",
        "router",
        "routing_key",
        "serializer",
        "shadow",
        "soft_time_limit",
        "stamped_headers",
        "task_id",
        "task_type",
        "time_limit",
        "timeout",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(key, names[i]))
            return true;
    return false;
}

static bool set_properties(struct outgoing *o)
{
    const ptl_value *options = o->call->options;
    struct arena *a = o->t->arena;
    ptl_value *own = NULL;

    for (size_t i = 0; i < value_len(options); i++) {
        const struct value_pair *pair = &options->u.map.pairs[i];

        if (is_known(pair->key) || value_find(o->m.stamps, pair->key))
            continue;
        if ((!own && !(own = value_map(a, 4))) ||
            !value_map_set(a, own, pair->key, pair->value))
            return task_fail_memory(o->t);
    }
    o->m.properties = own;
    return true;
}

bool outgoing_fill(struct outgoing *o)
{
    set_ids(o);
    set_place(o);
    set_limits(o);
    set_ignore_result(o);
    set_reprs(o);
    return set_headers(o) && set_eta(o) && set_expires(o) && set_stamps(o) &&
           set_properties(o);
}
