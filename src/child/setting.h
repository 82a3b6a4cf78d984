/* SPDX-License-Identifier: Apache-2.0 */
/* setting - the plugins' settings, as text.
 *
 * The configuration's "plugins" object, {"documents": {"chunk_tokens": 1200}}, is
 * flattened once into dotted names; the environment's PETIOLE_DOCUMENTS_CHUNK_TOKENS
 * comes first when a setting is asked for. */
#ifndef PETIOLE_SETTING_H
#define PETIOLE_SETTING_H

#include "../../protocol/arena.h"

struct setting {
    struct str name;
    const char *text;
    struct setting *next;
};

struct settings {
    struct arena arena;
    struct setting *first;
};

/* Reads the JSON object, if any; NULL, or a static sentence saying what is wrong. */
const char *settings_init(struct settings *s, struct str json);
void settings_finish(struct settings *s);
const char *settings_get(const struct settings *s, const char *name);

#endif
