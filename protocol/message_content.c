/* SPDX-License-Identifier: Apache-2.0 */
/* message_content - from a body as it travels to the value it says: base64, then
 * compression, then a signature if it has one, then its content type. */
#include "message_content.h"
#include "pyrepr_text.h"
#include "unpack.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum message_fault content_fault(struct content *c, enum message_fault code,
                                 const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    *c->why = arena_strdup(c->arena, line);
    return *c->why ? code : content_too_large(c);
}

enum message_fault content_too_large(struct content *c)
{
    *c->why = "the body is larger than a message may be";
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

static enum message_fault refuse_type(struct content *c, struct str type)
{
    char name[128], mime[128];

    return content_fault(c, MESSAGE_BAD_CONTENT,
                         "Refusing to deserialize untrusted content of type %s (%s)",
                         shown(name, serializer_name(type)), shown(mime, type));
}

static bool is_raw(struct str type)
{
    return !type.n || str_is(type, "application/data");
}

/* kombu trusts raw data and text whatever is accepted, but they are no task, unless
 * the data is a signed message and this worker knows its signers. What kombu does not
 * trust it refuses with its own sentence. */
static enum message_fault check_type(struct content *c, struct str type)
{
    char mime[128];

    if (is_raw(type) && c->rules->source && c->rules->source->open_signed)
        return MESSAGE_OK;
    if (is_raw(type) || str_is(type, "application/text"))
        return content_fault(c, MESSAGE_UNDECODABLE, "content of type %s is no task",
                             type.n ? shown(mime, type) : "application/data");
    return serializer_accepts(c->rules->accept, type) ? MESSAGE_OK
                                                      : refuse_type(c, type);
}

static enum message_fault undo_base64(struct content *c, const struct envelope *e,
                                      struct str *body)
{
    *body = envelope_body(c->arena, e);
    if (body->p)
        return MESSAGE_OK;
    if (c->arena->failed)
        return content_too_large(c);
    return content_fault(c, MESSAGE_UNDECODABLE, "the body is not base64");
}

static enum message_fault undo_compression(struct content *c, struct str type,
                                           struct str *body)
{
    char name[128];
    struct wr unpacked;
    enum message_fault code = MESSAGE_OK;

    wr_init(&unpacked, c->rules->max_bytes);
    switch (unpack(&unpacked, type, *body)) {
    case UNPACK_OK:
        *body = arena_copy(c->arena, wr_str(&unpacked));
        if (!body->p)
            code = content_too_large(c);
        break;
    case UNPACK_UNKNOWN:
        code = content_fault(c, MESSAGE_UNDECODABLE, "unknown compression %s",
                             shown(name, type));
        break;
    case UNPACK_CORRUPT:
        code = content_fault(c, MESSAGE_UNDECODABLE, "the body is no valid %s",
                             shown(name, type));
        break;
    case UNPACK_TOO_LARGE:
        code = content_too_large(c);
        break;
    }
    wr_finish(&unpacked);
    return code;
}

/* What is in a signed message needs no other leave: its signer has it. */
static enum message_fault undo_signature(struct content *c, struct str *type,
                                         struct str *body)
{
    const struct serializer_source *source = c->rules->source;
    struct serializer_signed s;
    const char *why = NULL;

    if (!source->open_signed(source->ctx, c->arena, *body, &s, &why))
        return why ? content_fault(c, MESSAGE_UNDECODABLE, "Unable to deserialize: %s",
                                   why)
                   : content_too_large(c);
    *type = s.content_type;
    *body = s.body;
    return MESSAGE_OK;
}

static enum message_fault parse(struct content *c, struct str type, struct str body,
                                const ptl_value **root)
{
    struct str name = serializer_name(type);
    struct serializer_error e = {.out_of_memory = false};
    const struct serializer *s;
    char mime[128];
    const char *why = NULL;

    if (str_is(name, "pickle") || str_is(name, "auth") || str_eq(name, type))
        return refuse_type(c, type);
    if (!(s = serializer_find(c->rules->source, name, &why)))
        return content_fault(c, MESSAGE_BAD_CONTENT,
                             "content of type %s cannot be decoded here: %s",
                             shown(mime, type), why);
    *root = s->read(c->arena, body, &e);
    if (*root)
        return MESSAGE_OK;
    if (e.out_of_memory)
        return content_too_large(c);
    return content_fault(c, MESSAGE_UNDECODABLE, "the body is not %s: %s", s->title,
                         e.what);
}

enum message_fault content_read(struct content *c, const struct envelope *e,
                                struct str compression, const ptl_value **root)
{
    struct str type = e->content_type, body = {NULL, 0};
    enum message_fault code = check_type(c, type);

    if (code == MESSAGE_OK)
        code = undo_base64(c, e, &body);
    if (code == MESSAGE_OK && compression.n)
        code = undo_compression(c, compression, &body);
    if (code == MESSAGE_OK && body.n > c->rules->max_bytes)
        code = content_too_large(c);
    if (code == MESSAGE_OK && is_raw(type))
        code = undo_signature(c, &type, &body);
    return code == MESSAGE_OK ? parse(c, type, body, root) : code;
}
