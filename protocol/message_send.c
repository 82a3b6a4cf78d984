/* SPDX-License-Identifier: Apache-2.0 */
#include "message_send.h"
#include "base64.h"
#include "json.h"

#include <inttypes.h>

/* ---- Members of an object ----------------------------------------------------- */

static void put_key(struct wr *w, const char *key)
{
    wr_text(w, w->p[w->len - 1] == '{' ? "\"" : ", \"");
    wr_text(w, key);
    wr_put(w, STR("\": "));
}

static void put_str(struct wr *w, const char *key, struct str s)
{
    put_key(w, key);
    if (s.p)
        json_write_str(w, s);
    else
        wr_put(w, STR("null"));
}

/* ---- Headers ------------------------------------------------------------------ */

/* True, having written it, if the caller's own header stands in for Celery's. */
static bool put_own(struct wr *w, const struct message_send *m, const char *key)
{
    const ptl_value *own = value_get(m->headers, key);

    if (!own)
        return false;
    put_key(w, key);
    json_write(w, own);
    return true;
}

static void header_str(struct wr *w, const struct message_send *m, const char *key,
                       struct str s)
{
    if (!put_own(w, m, key))
        put_str(w, key, s);
}

static void header_text(struct wr *w, const struct message_send *m, const char *key,
                        const char *json)
{
    if (put_own(w, m, key))
        return;
    put_key(w, key);
    wr_text(w, json);
}

static void header_int(struct wr *w, const struct message_send *m, const char *key,
                       int64_t i)
{
    if (put_own(w, m, key))
        return;
    put_key(w, key);
    wr_printf(w, "%" PRId64, i);
}

static void header_value(struct wr *w, const struct message_send *m, const char *key,
                         const ptl_value *v, const char *otherwise)
{
    if (!v) {
        header_text(w, m, key, otherwise);
    } else if (!put_own(w, m, key)) {
        put_key(w, key);
        json_write(w, v);
    }
}

static void put_limit(struct wr *w, const ptl_value *seconds)
{
    if (seconds)
        json_write(w, seconds);
    else
        wr_put(w, STR("null"));
}

static void header_limits(struct wr *w, const struct message_send *m)
{
    if (put_own(w, m, "timelimit"))
        return;
    put_key(w, "timelimit");
    wr_put(w, STR("["));
    put_limit(w, m->hard_limit);
    wr_put(w, STR(", "));
    put_limit(w, m->soft_limit);
    wr_put(w, STR("]"));
}

static const char *const celerys[] = {
    "lang",
    "task",
    "id",
    "shadow",
    "eta",
    "expires",
    "group",
    "group_index",
    "retries",
    "timelimit",
    "root_id",
    "parent_id",
    "argsrepr",
    "kwargsrepr",
    "origin",
    "ignore_result",
    "replaced_task_nesting",
    "stamped_headers",
    "stamps",
};

bool message_header_is_celerys(struct str key)
{
    for (size_t i = 0; i < sizeof(celerys) / sizeof(celerys[0]); i++)
        if (str_is(key, celerys[i]))
            return true;
    return false;
}

static void put_own_headers(struct wr *w, const struct message_send *m)
{
    for (size_t i = 0; i < value_len(m->headers); i++) {
        const struct value_pair *pair = &m->headers->u.map.pairs[i];

        if (message_header_is_celerys(pair->key) ||
            (m->compression.n > 0 && str_is(pair->key, "compression")))
            continue;
        wr_put(w, STR(", "));
        json_write_str(w, pair->key);
        wr_put(w, STR(": "));
        json_write(w, pair->value);
    }
    if (m->compression.n > 0)
        put_str(w, "compression", m->compression);
}

