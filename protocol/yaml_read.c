/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_read - libyaml's events to values. The recursion is as deep as the limit
 * allows. */
#include "json.h"
#include "yaml_value.h"

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct serializer_error *error;
    ptl_value *anchors; /* map: name → its value; NULL while there is none */
    ptl_value *sizes;   /* map: name → how many values that is, written out */
    uint32_t depth, values;
    size_t line; /* where the last event began */
};

static const ptl_value *read_node(struct reader *r, const yaml_event_t *event);

static void *fail(struct reader *r, const char *what)
{
    if (r->error->what[0])
        return NULL; /* the first one counts */
    return serializer_fail(r->error, "%s in line %zu", what, r->line + 1);
}

static const ptl_value *made(struct reader *r, const ptl_value *v)
{
    return v ? v : serializer_out_of_memory(r->error);
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) {
        r->line = event->start_mark.line;
        return true;
    }
    r->line = r->parser.problem_mark.line;
    if (r->parser.error == YAML_MEMORY_ERROR)
        serializer_out_of_memory(r->error);
    else
        fail(r, r->parser.problem ? r->parser.problem : "no YAML");
    return false;
}

static bool count(struct reader *r, uint32_t values)
{
    if (values > json_default_limits.max_values - r->values) {
        fail(r, "too many values");
        return false;
    }
    r->values += values;
    return true;
}

/* ---- Anchors ------------------------------------------------------------------ */

static bool make_maps(struct reader *r)
{
    if (!r->anchors) {
        r->anchors = value_map(r->arena, 0);
        r->sizes = value_map(r->arena, 0);
    }
    return r->anchors && r->sizes;
}

/* Once its value is complete: one that contains itself is never found. */
static bool remember(struct reader *r, const yaml_char_t *anchor, const ptl_value *v,
                     uint32_t before)
{
    struct str name;

    if (!anchor)
        return true;
    name = arena_copy(r->arena, str_of((const char *)anchor));
    if (name.p && make_maps(r)) {
        if (value_find(r->anchors, name)) {
            fail(r, "found duplicate anchor");
            return false;
        }
        if (value_map_set(r->arena, r->anchors, name, v) &&
            value_map_set(r->arena, r->sizes, name,
                          value_int(r->arena, r->values - before)))
            return true;
    }
    serializer_out_of_memory(r->error);
    return false;
}

static const ptl_value *read_alias(struct reader *r, const char *name)
{
    const ptl_value *v = value_get(r->anchors, name);

    if (!v)
        return fail(r, "found undefined alias");
    return count(r, (uint32_t)value_as_int(value_get(r->sizes, name), 1)) ? v : NULL;
}

/* ---- Nodes -------------------------------------------------------------------- */

static const ptl_value *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value,
                       event->data.scalar.length};
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.plain_implicit;
    if (tag && strcmp(tag, "!") == 0) /* as if it were not there */
        tag = NULL, plain = true;
    enum yaml_kind kind = tag     ? yaml_kind_tagged(tag)
                          : plain ? yaml_kind_of(text)
                                  : YAML_STR;

    if (kind == YAML_OTHER)
        return fail(r, tag ? "a tag that safe_load or this worker does not know"
                           : "a merge key or default value");
    const ptl_value *v = yaml_scalar(r->arena, kind, text);
    if (!v && !r->arena->failed)
        return fail(r, "a scalar that is none of its type");
    return made(r, v);
}

static bool is_plain_tag(struct reader *r, const yaml_char_t *tag, const char *plain)
{
    if (!tag || strcmp((const char *)tag, plain) == 0)
        return true;
    fail(r, "a tag that safe_load or this worker does not know");
    return false;
}

static bool enter(struct reader *r)
{
    if (r->depth == json_default_limits.max_depth) {
        fail(r, "too deeply nested");
        return false;
    }
    r->depth++;
    return true;
}

/* The next node of a collection; *end if there is none. */
static const ptl_value *read_next(struct reader *r, yaml_event_type_t closing,
                                  bool *end)
{
    yaml_event_t event;
    const ptl_value *v = NULL;

    *end = false;
    if (!next_event(r, &event))
        return NULL;
    *end = event.type == closing;
    if (!*end)
        v = read_node(r, &event);
    yaml_event_delete(&event);
    return v;
}

static const ptl_value *read_list(struct reader *r)
{
    ptl_value *list = value_list(r->arena, 0);
    const ptl_value *item;
    bool end;

    if (!list || !enter(r))
        return list ? NULL : made(r, NULL);
    while ((item = read_next(r, YAML_SEQUENCE_END_EVENT, &end)))
        if (!value_list_add(r->arena, list, item))
            return made(r, NULL);
    r->depth--;
    return end ? list : NULL;
}

static const ptl_value *read_map(struct reader *r)
{
    ptl_value *map = value_map(r->arena, 0);
    const ptl_value *key, *v;
    bool end, unused;

    if (!map || !enter(r))
        return map ? NULL : made(r, NULL);
    while ((key = read_next(r, YAML_MAPPING_END_EVENT, &end))) {
        if (value_kind(key) != PTL_STR)
            return fail(r, "a map's key is no text");
        if (!(v = read_next(r, YAML_NO_EVENT, &unused)))
            return NULL;
        if (!value_map_set(r->arena, map, key->u.s, v))
            return made(r, NULL);
    }
    r->depth--;
    return end ? map : NULL;
}

static const ptl_value *read_anchored(struct reader *r, const yaml_event_t *event,
                                      const yaml_char_t **anchor)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        *anchor = event->data.scalar.anchor;
        return read_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        *anchor = event->data.sequence_start.anchor;
        return is_plain_tag(r, event->data.sequence_start.tag, YAML_SEQ_TAG)
                   ? read_list(r)
                   : NULL;
    case YAML_MAPPING_START_EVENT:
        *anchor = event->data.mapping_start.anchor;
        return is_plain_tag(r, event->data.mapping_start.tag, YAML_MAP_TAG)
                   ? read_map(r)
                   : NULL;
    default:
        return fail(r, "unexpected end");
    }
}

static const ptl_value *read_node(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    uint32_t before = r->values;

    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(r, (const char *)event->data.alias.anchor);
    if (!count(r, 1))
        return NULL;
    const ptl_value *v = read_anchored(r, event, &anchor);
    return v && remember(r, anchor, v, before) ? v : NULL;
}

/* ---- Documents ---------------------------------------------------------------- */

static bool expect(struct reader *r, yaml_event_type_t type)
{
    yaml_event_t event;
    bool ok;

    if (!next_event(r, &event))
        return false;
    ok = event.type == type;
    yaml_event_delete(&event);
    if (!ok)
        fail(r, "expected a single document in the stream");
    return ok;
}

/* An empty stream is None. */
static const ptl_value *read_stream(struct reader *r)
{
    yaml_event_t event;
    const ptl_value *v;
    bool unused;

    if (!expect(r, YAML_STREAM_START_EVENT) || !next_event(r, &event))
        return NULL;
    bool empty = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
    if (empty)
        return made(r, value_null(r->arena));
    v = read_next(r, YAML_NO_EVENT, &unused);
    return v && expect(r, YAML_DOCUMENT_END_EVENT) && expect(r, YAML_STREAM_END_EVENT)
               ? v
               : NULL;
}

const ptl_value *yaml_read(struct arena *a, struct str bytes,
                           struct serializer_error *e)
{
    struct reader r = {.arena = a, .error = e};

    e->what[0] = '\0';
    if (!yaml_parser_initialize(&r.parser))
        return serializer_out_of_memory(e);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes.p, bytes.n);
    const ptl_value *v = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return v;
}
