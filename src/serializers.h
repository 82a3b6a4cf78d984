/* SPDX-License-Identifier: Apache-2.0 */
/* serializers - yaml and auth, each from a shared module that is loaded when it is
 * first needed: what libyaml and OpenSSL weigh is carried by those who use them.
 *
 *     yaml   when the first such body is met, or result written
 *     auth   at the start of a child, if security_cert_store is set: certificates that
 *            cannot be read must stop the worker, not cost it its messages
 *
 * Modules lie in the folder `serializers` beside the plugins, and must be of this very
 * version. */
#ifndef PETIOLE_SERIALIZERS_H
#define PETIOLE_SERIALIZERS_H

#include "../protocol/serializer.h"
#include "security.h"

#define SERIALIZERS_WHY_MAX 512

struct serializer_auth;

struct serializers {
    struct serializer_source source; /* for message_read_body; its ctx is this struct */
    const struct serializer *yaml;
    bool yaml_failed; /* not tried again */
    char yaml_why[SERIALIZERS_WHY_MAX];
    const struct serializer_auth *auth;
    void *auth_state;
};

void serializers_init(struct serializers *s);
/* Whether the module of that name is there; nothing is loaded. */
bool serializers_have(const char *name);
void serializers_finish(struct serializers *s);

/* Believes signed messages from here on. False with one line in *why. */
bool serializers_trust(struct serializers *s, const struct security *security,
                       char why[SERIALIZERS_WHY_MAX]);
/* Signs as this worker. False if it has no key, or w is bad. */
bool serializers_sign(struct serializers *s, struct wr *w,
                      const struct serializer_signed *plain);
/* An encoded body, as it goes into an envelope before base64. */
struct serializers_body {
    struct wr bytes; /* the caller's: wr_init before, wr_finish after */
    const char *content_type, *content_encoding;
    const char *compression; /* its MIME type, or NULL */
};
/* From a body in JSON, by the names of settings: a serializer, "auth" among them, and a
 * compression, either may be NULL. False with one line in *why. */
bool serializers_encode(struct serializers *s, struct arena *a, struct str json,
                        const char *serializer, const char *compression,
                        struct serializers_body *body, const char **why);
/* How results are stored: names of settings, NULL or "" is JSON, and no compression. */
struct serializers_result {
    const char *serializer, *compression;
};
bool serializers_keeps_json(const struct serializers_result *how);
/* A result's document in JSON as it is stored. False if it cannot be. */
bool serializers_store(struct serializers *s, const struct serializers_result *how,
                       struct str json, struct wr *w);
/* Writes a JSON document anew by a serializer's name; the arena is used on the way.
 * False with one line in *why. */
bool serializers_rewrite(struct serializers *s, struct arena *a, struct str name,
                         struct str json, struct wr *w, const char **why);

#endif
