/* SPDX-License-Identifier: Apache-2.0 */
/* retry_message - what the message of a retry has differently, as its handler said. */
#include "../../protocol/pyrepr.h"
#include "../../protocol/timestamp.h"
#include "retry.h"

#include <stdio.h>

#define REPR_CHARS 1024 /* Celery's argsrepr_maxsize */
#define REPR_BYTES (64u << 10)

static const ptl_value *some_text(struct arena *a, const char *text)
{
    return value_text(a, text ? text : "");
}

static bool set(struct arena *a, ptl_value *map, const char *key, const ptl_value *v)
{
    return value_map_set(a, map, str_of(key), v);
}

static int64_t again_expires_us(const ptl_options *o, int64_t now_us)
{
    return o->expires_s != 0 ? now_us + (int64_t)(o->expires_s * 1e6)
                             : o->expires_at_us;
}

static const ptl_value *repr_of(struct arena *a, const ptl_value *v,
                                void (*write)(struct wr *, const ptl_value *, size_t))
{
    const ptl_value *text;
    struct wr w;

    wr_init(&w, REPR_BYTES);
    write(&w, v, REPR_CHARS);
    text = w.bad ? NULL : value_str(a, arena_copy(a, wr_str(&w)));
    wr_finish(&w);
    return text;
}

static const ptl_value *limit(struct arena *a, double seconds)
{
    if (seconds <= 0)
        return value_null(a);
    if (seconds < 1e15 && seconds == (double)(int64_t)seconds)
        return value_int(a, (int64_t)seconds);
    return value_float(a, seconds);
}

/* [hard, soft], each as it was unless it is given anew. */
static const ptl_value *again_limits(struct arena *a, const struct message *m,
                                     const ptl_options *o)
{
    double hard = o->time_limit_s > 0 ? o->time_limit_s : m->hard_limit_s;
    double soft = o->soft_time_limit_s > 0 ? o->soft_time_limit_s : m->soft_limit_s;
    ptl_value *list = value_list(a, 2);

    if (!list || !value_list_add(a, list, limit(a, hard)) ||
        !value_list_add(a, list, limit(a, soft)))
        return NULL;
    return list;
}

static bool again_headers(struct ptl_task *t, const ptl_options *o, int64_t expires_us,
                          ptl_value *h)
{
    struct arena *a = t->arena;
    char text[TIMESTAMP_TEXT];
    bool ok = true;

    for (size_t i = 0; ok && i < value_len(o->headers); i++)
        ok = value_map_set(a, h, o->headers->u.map.pairs[i].key,
                           o->headers->u.map.pairs[i].value);
    if (ok && o->shadow)
        ok = set(a, h, "shadow", some_text(a, o->shadow));
    if (ok && (o->time_limit_s > 0 || o->soft_time_limit_s > 0))
        ok = set(a, h, "timelimit", again_limits(a, &t->message, o));
    if (ok && expires_us) {
        timestamp_format(text, expires_us);
        ok = set(a, h, "expires", some_text(a, text));
    }
    if (ok && o->args)
        ok = set(a, h, "argsrepr",
                 o->argsrepr ? some_text(a, o->argsrepr)
                             : repr_of(a, o->args, pyrepr_args)) &&
             set(a, h, "kwargsrepr",
                 o->kwargsrepr ? some_text(a, o->kwargsrepr)
                               : repr_of(a, o->kwargs, pyrepr_cut));
    return ok;
}

/* A new queue is reached as any is that is named: through the anonymous exchange. */
static bool again_properties(struct ptl_task *t, const ptl_options *o, int64_t left_us,
                             ptl_value *p)
{
    struct arena *a = t->arena;
    bool named = o->exchange && o->routing_key;
    ptl_value *info = value_map(a, 2);
    char text[24];
    bool ok = info != NULL;

    if (ok && (o->queue || named))
        ok = set(a, info, "exchange", some_text(a, named ? o->exchange : "")) &&
             set(a, info, "routing_key",
                 some_text(a, named ? o->routing_key : o->queue)) &&
             set(a, p, "delivery_info", info);
    if (ok && o->priority)
        ok = set(a, p, "priority",
                 value_int(a, o->priority == PTL_PRIORITY_0 ? 0 : o->priority));
    if (ok && left_us) {
        snprintf(text, sizeof(text), "%lld",
                 (long long)(left_us > 0 ? left_us / 1000 : 0));
        ok = set(a, p, "expiration", some_text(a, text));
    }
    return ok;
}

bool retry_differs(struct ptl_task *t, const ptl_options *o, struct message_retry *r,
                   struct message_body *body)
{
    struct arena *a = t->arena;
    int64_t expires_us = again_expires_us(o, r->now_us);
    ptl_value *headers = value_map(a, 8), *properties = value_map(a, 4);

    if (!headers || !properties || !again_headers(t, o, expires_us, headers) ||
        !again_properties(t, o, expires_us ? expires_us - r->now_us : 0, properties))
        return false;
    r->headers = headers;
    r->properties = properties;
    if (o->eta_us)
        r->eta_us = o->eta_us;
    if (o->args) {
        body->args = o->args;
        body->kwargs = o->kwargs;
        r->new_body = true;
    }
    return true;
}
