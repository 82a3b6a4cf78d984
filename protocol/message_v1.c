/* SPDX-License-Identifier: Apache-2.0 */
/* message_v1 - the headers of a message whose fields are in its body
 * (hybrid_to_proto2 and proto1_to_proto2 of celery.worker.strategy). */
#include "message.h"
#include "pyrepr.h"

#define REPR_MAX_CHARS 1024 /* of saferepr */

/* What a version 2 message has as headers. The body's `utc` is not asked: Celery takes
 * a time without an offset for UTC, whatever it says. */
static const char *const fields[] = {
    "lang",     "task",        "id",      "shadow",        "eta",     "expires",
    "group",    "group_index", "retries", "timelimit",     "root_id", "parent_id",
    "argsrepr", "kwargsrepr",  "origin",  "ignore_result",
};

/* `taskset` is what older versions called a group. */
static const ptl_value *field_of(const ptl_value *mapping, const char *name)
{
    const ptl_value *taskset = value_get(mapping, "taskset");

    if (strcmp(name, "group") == 0 && !value_is_null(taskset))
        return taskset;
    return value_get(mapping, name);
}

static ptl_value *repr_of(struct arena *a, const ptl_value *v)
{
    struct wr w;

    wr_init(&w, 1 << 16);
    pyrepr_cut(&w, v, REPR_MAX_CHARS);
    struct str text = w.bad ? (struct str){NULL, 0} : arena_copy(a, wr_str(&w));
    wr_finish(&w);
    return text.p ? value_str(a, text) : NULL;
}

struct completion {
    struct arena *arena;
    const ptl_value *have; /* the message's headers, which win */
    ptl_value *headers;    /* the same with what was missing; NULL: nothing was */
    bool failed;
};

static ptl_value *copy(struct arena *a, const ptl_value *map)
{
    ptl_value *copy = value_map(a, value_len(map) + sizeof(fields) / sizeof(fields[0]));

    for (size_t i = 0; copy && i < value_len(map); i++)
        if (!value_map_set(a, copy, map->u.map.pairs[i].key, map->u.map.pairs[i].value))
            return NULL;
    return copy;
}

static bool lacks(const struct completion *c, const char *name)
{
    return !value_get(c->have, name);
}

static bool is_nowhere(const struct completion *c, const ptl_value *mapping,
                       const char *name)
{
    return lacks(c, name) && value_is_null(value_get(mapping, name));
}

static void add(struct completion *c, const char *name, const ptl_value *v)
{
    if (!c->headers)
        c->headers = copy(c->arena, c->have);
    if (!c->headers || !value_map_set(c->arena, c->headers, str_of(name), v))
        c->failed = true;
}

bool message_complete_headers(struct arena *a, const struct envelope *e,
                              const struct message_body *b, const ptl_value **headers)
{
    struct completion c = {.arena = a, .have = e->headers};

    *headers = NULL;
    if (!b->mapping)
        return true;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const ptl_value *v = field_of(b->mapping, fields[i]);
        if (!value_is_null(v) && lacks(&c, fields[i]))
            add(&c, fields[i], v);
    }
    if (is_nowhere(&c, b->mapping, "argsrepr"))
        add(&c, "argsrepr", repr_of(a, b->args));
    if (is_nowhere(&c, b->mapping, "kwargsrepr"))
        add(&c, "kwargsrepr", repr_of(a, b->kwargs));
    *headers = c.headers;
    return !c.failed && !a->failed;
}
