/* SPDX-License-Identifier: Apache-2.0 */
/* json_typed - kombu's {"__type__": …, "__value__": …}. */
#include "base64.h"
#include "json_scan.h"
#include "typed.h"
#include "utf8.h"

/* bytes and base64, as kombu's decoder makes them; NULL with an error set otherwise. */
static const ptl_value *make_bytes(struct json_scan *s, bool base64,
                                   const ptl_value *text)
{
    struct str bytes = value_as_str(text);

    if (!bytes.p || !utf8_valid(bytes)) { /* no text, or with a lone surrogate */
        json_scan_fail(s, s->p, "bytes of no text");
        return NULL;
    }
    if (base64 && !(bytes = base64_decode(s->arena, bytes)).p) {
        if (s->arena->failed)
            json_scan_out_of_memory(s);
        else
            json_scan_fail(s, s->p, "wrong base64");
        return NULL;
    }
    ptl_value *v = value_bytes(s->arena, bytes);
    if (!v)
        json_scan_out_of_memory(s);
    return v;
}

const ptl_value *json_scan_typed(struct json_scan *s, const ptl_value *map)
{
    const ptl_value *type = value_get(map, "__type__");
    const ptl_value *value = value_get(map, "__value__");

    if (map->u.map.n != 2 || !type || !value)
        return map;
    struct str name = value_as_str(type);
    if (str_is(name, "bytes") || str_is(name, "base64"))
        return make_bytes(s, str_is(name, "base64"), value);
    const char *why = NULL;
    if (typed_is_valid(map, &why))
        return map;
    json_scan_fail(s, s->p, why);
    return NULL;
}
