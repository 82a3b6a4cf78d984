/* SPDX-License-Identifier: Apache-2.0 */
/* module - what a serializer's shared module exports under the name
 * `petiole_serializer_module`. */
#ifndef PETIOLE_SERIALIZER_MODULE_H
#define PETIOLE_SERIALIZER_MODULE_H

#include "../serializers.h"

struct serializer_auth {
    /* Reads keys and certificates; NULL with one line in *why. */
    void *(*start)(const struct security *security, char why[SERIALIZERS_WHY_MAX]);
    void (*finish)(void *state);
    bool (*open)(void *state, struct arena *a, struct str bytes,
                 struct serializer_signed *opened, const char **why);
    bool (*sign)(void *state, struct wr *w, const struct serializer_signed *plain);
};

struct serializer_module {
    const char *version;                 /* the worker's that it was built with */
    const struct serializer *serializer; /* yaml's */
    const struct serializer_auth *auth;  /* auth's */
};

extern PTL_API const struct serializer_module petiole_serializer_module;

#endif
