/* SPDX-License-Identifier: Apache-2.0 */
/* envelope - what kombu wraps around a message in Redis. */
#include "envelope.h"
#include "base64.h"
#include "json.h"

#include <math.h>

static const ptl_value empty_map = {.kind = PTL_MAP};

static const ptl_value *map_or_empty(const ptl_value *v)
{
    return value_kind(v) == PTL_MAP ? v : &empty_map;
}

/* As kombu reads a priority: any number, and 0 for what is none. */
static int64_t number_of(const ptl_value *v)
{
    if (value_kind(v) == PTL_BOOL)
        return v->u.b;
    if (value_kind(v) == PTL_FLOAT && fabs(v->u.d) < 1e15)
        return (int64_t)v->u.d;
    return value_as_int(v, 0);
}

static void read_properties(struct envelope *e)
{
    const ptl_value *info = value_get(e->properties, "delivery_info");

    e->exchange = value_as_str(value_get(info, "exchange"));
    e->routing_key = value_as_str(value_get(info, "routing_key"));
    e->redelivered = value_truth(value_get(info, "redelivered"));
    e->delivery_tag = value_as_str(value_get(e->properties, "delivery_tag"));
    e->correlation_id = value_as_str(value_get(e->properties, "correlation_id"));
    e->reply_to = value_as_str(value_get(e->properties, "reply_to"));
    e->priority = number_of(value_get(e->properties, "priority"));
    e->body_base64 =
        str_is(value_as_str(value_get(e->properties, "body_encoding")), "base64");
}

bool envelope_read(struct arena *a, struct str text, struct envelope *e,
                   const char **why)
{
    struct json_error fault;
    const ptl_value *root = json_read(a, text, 0, NULL, &fault);

    if (!root) {
        *why = fault.out_of_memory                   ? "larger than a message may be"
               : strncmp(fault.what, "too ", 4) == 0 ? fault.what /* nested, many */
                                                     : "not JSON";
        return false;
    }
    if (root->kind != PTL_MAP) {
        *why = "not an object";
        return false;
    }
    *e = (struct envelope){
        .root = root,
        .body = value_as_str(value_get(root, "body")),
        .content_type = value_as_str(value_get(root, "content-type")),
        .content_encoding = value_as_str(value_get(root, "content-encoding")),
        .headers = map_or_empty(value_get(root, "headers")),
        .properties = map_or_empty(value_get(root, "properties")),
    };
    if (!e->body.p) {
        *why = "no body";
        return false;
    }
    read_properties(e);
    return true;
}

struct str envelope_body(struct arena *a, const struct envelope *e)
{
    return e->body_base64 ? base64_decode(a, e->body) : e->body;
}

/* A copy of a map, or of none, with one key set. */
static ptl_value *map_with(struct arena *a, const ptl_value *map, const char *key,
                           const ptl_value *v)
{
    ptl_value *copy = value_map(a, value_len(map) + 1);
    bool ok = copy != NULL;

    for (size_t i = 0; ok && i < value_len(map); i++)
        ok = value_map_set(a, copy, map->u.map.pairs[i].key, map->u.map.pairs[i].value);
    ok = ok && value_map_set(a, copy, str_of(key), v);
    return ok ? copy : NULL;
}

static bool mark(struct arena *a, struct str text, int64_t lost, bool rerun,
                 struct wr *out)
{
    struct envelope e;
    const char *why;

    if (!envelope_read(a, text, &e, &why))
        return false;
    const ptl_value *yes = value_bool(a, true);
    const ptl_value *headers = map_with(a, e.headers, "redelivered", yes);
    if (lost > 0)
        headers = map_with(a, headers, ENVELOPE_LOST_HEADER, value_int(a, lost));
    if (rerun)
        headers = map_with(a, headers, ENVELOPE_RERUN_HEADER, yes);
    const ptl_value *info = map_or_empty(value_get(e.properties, "delivery_info"));
    const ptl_value *properties = map_with(a, e.properties, "delivery_info",
                                           map_with(a, info, "redelivered", yes));
    const ptl_value *root = map_with(a, e.root, "headers", headers);
    root = map_with(a, root, "properties", properties);
    if (!root)
        return false;
    json_write(out, root);
    return !out->bad;
}

bool envelope_write_headers(struct wr *w, struct arena *a, const struct envelope *e,
                            const ptl_value *headers)
{
    const ptl_value *root = map_with(a, e->root, "headers", headers);

    if (!root)
        return false;
    json_write(w, root);
    return !w->bad;
}

bool envelope_mark_redelivered(struct arena *a, struct str text, struct wr *out)
{
    return mark(a, text, 0, false, out);
}

bool envelope_mark_lost(struct arena *a, struct str text, int64_t lost, bool rerun,
                        struct wr *out)
{
    return mark(a, text, lost, rerun, out);
}

static void write_text_or_null(struct wr *w, struct str s)
{
    if (s.p)
        json_write_str(w, s);
    else
        wr_text(w, "null");
}

void envelope_write(struct wr *w, struct str body_base64, const ptl_value *headers,
                    const ptl_value *properties, struct str content_type,
                    struct str content_encoding)
{
    wr_text(w, "{\"body\": ");
    json_write_str(w, body_base64);
    wr_text(w, ", \"content-encoding\": ");
    write_text_or_null(w, content_encoding);
    wr_text(w, ", \"content-type\": ");
    write_text_or_null(w, content_type);
    wr_text(w, ", \"headers\": ");
    json_write(w, headers);
    wr_text(w, ", \"properties\": ");
    json_write(w, properties);
    wr_text(w, "}");
}
