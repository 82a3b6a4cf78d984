/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing_body - what a message carries: arguments, and what is to follow the task. */
#include "outgoing.h"

#define EMBEDDED 4

/* A single signature may stand for the list of it. */
static const ptl_value *list_of(struct outgoing *o, const char *name)
{
    const ptl_value *v = outgoing_option(o, name);
    ptl_value *list;

    if (!v || value_kind(v) == PTL_LIST)
        return v;
    list = value_list(o->t->arena, 1);
    return list && value_list_add(o->t->arena, list, v) ? list : NULL;
}

static const ptl_value *embed(struct outgoing *o, ptl_value *map,
                              struct value_pair pairs[EMBEDDED])
{
    static const ptl_value null = {.kind = PTL_NULL};
    const struct value_pair all[EMBEDDED] = {
        {STR("callbacks"), list_of(o, "link")},
        {STR("errbacks"), list_of(o, "link_error")},
        {STR("chain"), outgoing_option(o, "chain")},
        {STR("chord"), outgoing_option(o, "chord")},
    };
    bool is_any = false;

    for (size_t i = 0; i < EMBEDDED; i++) {
        pairs[i] = all[i];
        is_any |= all[i].value != NULL;
        if (!pairs[i].value)
            pairs[i].value = &null;
    }
    map->kind = PTL_MAP;
    map->u.map.pairs = pairs;
    map->u.map.n = map->u.map.cap = EMBEDDED;
    return is_any ? map : NULL;
}

/* By another serializer, signed, compressed: in the place of the JSON. */
static bool encode(struct outgoing *o, struct str serializer)
{
    struct arena *a = o->t->arena;
    const char *name = arena_copy(a, serializer).p, *why = "no memory",
               *packer =
                   o->to.compression.n ? arena_copy(a, o->to.compression).p : NULL;
    struct serializers_body b;

    if (a->failed)
        return task_fail_memory(o->t);
    wr_init(&b.bytes, o->body.max);
    bool ok = serializers_encode(o->t->node->serializers, a, wr_str(&o->body), name,
                                 packer, &b, &why);
    wr_finish(&o->body);
    o->body = b.bytes;
    if (!ok)
        return task_fail(o->t, "kombu.exceptions.EncodeError",
                         "cannot write the message of " STR_FMT " as %s%s%s: %s",
                         STR_ARG(o->call->task), name, packer ? " and " : "",
                         packer ? packer : "", why);
    o->m.content_type = str_of(b.content_type);
    o->m.content_encoding = str_of(b.content_encoding);
    o->m.compression = str_of(b.compression);
    return true;
}

bool outgoing_pack(struct outgoing *o)
{
    struct str serializer = o->to.serializer.n ? o->to.serializer : STR("json");
    struct value_pair pairs[EMBEDDED];
    ptl_value map;

    message_write_body(&o->body, o->call->args, o->call->kwargs, embed(o, &map, pairs));
    o->m.content_type = STR("application/json");
    o->m.content_encoding = STR("utf-8");
    if (!o->body.bad && (!str_is(serializer, "json") || o->to.compression.n) &&
        !encode(o, serializer))
        return false;
    o->m.body = wr_str(&o->body);
    return true;
}
