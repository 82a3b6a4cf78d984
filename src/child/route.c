/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include "../../protocol/json.h"
#include "../pattern.h"

#include <stdarg.h>
#include <stdio.h>

const struct destination destination_none = {.priority = ROUTE_NONE,
                                             .delivery_mode = ROUTE_NONE};

/* ---- Destinations ------------------------------------------------------------- */

void destination_merge(struct destination *d, const struct destination *weaker)
{
    struct str *own[] = {&d->queue, &d->exchange, &d->routing_key, &d->serializer,
                         &d->compression};
    const struct str others[] = {weaker->queue, weaker->exchange, weaker->routing_key,
                                 weaker->serializer, weaker->compression};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (!own[i]->n)
            *own[i] = others[i];
    if (d->priority == ROUTE_NONE)
        d->priority = weaker->priority;
    if (d->delivery_mode == ROUTE_NONE)
        d->delivery_mode = weaker->delivery_mode;
}

static const char *complain(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *complain(struct arena *a, const char *fmt, ...)
{
    char line[512];
    const char *kept;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    kept = arena_strdup(a, line);
    return kept ? kept : "no memory for the routes";
}

static bool set_text(struct destination *d, const char *key, const ptl_value *v)
{
    const struct {
        const char *key;
        struct str *to;
    } texts[] = {
        {"queue", &d->queue},
        {"exchange", &d->exchange},
        {"routing_key", &d->routing_key},
        {"serializer", &d->serializer},
        {"compression", &d->compression},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(key, texts[i].key) == 0 && value_kind(v) == PTL_STR)
            return *texts[i].to = v->u.s, true;
    return false;
}

static bool set_number(struct destination *d, const char *key, const ptl_value *v)
{
    if (value_kind(v) != PTL_INT)
        return false;
    if (strcmp(key, "priority") == 0)
        d->priority = v->u.i;
    else if (strcmp(key, "delivery_mode") == 0)
        d->delivery_mode = v->u.i;
    else
        return false;
    return true;
}

static const char *read_destination(struct destination *d, struct arena *a,
                                    const ptl_value *v)
{
    *d = destination_none;
    if (value_kind(v) == PTL_STR)
        return d->queue = v->u.s, NULL;
    if (value_kind(v) != PTL_MAP)
        return "task_routes: a destination is a queue's name, or an object";
    for (size_t i = 0; i < value_len(v); i++) {
        const struct value_pair *pair = &v->u.map.pairs[i];

        if (!value_is_null(pair->value) && !set_text(d, pair->key.p, pair->value) &&
            !set_number(d, pair->key.p, pair->value))
            return complain(a, "task_routes: a destination cannot have \"%.100s\" so",
                            pair->key.p);
    }
    return NULL;
}

/* ---- Routers ------------------------------------------------------------------ */

/* The name with a star or an expression; *why tells the setting. */
static struct pattern *read_pattern(struct arena *a, const char *text, const char **why)
{
    struct pattern *p = pattern_read(a, text, why);

    if (!p)
        *why = complain(a, "task_routes: %.400s", *why);
    return p;
}

static const char *add_route(struct router *r, struct arena *a, const ptl_value *name,
                             const ptl_value *to)
{
    struct route *route = &r->routes[r->n];
    const char *why = NULL;

    if (value_kind(name) != PTL_STR)
        return "task_routes: a route's name is no text";
    if (strchr(name->u.s.p, '*') || strncmp(name->u.s.p, "re:", 3) == 0)
        route->pattern = read_pattern(a, name->u.s.p, &why);
    else
        route->name = name->u.s.p;
    if (!why)
        why = read_destination(&route->to, a, to);
    r->n += !why;
    return why;
}

/* {"a": …} or [["a", …], …] */
static const char *read_router(struct router *r, struct arena *a, const ptl_value *v)
{
    const char *why = NULL;

    r->n = 0;
    if (value_kind(v) == PTL_STR)
        return complain(a,
                        "task_routes: \"%.200s\" is a router in Python, which a C "
                        "worker cannot call: write its routes as an object",
                        v->u.s.p);
    if (!(r->routes = arena_zalloc(a, (value_len(v) + 1) * sizeof(*r->routes))))
        return "no memory for the routes";
    for (size_t i = 0; !why && value_kind(v) == PTL_MAP && i < value_len(v); i++) {
        const struct value_pair *pair = &v->u.map.pairs[i];
        ptl_value name = {.kind = PTL_STR, .u.s = pair->key};

        why = add_route(r, a, &name, pair->value);
    }
    for (size_t i = 0; !why && value_kind(v) == PTL_LIST && i < value_len(v); i++) {
        const ptl_value *pair = value_at(v, i);

        if (value_kind(pair) != PTL_LIST || value_len(pair) != 2)
            return "task_routes: a list of routes holds pairs of name and destination";
        why = add_route(r, a, value_at(pair, 0), value_at(pair, 1));
    }
    return why;
}

/* A list whose first item is itself a pair is one router; any other list is routers. */
static bool is_router(const ptl_value *v)
{
    const ptl_value *first = value_at(v, 0);

    return value_kind(v) != PTL_LIST ||
           (value_kind(first) == PTL_LIST && value_len(first) == 2 &&
            value_kind(value_at(first, 0)) == PTL_STR);
}

static const char *read_routers(struct routes *r, struct arena *a, const ptl_value *v)
{
    const char *why = NULL;

    if (value_is_null(v))
        return NULL;
    if (value_kind(v) != PTL_LIST && value_kind(v) != PTL_MAP)
        return "task_routes: it is neither an object nor a list";
    r->routers = arena_zalloc(a, (value_len(v) + 1) * sizeof(*r->routers));
    if (!r->routers)
        return "no memory for the routes";
    if (is_router(v))
        return r->n = 1, read_router(&r->routers[0], a, v);
    for (size_t i = 0; !why && i < value_len(v); i++)
        why = read_router(&r->routers[r->n++], a, value_at(v, i));
    return why;
}

/* ---- The settings ------------------------------------------------------------- */

static const char *text_of(const ptl_value *root, const char *name)
{
    const ptl_value *v = value_get(root, name);

    return value_kind(v) == PTL_STR && v->u.s.n > 0 ? v->u.s.p : NULL;
}

static bool is_true(const ptl_value *root, const char *name, bool otherwise)
{
    const ptl_value *v = value_get(root, name);

    return value_kind(v) == PTL_BOOL ? v->u.b : otherwise;
}

const char *routes_init(struct routes *r, struct arena *a, struct str text)
{
    struct json_error e;
    struct str copy = arena_copy(a, text.n ? text : STR("{}"));
    const ptl_value *root =
        copy.p ? json_read(a, copy, JSON_COPY_STRINGS, &json_default_limits, &e) : NULL;
    const char *queue = text_of(root, "task_default_queue");

    *r = (struct routes){
        .default_queue = queue ? queue : "celery",
        .defaults = destination_none,
        .task_priority =
            value_as_int(value_get(root, "task_default_priority"), ROUTE_NONE),
        .inherit_priority = is_true(root, "task_inherit_parent_priority", false),
        .ignore_result = is_true(root, "task_ignore_result", false),
        .store_errors = is_true(root, "task_store_errors_even_if_ignored", false),
        .link_error_on_header =
            is_true(root, "task_allow_error_cb_on_chord_header", false),
        .chord_retry_interval_s =
            ptl_float(value_get(root, "result_chord_retry_interval")),
        .create_missing = is_true(root, "task_create_missing_queues", true),
        .queues = value_get(root, "task_queues"),
    };
    r->defaults.serializer = str_of(text_of(root, "task_serializer"));
    r->defaults.compression = str_of(text_of(root, "task_compression"));
    r->defaults.delivery_mode =
        value_as_int(value_get(root, "task_default_delivery_mode"), 2);
    if (!root)
        return "what the worker says of publishing is no JSON";
    return read_routers(r, a, value_get(root, "task_routes"));
}

/* ---- Finding ------------------------------------------------------------------ */

/* The last of two equal names counts, as in a Python dict. */
static const struct route *find_name(const struct router *r, const char *task)
{
    for (size_t i = r->n; i-- > 0;)
        if (r->routes[i].name && strcmp(r->routes[i].name, task) == 0)
            return &r->routes[i];
    return NULL;
}

static const struct route *find_pattern(const struct router *r, const char *task)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->routes[i].pattern && pattern_matches(r->routes[i].pattern, task))
            return &r->routes[i];
    return NULL;
}

const struct destination *routes_find(const struct routes *r, const char *task)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct route *route = find_name(&r->routers[i], task);

        if (!route)
            route = find_pattern(&r->routers[i], task);
        if (route)
            return &route->to;
    }
    return NULL;
}
