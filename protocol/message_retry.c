/* SPDX-License-Identifier: Apache-2.0 */
/* message_retry - the message that Task.retry publishes.
 *
 * Headers and properties are copied in their order, with a few replaced, a few added
 * and a few left behind. */
#include "base64.h"
#include "json.h"
#include "message.h"
#include "message_send.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

/* Traces of how the message came here. RabbitMQ takes a message that carries its
 * x-death headers for one going round in circles, and drops it. */
static const char *const left_behind[] = {
    "redelivered",
    ENVELOPE_LOST_HEADER,
    ENVELOPE_RERUN_HEADER,
    "x-death",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-first-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-last-death-exchange",
};

static bool is_left_behind(struct str key, bool unpacked)
{
    if (unpacked && str_is(key, "compression"))
        return true;
    for (size_t i = 0; i < sizeof(left_behind) / sizeof(left_behind[0]); i++)
        if (str_is(key, left_behind[i]))
            return true;
    return false;
}

static ptl_value *copy_without_traces(struct arena *a, const ptl_value *map,
                                      bool unpacked)
{
    ptl_value *copy = value_map(a, value_len(map) + 4);

    for (size_t i = 0; copy && i < value_len(map); i++) {
        const struct value_pair *pair = &map->u.map.pairs[i];
        if (!is_left_behind(pair->key, unpacked) &&
            !value_map_set(a, copy, pair->key, pair->value))
            return NULL;
    }
    return copy;
}

static bool set_all(struct arena *a, ptl_value *map, const ptl_value *others)
{
    for (size_t i = 0; i < value_len(others); i++)
        if (!value_map_set(a, map, others->u.map.pairs[i].key,
                           others->u.map.pairs[i].value))
            return false;
    return true;
}

static const ptl_value *eta_of(struct arena *a, int64_t us)
{
    char text[TIMESTAMP_TEXT];

    if (!us)
        return value_null(a);
    timestamp_format(text, us);
    return value_text(a, text);
}

/* What a producer leaves open is open no more. */
static bool set_unless_given(struct arena *a, ptl_value *map, struct str key,
                             const ptl_value *v)
{
    const ptl_value *given = value_find(map, key);

    return (given && !value_is_null(given)) || value_map_set(a, map, key, v);
}

static const ptl_value *retry_headers(struct arena *a, const struct message *m,
                                      const struct message_retry *r, bool unpacked)
{
    ptl_value *headers = copy_without_traces(a, m->headers, unpacked);
    const ptl_value *id = value_str(a, m->id);

    bool ok = headers && value_map_set(a, headers, STR("eta"), eta_of(a, r->eta_us)) &&
              value_map_set(a, headers, STR("retries"), value_int(a, m->retries + 1));
    if (ok && !m->parent_id.n) /* published from inside itself */
        ok = value_map_set(a, headers, STR("parent_id"), id);
    if (ok && !m->root_id.n)
        ok = value_map_set(a, headers, STR("root_id"), id);
    ok = ok &&
         set_unless_given(a, headers, STR("ignore_result"),
                          value_bool(a, r->ignore_result)) &&
         set_unless_given(a, headers, STR("replaced_task_nesting"), value_int(a, 0));
    return ok && set_all(a, headers, r->headers) ? headers : NULL;
}

/* Milliseconds until the message expires, as the publisher of a retry counts them. */
static const ptl_value *expiration(struct arena *a, const struct message *m,
                                   int64_t now_us)
{
    char text[24];
    int64_t left_us = m->expires_us - now_us;

    snprintf(text, sizeof(text), "%" PRId64, left_us > 0 ? left_us / 1000 : 0);
    return value_text(a, text);
}

/* What a producer's further options left among the properties is not published again.
 */
static bool is_carried_on(struct str key)
{
    static const char *const known[] = {
        "correlation_id", "reply_to",     "delivery_mode", "delivery_info", "priority",
        "body_encoding",  "delivery_tag", "expiration",    "origin",
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_is(key, known[i]))
            return true;
    return false;
}

/* `origin` goes where Python puts it: behind reply_to. */
static ptl_value *copy_with_origin(struct arena *a, const ptl_value *properties,
                                   const char *origin)
{
    ptl_value *copy = value_map(a, value_len(properties) + 4);

    for (size_t i = 0; copy && i < value_len(properties); i++) {
        const struct value_pair *pair = &properties->u.map.pairs[i];
        if (is_carried_on(pair->key) && !value_map_set(a, copy, pair->key, pair->value))
            return NULL;
        if (origin && str_is(pair->key, "reply_to") &&
            !value_map_set(a, copy, STR("origin"), value_text(a, origin)))
            return NULL;
    }
    return copy;
}

static const ptl_value *retry_properties(struct arena *a, const struct envelope *e,
                                         const struct message *m,
                                         const struct message_retry *r)
{
    ptl_value *p = copy_with_origin(a, e->properties, r->origin);
    const ptl_value *info = value_get(e->properties, "delivery_info");

    if (!p)
        return NULL;
    if (value_kind(info) == PTL_MAP &&
        !value_map_set(a, p, STR("delivery_info"), copy_without_traces(a, info, false)))
        return NULL;
    if (m->has_expires && r->now_us &&
        !value_map_set(a, p, STR("expiration"), expiration(a, m, r->now_us)))
        return NULL;
    bool ok = value_map_set(a, p, STR("body_encoding"), value_str(a, STR("base64"))) &&
              value_map_set(a, p, STR("delivery_tag"), value_text(a, r->delivery_tag));
    return ok && set_all(a, p, r->properties) ? p : NULL;
}

struct packed {
    struct wr plain, base64;
    struct str body, content_type, content_encoding;
};

static void pack(struct packed *p, const struct envelope *e,
                 const struct message_body *b, bool anew)
{
    *p = (struct packed){.body = e->body,
                         .content_type = e->content_type,
                         .content_encoding = e->content_encoding};
    wr_init(&p->plain, SIZE_MAX / 4);
    wr_init(&p->base64, SIZE_MAX / 4);
    if (anew) {
        message_write_body(&p->plain, b->args, b->kwargs, b->embed);
        base64_encode(&p->base64, wr_str(&p->plain));
        p->content_type = STR("application/json");
        p->content_encoding = STR("utf-8");
    } else if (!e->body_base64) {
        base64_encode(&p->base64, e->body);
    } else {
        return;
    }
    p->body = wr_str(&p->base64);
}

void message_write_retry(struct wr *w, struct arena *a, const struct envelope *e,
                         const struct message *m, const struct message_retry *r)
{
    bool anew = r->body && (r->new_body || r->body->mapping);
    const ptl_value *headers = retry_headers(a, m, r, anew);
    const ptl_value *properties = retry_properties(a, e, m, r);
    struct packed p;

    pack(&p, e, r->body, anew);
    if (headers && properties && !p.plain.bad && !p.base64.bad)
        envelope_write(w, p.body, headers, properties, p.content_type,
                       p.content_encoding);
    else
        w->bad = true;
    wr_finish(&p.plain);
    wr_finish(&p.base64);
}
