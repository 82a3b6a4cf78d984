/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp_envelope.h"

#include "amqp_table.h"

#include "../../protocol/base64.h"
#include "../../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>

/* The properties that are texts, by kombu's names. */
static const struct {
    const char *name;
    amqp_flags_t flag;
    size_t offset;
} texts[] = {
    {"correlation_id", AMQP_BASIC_CORRELATION_ID_FLAG,
     offsetof(amqp_basic_properties_t, correlation_id)},
    {"reply_to", AMQP_BASIC_REPLY_TO_FLAG, offsetof(amqp_basic_properties_t, reply_to)},
    {"expiration", AMQP_BASIC_EXPIRATION_FLAG,
     offsetof(amqp_basic_properties_t, expiration)},
    {"message_id", AMQP_BASIC_MESSAGE_ID_FLAG,
     offsetof(amqp_basic_properties_t, message_id)},
    {"type", AMQP_BASIC_TYPE_FLAG, offsetof(amqp_basic_properties_t, type)},
    {"user_id", AMQP_BASIC_USER_ID_FLAG, offsetof(amqp_basic_properties_t, user_id)},
    {"app_id", AMQP_BASIC_APP_ID_FLAG, offsetof(amqp_basic_properties_t, app_id)},
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))
#define SHORT_MAX 255 /* of a short string */

static amqp_bytes_t *text_at(amqp_basic_properties_t *p, size_t i)
{
    return (amqp_bytes_t *)(void *)((char *)p + texts[i].offset);
}

/* ---- out of AMQP ----------------------------------------------------------------- */

static bool set(struct arena *a, ptl_value *map, const char *key, const ptl_value *v)
{
    return value_map_set(a, map, str_of(key), v);
}

static bool set_text(struct arena *a, ptl_value *map, const char *key, struct str s)
{
    return set(a, map, key, value_str(a, s));
}

static const ptl_value *delivery_info(struct arena *a, const struct amqp_delivery *d)
{
    ptl_value *info = value_map(a, 3);
    bool ok = info && set_text(a, info, "exchange", d->exchange) &&
              set_text(a, info, "routing_key", d->routing_key);
    if (ok && d->redelivered)
        ok = set(a, info, "redelivered", value_bool(a, true));
    return ok ? info : NULL;
}

static const ptl_value *properties_of(struct arena *a, const struct amqp_delivery *d)
{
    amqp_basic_properties_t p = *d->properties;
    ptl_value *map = value_map(a, 12);
    char tag[24];
    int n = snprintf(tag, sizeof(tag), "%llu", (unsigned long long)d->tag);
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < TEXTS; i++)
        if (p._flags & texts[i].flag)
            ok = set_text(a, map, texts[i].name, amqp_str(*text_at(&p, i)));
    if (ok && (p._flags & AMQP_BASIC_DELIVERY_MODE_FLAG))
        ok = set(a, map, "delivery_mode", value_int(a, p.delivery_mode));
    if (ok && (p._flags & AMQP_BASIC_TIMESTAMP_FLAG) && p.timestamp <= INT64_MAX)
        ok = set(a, map, "timestamp", value_int(a, (int64_t)p.timestamp));
    ok = ok && set(a, map, "delivery_info", delivery_info(a, d)) &&
         set(a, map, "priority",
             value_int(a, p._flags & AMQP_BASIC_PRIORITY_FLAG ? p.priority : 0)) &&
         set_text(a, map, "body_encoding", STR("base64")) &&
         set_text(a, map, "delivery_tag",
                  arena_copy(a, (struct str){tag, n > 0 ? (size_t)n : 0}));
    return ok ? map : NULL;
}

static struct str property(const amqp_basic_properties_t *p, amqp_flags_t flag,
                           amqp_bytes_t value)
{
    return p->_flags & flag ? amqp_str(value) : STR("");
}

bool amqp_envelope_write(struct wr *out, struct arena *a, const struct amqp_delivery *d)
{
    const amqp_basic_properties_t *p = d->properties;
    const ptl_value *headers = p->_flags & AMQP_BASIC_HEADERS_FLAG
                                   ? amqp_table_value(a, &p->headers)
                                   : value_map(a, 0);
    const ptl_value *properties = properties_of(a, d);
    struct wr body;
    if (!headers || !properties)
        return false;
    wr_init(&body, d->body.n * 2 + 8);
    base64_encode(&body, d->body);
    envelope_write(out, wr_str(&body), headers, properties,
                   property(p, AMQP_BASIC_CONTENT_TYPE_FLAG, p->content_type),
                   property(p, AMQP_BASIC_CONTENT_ENCODING_FLAG, p->content_encoding));
    bool ok = !body.bad && !out->bad;
    wr_finish(&body);
    return ok;
}

/* ---- into AMQP ------------------------------------------------------------------- */

static bool put_text(amqp_basic_properties_t *p, amqp_bytes_t *at, amqp_flags_t flag,
                     struct str s)
{
    if (!s.p)
        return true;
    *at = amqp_bytes_of(s);
    p->_flags |= flag;
    return s.n <= SHORT_MAX;
}

static uint8_t number(const ptl_value *map, const char *name, int64_t otherwise,
                      int64_t most)
{
    int64_t i = value_as_int(value_get(map, name), otherwise);
    return (uint8_t)(i < 0 ? 0 : i > most ? most : i);
}

static bool put_texts(amqp_basic_properties_t *p, const struct envelope *e)
{
    bool ok =
        put_text(p, &p->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, e->content_type) &&
        put_text(p, &p->content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                 e->content_encoding);
    for (size_t i = 0; ok && i < TEXTS; i++)
        ok = put_text(p, text_at(p, i), texts[i].flag,
                      value_as_str(value_get(e->properties, texts[i].name)));
    return ok;
}

bool amqp_envelope_read(struct arena *a, struct str text, struct amqp_message *m,
                        const char **why)
{
    struct envelope e;
    amqp_basic_properties_t *p = &m->properties;
    *m = (struct amqp_message){0};
    if (!envelope_read(a, text, &e, why))
        return false;
    p->_flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                AMQP_BASIC_PRIORITY_FLAG;
    p->delivery_mode = number(e.properties, "delivery_mode", 2, 2);
    p->priority = number(e.properties, "priority", 0, UINT8_MAX);
    *why = "a property is longer than 255 bytes";
    if (!put_texts(p, &e))
        return false;
    *why = "its headers do not fit into AMQP's";
    if (!amqp_table_of(a, e.headers, &p->headers))
        return false;
    *why = "its body is no base64";
    m->body = envelope_body(a, &e);
    return m->body.p != NULL;
}
