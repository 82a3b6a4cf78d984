/* SPDX-License-Identifier: Apache-2.0 */
#include "setting.h"

#include "../../protocol/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define SETTINGS_MAX_BYTES (16u << 20)
#define NAME_MAX_BYTES 256

/* A str stands for itself, everything else for its JSON. */
static const char *text_of(struct arena *a, const ptl_value *v)
{
    struct str s = value_as_str(v);
    struct wr w;

    if (value_kind(v) == PTL_STR)
        return arena_copy(a, s).p;
    wr_init(&w, SETTINGS_MAX_BYTES);
    json_write(&w, v);
    s = w.bad ? (struct str){NULL, 0} : arena_copy(a, wr_str(&w));
    wr_finish(&w);
    return s.p;
}

static struct str join(struct arena *a, struct str prefix, struct str key)
{
    size_t dot = prefix.n > 0;
    char *p = arena_alloc(a, prefix.n + dot + key.n + 1);

    if (!p)
        return (struct str){NULL, 0};
    memcpy(p, prefix.p ? prefix.p : "", prefix.n);
    memcpy(p + prefix.n, ".", dot);
    memcpy(p + prefix.n + dot, key.p, key.n);
    p[prefix.n + dot + key.n] = '\0';
    return (struct str){p, prefix.n + dot + key.n};
}

static void add(struct settings *s, struct str name, const ptl_value *v)
{
    struct setting *entry = arena_alloc(&s->arena, sizeof(*entry));

    if (!entry || !name.p || !v || value_is_null(v))
        return;
    *entry = (struct setting){name, text_of(&s->arena, v), s->first};
    s->first = entry;
}

/* The JSON reader's depth limit bounds the recursion. */
static void flatten(struct settings *s, struct str prefix, const ptl_value *map)
{
    for (size_t i = 0; map && i < value_len(map); i++) {
        const struct value_pair *pair = &map->u.map.pairs[i];
        struct str name = join(&s->arena, prefix, pair->key);

        if (value_kind(pair->value) == PTL_MAP)
            flatten(s, name, pair->value);
        else
            add(s, name, pair->value);
    }
}

const char *settings_init(struct settings *s, struct str json)
{
    struct json_error e;
    const ptl_value *root;

    *s = (struct settings){.first = NULL};
    arena_init(&s->arena, SETTINGS_MAX_BYTES);
    if (json.n == 0)
        return NULL;
    root = json_read(&s->arena, json, JSON_COPY_STRINGS, &json_default_limits, &e);
    if (!root && !e.out_of_memory)
        return "the plugins' settings are not JSON";
    if (root && value_kind(root) != PTL_MAP)
        return "the plugins' settings are not an object";
    flatten(s, (struct str){NULL, 0}, root);
    return s->arena.failed ? "no memory for the plugins' settings" : NULL;
}

void settings_finish(struct settings *s)
{
    arena_finish(&s->arena);
}

/* "documents.chunk_tokens" is PETIOLE_DOCUMENTS_CHUNK_TOKENS there. */
static const char *from_environment(const char *name)
{
    char variable[NAME_MAX_BYTES];
    int n = snprintf(variable, sizeof(variable), "PETIOLE_%s", name);

    if (n < 0 || (size_t)n >= sizeof(variable))
        return NULL;
    for (char *c = variable; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return getenv(variable);
}

const char *settings_get(const struct settings *s, const char *name)
{
    const char *text = from_environment(name);

    for (const struct setting *at = s->first; !text && at; at = at->next)
        if (str_is(at->name, name))
            text = at->text;
    return text;
}
