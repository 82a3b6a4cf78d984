/* SPDX-License-Identifier: Apache-2.0 */
#include "shown.h"

#include "load.h"
#include "table.h"

#include "../../protocol/json.h"

#include <math.h>
#include <strings.h>

/* ---- Secrets ------------------------------------------------------------------ */

/* Celery's HIDDEN_SETTINGS. */
static bool is_hidden(struct str key)
{
    static const char *const words[] = {"API",       "TOKEN",    "KEY",
                                        "SECRET",    "PASS",     "PROFANITIES_LIST",
                                        "SIGNATURE", "DATABASE", "BEAT_DBURI"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);
        for (size_t at = 0; at + n <= key.n; at++)
            if (strncasecmp(key.p + at, words[i], n) == 0)
                return true;
    }
    return false;
}

/* conf shows more stars than logs do: each ":**@" becomes ":********@". */
static const ptl_value *masked_url(struct arena *a, const char *masked)
{
    struct wr w;
    wr_init(&w, 8192);
    for (const char *p = masked; *p; p++)
        if (strncmp(p, ":**@", 4) == 0) {
            wr_text(&w, ":********@");
            p += 3;
        } else {
            wr_u8(&w, (uint8_t)*p);
        }
    const ptl_value *v = w.bad ? NULL : value_str(a, arena_copy(a, wr_str(&w)));
    wr_finish(&w);
    return v;
}

/* A value of a JSON setting, with what its own keys hide. */
static const ptl_value *censored(struct arena *a, const ptl_value *v)
{
    if (value_kind(v) != PTL_MAP)
        return v;
    ptl_value *copy = value_map(a, value_len(v));
    for (size_t i = 0; copy && i < value_len(v); i++) {
        const struct value_pair *p = &v->u.map.pairs[i];
        const ptl_value *inner = value_kind(p->value) == PTL_MAP ? censored(a, p->value)
                                 : is_hidden(p->key) ? value_text(a, "********")
                                                     : p->value;
        if (!value_map_set(a, copy, p->key, inner))
            return NULL;
    }
    return copy;
}

/* ---- Values ------------------------------------------------------------------- */

static const ptl_value *number(struct arena *a, double d)
{
    bool is_whole = fabs(d) < 1e15 && d == floor(d);
    return is_whole ? value_int(a, (int64_t)d) : value_float(a, d);
}

static const ptl_value *choice(struct arena *a, const char *choices, int64_t place)
{
    const char *p = choices;
    for (; place > 0 && *p; place--) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    return value_str(a, (struct str){p, strcspn(p, " ")});
}

static const ptl_value *list(struct arena *a, const char *text)
{
    ptl_value *v = value_list(a, 4);
    for (const char *p = text ? text : ""; v && *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        if (n && !value_list_add(a, v, value_str(a, (struct str){p, n})))
            return NULL;
        p += n;
    }
    return v;
}

static const ptl_value *text(struct arena *a, const char *s)
{
    return s ? value_str(a, str_of(s)) : value_null(a);
}

static const ptl_value *json(struct arena *a, const char *s)
{
    struct json_error e;
    const ptl_value *v =
        s ? json_read(a, str_of(s), 0, &json_default_limits, &e) : NULL;
    return s && v ? censored(a, v) : value_null(a);
}

/* What a row's field holds in c. */
static const ptl_value *field(const struct config_option *o, const struct config *c,
                              struct arena *a)
{
    const void *at = (const char *)c + o->offset;
    switch (o->type) {
    case CONFIG_TEXT:
        return strcmp(o->key, "accept_content") == 0 ? list(a, *(char *const *)at)
                                                     : text(a, *(char *const *)at);
    case CONFIG_JSON:
        return json(a, *(char *const *)at);
    case CONFIG_SECONDS:
        return number(a, *(const double *)at);
    case CONFIG_BOOL:
        return value_bool(a, *(const bool *)at);
    case CONFIG_MAYBE:
        return *(const int64_t *)at == CONFIG_UNSET
                   ? value_null(a)
                   : value_bool(a, *(const int64_t *)at == CONFIG_TRUE);
    case CONFIG_CHOICE:
        return choice(a, o->choices, *(const int64_t *)at);
    default:
        return value_int(a, *(const int64_t *)at);
    }
}

/* ---- The map ------------------------------------------------------------------ */

static bool is_url(const struct config_option *o)
{
    return o->offset == AT(broker_url) || o->offset == AT(broker_read_url) ||
           o->offset == AT(broker_write_url) || o->offset == AT(result_backend);
}

/* Rows whose value says something: not the shared place of those without effect. */
static bool is_shown(const struct config_option *o)
{
    size_t first = AT(ignored), end = first + sizeof(((struct config *)0)->ignored);
    return o->key && config_has_field(o) && !(o->offset >= first && o->offset < end) &&
           !is_url(o) && o->offset != AT(plugins);
}

/* "broker_transport_options.sep" into the map "broker_transport_options". */
static bool put(struct arena *a, ptl_value *map, const char *key, const ptl_value *v)
{
    const char *dot = strchr(key, '.');
    if (!dot)
        return value_map_set(a, map, str_of(key), v);
    struct str outer = {key, (size_t)(dot - key)};
    ptl_value *inner = (ptl_value *)(uintptr_t)value_find(map, outer);
    if (!inner && (!(inner = value_map(a, 8)) || !value_map_set(a, map, outer, inner)))
        return false;
    return value_map_set(a, inner, str_of(dot + 1), v);
}

static bool put_changed(struct arena *a, ptl_value *map, const struct config *c,
                        const struct config *defaults)
{
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (!is_shown(o))
            continue;
        const ptl_value *v = field(o, c, a), *usual = field(o, defaults, a);
        if (!v || !usual)
            return false;
        if (defaults != c && value_equal(v, usual))
            continue;
        const char *dot = strchr(o->key, '.');
        if (is_hidden(str_of(dot ? dot + 1 : o->key)))
            v = value_text(a, "********");
        if (!put(a, map, o->key, v))
            return false;
    }
    return true;
}

static bool put_first(struct arena *a, ptl_value *map, const struct config *c)
{
    return put(a, map, "broker_url", masked_url(a, c->broker.masked)) &&
           put(a, map, "result_backend",
               c->has_backend ? masked_url(a, c->backend.masked) : value_null(a)) &&
           put(a, map, "deprecated_settings", value_null(a));
}

const ptl_value *config_shown(const struct config *c, bool with_defaults,
                              struct arena *a)
{
    struct config defaults = {0};
    struct error e;
    ptl_value *map = value_map(a, 64);
    bool ok = map && config_load_defaults(&defaults, &e) == 0 && put_first(a, map, c) &&
              put_changed(a, map, c, with_defaults ? c : &defaults) &&
              put(a, map, "include", list(a, c->plugins));
    config_finish(&defaults);
    return ok ? map : NULL;
}
