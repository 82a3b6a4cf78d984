/* SPDX-License-Identifier: Apache-2.0 */
/* message_retry - the message that Task.retry publishes.
 *
 * Headers and properties are copied in their order, with a few replaced, a few added
 * and a few left behind. */
#include "base64.h"
#include "json.h"
#include "message.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

/* Traces of how the message came here. RabbitMQ takes a message that carries its
 * x-death headers for one going round in circles, and drops it. */
static const char *const left_behind[] = {
    "redelivered",         ENVELOPE_LOST_HEADER,   "x-death",
    "x-first-death-queue", "x-first-death-reason", "x-first-death-exchange",
    "x-last-death-queue",  "x-last-death-reason",  "x-last-death-exchange",
};

static bool is_left_behind(struct str key)
{
    for (size_t i = 0; i < sizeof(left_behind) / sizeof(left_behind[0]); i++)
        if (str_is(key, left_behind[i]))
            return true;
    return false;
}

static ptl_value *copy_without_traces(struct arena *a, const ptl_value *map)
{
    ptl_value *copy = value_map(a, value_len(map) + 4);

    for (size_t i = 0; copy && i < value_len(map); i++) {
        const struct value_pair *pair = &map->u.map.pairs[i];
        if (!is_left_behind(pair->key) &&
            !value_map_set(a, copy, pair->key, pair->value))
            return NULL;
    }
    return copy;
}

static const ptl_value *retry_headers(struct arena *a, const struct message *m,
                                      const struct message_retry *r)
{
    char eta[TIMESTAMP_TEXT];
    ptl_value *headers = copy_without_traces(a, m->headers);
    const ptl_value *id = value_str(a, m->id);

    timestamp_format(eta, r->eta_us);
    bool ok = headers && value_map_set(a, headers, STR("eta"), value_text(a, eta)) &&
              value_map_set(a, headers, STR("retries"), value_int(a, m->retries + 1));
    if (ok && !m->parent_id.n) /* published from inside itself */
        ok = value_map_set(a, headers, STR("parent_id"), id);
    if (ok && !m->root_id.n)
        ok = value_map_set(a, headers, STR("root_id"), id);
    return ok ? headers : NULL;
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
        !value_map_set(a, p, STR("delivery_info"), copy_without_traces(a, info)))
        return NULL;
    if (m->has_expires && r->now_us &&
        !value_map_set(a, p, STR("expiration"), expiration(a, m, r->now_us)))
        return NULL;
    bool ok = value_map_set(a, p, STR("body_encoding"), value_str(a, STR("base64"))) &&
              value_map_set(a, p, STR("delivery_tag"), value_text(a, r->delivery_tag));
    return ok ? p : NULL;
}

void message_write_retry(struct wr *w, struct arena *a, const struct envelope *e,
                         const struct message *m, const struct message_retry *r)
{
    const ptl_value *headers = retry_headers(a, m, r);
    const ptl_value *properties = retry_properties(a, e, m, r);
    struct wr body;

    wr_init(&body, w->max);
    if (!e->body_base64)
        base64_encode(&body, e->body);
    if (headers && properties && !body.bad)
        envelope_write(w, e->body_base64 ? e->body : wr_str(&body), headers, properties,
                       e->content_type, e->content_encoding);
    else
        w->bad = true;
    wr_finish(&body);
}
