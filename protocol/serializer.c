/* SPDX-License-Identifier: Apache-2.0 */
/* serializer - the names of content types, and JSON as one of them. */
#include "serializer.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *content_type;
} types[] = {
    {"json", "application/json"},   {"msgpack", "application/x-msgpack"},
    {"yaml", "application/x-yaml"}, {"pickle", "application/x-python-serialize"},
    {"auth", "application/data"},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

struct str serializer_name(struct str content_type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (str_is(content_type, types[i].content_type))
            return str_of(types[i].name);
    return content_type;
}

struct str serializer_content_type(struct str name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (str_is(name, types[i].name))
            return str_of(types[i].content_type);
    return name;
}

bool serializer_accepts(const char *const *accept, struct str content_type)
{
    struct str name = serializer_name(content_type);

    for (; *accept; accept++)
        if (str_is(content_type, *accept) || str_is(name, *accept))
            return true;
    return false;
}

const struct serializer *serializer_find(const struct serializer_source *source,
                                         struct str name, const char **why)
{
    if (str_is(name, serializer_json.name))
        return &serializer_json;
    if (str_is(name, serializer_msgpack.name))
        return &serializer_msgpack;
    if (source && source->load)
        return source->load(source->ctx, name, why);
    *why = "there is no such serializer";
    return NULL;
}

void *serializer_fail(struct serializer_error *e, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(e->what, sizeof(e->what), fmt, args);
    va_end(args);
    return NULL;
}

void *serializer_out_of_memory(struct serializer_error *e)
{
    e->out_of_memory = true;
    return serializer_fail(e, "larger than a message may be");
}

/* ---- JSON --------------------------------------------------------------------- */

static const ptl_value *read_json(struct arena *a, struct str bytes,
                                  struct serializer_error *e)
{
    struct json_error fault;
    const ptl_value *v =
        json_read(a, bytes, JSON_KOMBU_TYPES | JSON_COPY_STRINGS, NULL, &fault);

    if (v)
        return v;
    if (fault.out_of_memory)
        return serializer_out_of_memory(e);
    return serializer_fail(e, "%s at byte %zu", fault.what, fault.offset);
}

static bool write_json(struct wr *w, const ptl_value *v)
{
    json_write(w, v);
    return !w->bad;
}

const struct serializer serializer_json = {
    .name = "json",
    .title = "JSON",
    .content_type = "application/json",
    .content_encoding = "utf-8",
    .read = read_json,
    .write = write_json,
};
