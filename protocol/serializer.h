/* SPDX-License-Identifier: Apache-2.0 */
/* serializer - how values become the bytes of a body and back: kombu's registry.
 *
 *     name     content type             encoding  read and written by
 *     json     application/json         utf-8     this library
 *     msgpack  application/x-msgpack    binary    this library
 *     yaml     application/x-yaml       utf-8     libyaml, in a module of its own
 *     auth     application/data         utf-8     OpenSSL, in a module of its own
 *
 * pickle has a name here, so that it is refused by it, and no reader: reading one runs
 * what its sender wrote. What needs a library that few messages need comes from a
 * `serializer_source`, which loads it when it is first asked for. */
#ifndef PROTOCOL_SERIALIZER_H
#define PROTOCOL_SERIALIZER_H

#include "buf.h"
#include "value.h"

struct serializer_error {
    char what[160];     /* one line: "Expecting value at byte 3" */
    bool out_of_memory; /* the arena was full: the fault is not the text's */
};

struct serializer {
    const char *name;  /* as settings have it: "json" */
    const char *title; /* as a sentence has it: "JSON" */
    const char *content_type, *content_encoding;
    /* NULL with *e filled. The bytes may go once it has returned. */
    const ptl_value *(*read)(struct arena *a, struct str bytes,
                             struct serializer_error *e);
    /* False if this value cannot be written, or w is bad. */
    bool (*write)(struct wr *w, const ptl_value *v);
};

extern const struct serializer serializer_json, serializer_msgpack;

/* A signed body, opened. Strings live in the arena. */
struct serializer_signed {
    struct str content_type, content_encoding, body;
};

struct serializer_source {
    void *ctx;
    /* The serializer of this name; NULL with *why, a static sentence. */
    const struct serializer *(*load)(void *ctx, struct str name, const char **why);
    /* Verifies a signed body. False with *why, in the arena or static; NULL if the
     * arena is full. */
    bool (*open_signed)(void *ctx, struct arena *a, struct str bytes,
                        struct serializer_signed *s, const char **why);
};

/* kombu's name of a content type, the type itself if it has none; and the other way. */
struct str serializer_name(struct str content_type);
struct str serializer_content_type(struct str name);
/* By name; from the source, which may be NULL, if it is not built in. */
const struct serializer *serializer_find(const struct serializer_source *source,
                                         struct str name, const char **why);
/* Whether one of the names or content types, NULL at the end, is this type. */
bool serializer_accepts(const char *const *accept, struct str content_type);

/* For readers: fills *e and returns NULL. */
void *serializer_fail(struct serializer_error *e, const char *fmt, ...)
    PTL_PRINTF(2, 3);
void *serializer_out_of_memory(struct serializer_error *e);

#endif
