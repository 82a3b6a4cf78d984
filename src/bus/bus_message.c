/* SPDX-License-Identifier: Apache-2.0 */
#include "bus_message.h"

#include "../../protocol/base64.h"
#include "../../protocol/envelope.h"
#include "../../protocol/json.h"

static bool fails(const char **why, const char *what)
{
    *why = what;
    return false;
}

static bool are_objects(const ptl_value *list)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (value_kind(value_at(list, i)) != PTL_MAP)
            return false;
    return true;
}

static bool read_body(struct arena *a, const struct envelope *e, enum bus_body expected,
                      struct bus_message *m, const char **why)
{
    struct json_error fault;
    struct str body = envelope_body(a, e);
    if (!body.p)
        return fails(why, a->failed ? "out of memory" : "a body that is not base64");
    m->body = json_read(a, body, JSON_KOMBU_TYPES | JSON_COPY_STRINGS, NULL, &fault);
    if (!m->body)
        return fails(why,
                     fault.out_of_memory ? "out of memory" : "a body that is not JSON");
    if (m->body->kind == PTL_MAP)
        return true;
    if (expected == BUS_OBJECT || m->body->kind != PTL_LIST)
        return fails(why, "a body that is not an object");
    return are_objects(m->body) || fails(why, "a list with other things than objects");
}

bool bus_message_read(struct arena *a, struct str text, enum bus_body expected,
                      struct bus_message *m, const char **why)
{
    struct envelope e;
    if (text.n > BUS_MESSAGE_MAX)
        return fails(why, "more than 4 MiB");
    if (!envelope_read(a, text, &e, why))
        return false;
    /* Python's mailboxes accept nothing else, either. */
    if (!str_is(e.content_type, "application/json"))
        return fails(why, "a body whose content type is not JSON");
    *m = (struct bus_message){.arena = a,
                              .headers = e.headers,
                              .routing_key = e.routing_key};
    return read_body(a, &e, expected, m, why);
}

void bus_message_write(struct wr *w, const struct bus_envelope *e)
{
    wr_put(w, STR("{\"body\": \""));
    base64_encode(w, e->body);
    wr_put(w, STR("\", \"content-encoding\": \"utf-8\", "
                  "\"content-type\": \"application/json\", \"headers\": "));
    wr_put(w, e->headers);
    wr_printf(w,
              ", \"properties\": {\"delivery_mode\": %d, "
              "\"delivery_info\": {\"exchange\": ",
              e->delivery_mode);
    json_write_str(w, e->exchange);
    wr_put(w, STR(", \"routing_key\": "));
    json_write_str(w, e->routing_key);
    wr_printf(w,
              "}, \"priority\": 0, \"body_encoding\": \"base64\", "
              "\"delivery_tag\": \"%s\"}}",
              e->tag);
}
