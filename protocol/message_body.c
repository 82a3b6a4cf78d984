/* SPDX-License-Identifier: Apache-2.0 */
/* message_body - the body of a task message: base64, compression, content type, JSON.
 */
#include "json.h"
#include "message.h"
#include "pyrepr_text.h"
#include "unpack.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *mime;
} serializers[] = {
    {"json", "application/json"},
    {"msgpack", "application/x-msgpack"},
    {"pickle", "application/x-python-serialize"},
    {"yaml", "application/x-yaml"},
};
#define SERIALIZERS (sizeof(serializers) / sizeof(serializers[0]))

struct reading {
    struct arena *arena;
    const char **why;
    size_t max_bytes;
};

__attribute__((format(printf, 3, 4))) static enum message_fault
fault(struct reading *r, enum message_fault code, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    *r->why = arena_strdup(r->arena, line);
    if (*r->why)
        return code;
    *r->why = "the body is larger than a message may be";
    return MESSAGE_OUT_OF_MEMORY;
}

static enum message_fault too_large(struct reading *r)
{
    *r->why = "the body is larger than a message may be";
    return MESSAGE_OUT_OF_MEMORY;
}

/* Text off the wire for use in a sentence: short, and on one line. */
static const char *shown(char out[128], struct str s)
{
    const char *p = s.p, *end = s.p + s.n;
    struct wr w = {.p = out, .cap = 127, .max = 127};

    while (p < end && w.len < 100)
        pyrepr_put_code(&w, utf8_next(&p, end));
    out[w.len] = '\0';
    return out;
}

/* kombu's name of a content type; the type itself if it has none. */
static struct str name_of_type(struct str type)
{
    for (size_t i = 0; i < SERIALIZERS; i++)
        if (str_is(type, serializers[i].mime))
            return str_of(serializers[i].name);
    return type;
}

static bool is_accepted(struct str type, const char *const *accept)
{
    struct str name = name_of_type(type);

    for (; *accept; accept++)
        if (str_is(type, *accept) || str_is(name, *accept))
            return true;
    return false;
}

/* kombu trusts raw data and text whatever is accepted, but they are no task. What it
 * does not trust it refuses with this sentence; and so is here what was accepted but
 * has no decoder. */
static enum message_fault check_type(struct reading *r, struct str type,
                                     const char *const *accept)
{
    char name[128], mime[128];

    if (!type.n || str_is(type, "application/data") || str_is(type, "application/text"))
        return fault(r, MESSAGE_UNDECODABLE, "content of type %s is no task",
                     type.n ? shown(mime, type) : "application/data");
    if (str_is(type, "application/json") && is_accepted(type, accept))
        return MESSAGE_OK;
    return fault(r, MESSAGE_BAD_CONTENT,
                 "Refusing to deserialize untrusted content of type %s (%s)",
                 shown(name, name_of_type(type)), shown(mime, type));
}

static enum message_fault undo_base64(struct reading *r, const struct envelope *e,
                                      struct str *body)
{
    *body = envelope_body(r->arena, e);
    if (body->p)
        return MESSAGE_OK;
    if (r->arena->failed)
        return too_large(r);
    return fault(r, MESSAGE_UNDECODABLE, "the body is not base64");
}

static enum message_fault undo_compression(struct reading *r, struct str type,
                                           struct str *body)
{
    char name[128];
    struct wr unpacked;
    enum message_fault code = MESSAGE_OK;

    wr_init(&unpacked, r->max_bytes);
    switch (unpack(&unpacked, type, *body)) {
    case UNPACK_OK:
        *body = arena_copy(r->arena, wr_str(&unpacked));
        if (!body->p)
            code = too_large(r);
        break;
    case UNPACK_UNKNOWN:
        code =
            fault(r, MESSAGE_UNDECODABLE, "unknown compression %s", shown(name, type));
        break;
    case UNPACK_CORRUPT:
        code =
            fault(r, MESSAGE_UNDECODABLE, "the body is no valid %s", shown(name, type));
        break;
    case UNPACK_TOO_LARGE:
        code = too_large(r);
        break;
    }
    wr_finish(&unpacked);
    return code;
}

static enum message_fault parse(struct reading *r, struct str body,
                                const ptl_value **root)
{
    struct json_error e;

    *root = json_read(r->arena, body, JSON_KOMBU_TYPES | JSON_COPY_STRINGS, NULL, &e);
    if (*root)
        return MESSAGE_OK;
    if (e.out_of_memory)
        return too_large(r);
    return fault(r, MESSAGE_UNDECODABLE, "the body is not JSON: %s at byte %zu", e.what,
                 e.offset);
}

static const char *kind_name(const ptl_value *v)
{
    static const char *const names[] = {
        [PTL_NULL] = "null",       [PTL_BOOL] = "a bool",    [PTL_INT] = "a number",
        [PTL_BIGINT] = "a number", [PTL_FLOAT] = "a number", [PTL_STR] = "a string",
        [PTL_BYTES] = "bytes",     [PTL_LIST] = "a list",    [PTL_MAP] = "a map",
    };

    return names[value_kind(v)];
}

static enum message_fault take_apart(struct reading *r, const ptl_value *root,
                                     struct message_body *b)
{
    if (value_kind(root) != PTL_LIST)
        return fault(r, MESSAGE_BAD_FIELD,
                     "the body is not [args, kwargs, embed] but %s", kind_name(root));
    if (value_len(root) != 3)
        return fault(r, MESSAGE_BAD_FIELD,
                     "the body is not [args, kwargs, embed] but a list of %zu",
                     value_len(root));
    *b = (struct message_body){value_at(root, 0), value_at(root, 1), value_at(root, 2)};
    if (value_kind(b->args) != PTL_LIST)
        return fault(r, MESSAGE_BAD_FIELD, "args is not a list but %s",
                     kind_name(b->args));
    if (value_kind(b->kwargs) != PTL_MAP)
        return fault(r, MESSAGE_BAD_FIELD, "kwargs is not a mapping but %s",
                     kind_name(b->kwargs));
    if (value_is_null(b->embed))
        b->embed = NULL;
    else if (value_kind(b->embed) != PTL_MAP)
        return fault(r, MESSAGE_BAD_FIELD, "embed is not a mapping but %s",
                     kind_name(b->embed));
    return MESSAGE_OK;
}

enum message_fault message_read_body(struct arena *a, const struct envelope *e,
                                     const struct message *m, const char *const *accept,
                                     size_t max_bytes, struct message_body *b,
                                     const char **why)
{
    struct reading r = {.arena = a, .why = why, .max_bytes = max_bytes};
    const ptl_value *root = NULL;
    struct str body = {NULL, 0};
    enum message_fault code = check_type(&r, e->content_type, accept);

    if (code == MESSAGE_OK)
        code = undo_base64(&r, e, &body);
    if (code == MESSAGE_OK && m->compression.n)
        code = undo_compression(&r, m->compression, &body);
    if (code == MESSAGE_OK && body.n > max_bytes)
        code = too_large(&r);
    if (code == MESSAGE_OK)
        code = parse(&r, body, &root);
    return code == MESSAGE_OK ? take_apart(&r, root, b) : code;
}

bool message_has_workflow(const struct message_body *b)
{
    static const char *const keys[] = {"callbacks", "errbacks", "chain", "chord"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (value_truth(value_get(b->embed, keys[i])))
            return true;
    return false;
}