static void put_headers(struct wr *w, const struct message_send *m)
{
    static const char *const ignore[] = {"null", "false", "true"};

    wr_put(w, STR("{"));
    header_text(w, m, "lang", "\"py\"");
    header_str(w, m, "task", m->task);
    header_str(w, m, "id", m->id);
    header_str(w, m, "shadow", m->shadow);
    header_str(w, m, "eta", m->eta);
    header_str(w, m, "expires", m->expires);
    header_str(w, m, "group", m->group);
    if (m->group_index < 0)
        header_text(w, m, "group_index", "null");
    else
        header_int(w, m, "group_index", m->group_index);
    header_int(w, m, "retries", m->retries);
    header_limits(w, m);
    header_str(w, m, "root_id", m->root_id);
    header_str(w, m, "parent_id", m->parent_id);
    header_str(w, m, "argsrepr", m->argsrepr);
    header_str(w, m, "kwargsrepr", m->kwargsrepr);
    header_str(w, m, "origin", m->origin);
    header_text(w, m, "ignore_result", ignore[m->ignore_result]);
    header_int(w, m, "replaced_task_nesting", m->nesting);
    header_value(w, m, "stamped_headers", m->stamped_headers, "null");
    header_value(w, m, "stamps", m->stamps, "{}");
    put_own_headers(w, m);
    wr_put(w, STR("}"));
}

/* ---- Properties --------------------------------------------------------------- */

static void put_int(struct wr *w, const char *key, int64_t i)
{
    put_key(w, key);
    wr_printf(w, "%" PRId64, i);
}

/* The names that kombu gives every message, in their order with others between. */
static bool is_kombus(struct str key)
{
    static const char *const names[] = {"correlation_id", "reply_to",
                                        "delivery_mode",  "expiration",
                                        "delivery_info",  "priority",
                                        "body_encoding",  "delivery_tag"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(key, names[i]))
            return true;
    return false;
}

static void put_own_properties(struct wr *w, const struct message_send *m)
{
    for (size_t i = 0; i < value_len(m->properties); i++) {
        const struct value_pair *pair = &m->properties->u.map.pairs[i];

        if (is_kombus(pair->key))
            continue;
        wr_put(w, STR(", "));
        json_write_str(w, pair->key);
        wr_put(w, STR(": "));
        json_write(w, pair->value);
    }
}

static void put_properties(struct wr *w, const struct message_send *m)
{
    struct str correlation = value_as_str(value_get(m->properties, "correlation_id"));

    wr_put(w, STR("{"));
    put_str(w, "correlation_id", correlation.p ? correlation : m->id);
    put_str(w, "reply_to", m->reply_to);
    put_own_properties(w, m);
    put_int(w, "delivery_mode", m->delivery_mode);
    if (m->has_expiration) {
        put_key(w, "expiration");
        wr_printf(w, "\"%" PRId64 "\"", m->expiration_ms);
    }
    put_key(w, "delivery_info");
    wr_put(w, STR("{"));
    put_str(w, "exchange", m->exchange);
    put_str(w, "routing_key", m->routing_key);
    wr_put(w, STR("}"));
    put_int(w, "priority", m->priority);
    put_str(w, "body_encoding", STR("base64"));
    put_str(w, "delivery_tag", m->delivery_tag);
    wr_put(w, STR("}"));
}

/* ---- The whole ---------------------------------------------------------------- */

void message_write(struct wr *w, const struct message_send *m)
{
    wr_put(w, STR("{\"body\": \""));
    base64_encode(w, m->body);
    wr_put(w, STR("\""));
    if (w->bad)
        return;
    put_str(w, "content-encoding", m->content_encoding);
    put_str(w, "content-type", m->content_type);
    put_key(w, "headers");
    put_headers(w, m);
    put_key(w, "properties");
    put_properties(w, m);
    wr_put(w, STR("}"));
}

static void put_or(struct wr *w, const ptl_value *v, struct str otherwise)
{
    if (v)
        json_write(w, v);
    else
        wr_put(w, otherwise);
}

void message_write_body(struct wr *w, const ptl_value *args, const ptl_value *kwargs,
                        const ptl_value *embed)
{
    wr_put(w, STR("["));
    put_or(w, args, STR("[]"));
    wr_put(w, STR(", "));
    put_or(w, kwargs, STR("{}"));
    wr_put(w, STR(", "));
    put_or(w, embed,
           STR("{\"callbacks\": null, \"errbacks\": null, \"chain\": null, "
               "\"chord\": null}"));
    wr_put(w, STR("]"));
}
