/* SPDX-License-Identifier: Apache-2.0 */
#include "shown.h"

#include "../../protocol/json.h"
#include "load.h"
#include "table.h"
#include "value.h"

#include <stdlib.h>

#define MASK "********"

/* ---- secrets ------------------------------------------------------------------ */

/* As celery/app/utils.py's HIDDEN_SETTINGS. */
static bool is_secret(struct str key)
{
    static const char *const parts[] = {"api",       "token",    "key",
                                        "secret",    "pass",     "profanities_list",
                                        "signature", "database", "beat_dburi"};
    char text[128];
    snprintf(text, sizeof(text), "%.*s", STR_ARG(key));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcasestr(text, parts[i]))
            return true;
    return false;
}

static const ptl_value *mask(struct arena *a, struct str key, const ptl_value *v)
{
    if (value_kind(v) == PTL_MAP) {
        ptl_value *masked = value_map(a, value_len(v));
        for (size_t i = 0; masked && i < value_len(v); i++) {
            const struct value_pair *pair = &v->u.map.pairs[i];
            if (!value_map_set(a, masked, pair->key, mask(a, pair->key, pair->value)))
                return NULL;
        }
        return masked;
    }
    return is_secret(key) ? value_str(a, STR(MASK)) : v;
}

/* Two stars become eight; the password itself is gone long before. */
const ptl_value *config_shown_url(struct arena *a, const char *masked)
{
    struct wr out;
    wr_init(&out, 8 * (size_t)URL_MASKED_BYTES);
    for (const char *p = masked; *p; p++) {
        bool starred = strncmp(p, ":**@", 4) == 0;
        wr_text(&out, starred ? ":" MASK "@" : (char[]){*p, '\0'});
        p += starred ? 3 : 0;
    }
    struct str text = arena_copy(a, wr_str(&out));
    wr_finish(&out);
    return text.p ? value_str(a, text) : NULL;
}

/* ---- a value ------------------------------------------------------------------ */

static const ptl_value *split(struct arena *a, const char *text)
{
    ptl_value *list = value_list(a, 4);
    for (const char *p = text; list && p && *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        if (n && !value_list_add(a, list, value_str(a, (struct str){p, n})))
            return NULL;
        p += n;
    }
    return list;
}

static const ptl_value *choice(struct arena *a, const char *choices, int64_t place)
{
    for (; place > 0; place--) {
        choices += strcspn(choices, " ");
        choices += strspn(choices, " ");
    }
    return value_str(a, (struct str){choices, strcspn(choices, " ")});
}

/* Does 0 say "no limit", "for ever", "not given"? Then it is Python's None. */
static bool zero_is_none(const struct config_option *o)
{
    return o->min == 0 && (!o->default_text || strcmp(o->default_text, "0") == 0);
}

static const ptl_value *integer(struct arena *a, const struct config_option *o,
                                int64_t i)
{
    return i < 0 || (i == 0 && zero_is_none(o)) ? value_null(a) : value_int(a, i);
}

static const ptl_value *seconds(struct arena *a, const struct config_option *o,
                                double s)
{
    if (s == 0 && zero_is_none(o))
        return value_null(a);
    return s == (double)(int64_t)s ? value_int(a, (int64_t)s) : value_float(a, s);
}

static const ptl_value *json(struct arena *a, const char *text)
{
    struct json_error e;
    return text
               ? json_read(a, str_of(text), JSON_COPY_STRINGS, &json_default_limits, &e)
               : value_null(a);
}

static const ptl_value *value_of(struct arena *a, const struct config *c,
                                 const struct config_option *o)
{
    const void *field = (const char *)c + o->offset;
    int64_t maybe;
    switch (o->type) {
    case CONFIG_TEXT:
        if (o->offset == AT(accept_content))
            return split(a, *(char *const *)field);
        return *(char *const *)field ? value_str(a, str_of(*(char *const *)field))
                                     : value_null(a);
    case CONFIG_INT:
    case CONFIG_BYTES:
        return integer(a, o, *(const int64_t *)field);
    case CONFIG_SECONDS:
        return seconds(a, o, *(const double *)field);
    case CONFIG_BOOL:
        return value_bool(a, *(const bool *)field);
    case CONFIG_MAYBE:
        maybe = *(const int64_t *)field;
        return maybe == CONFIG_UNSET ? value_null(a)
                                     : value_bool(a, maybe == CONFIG_TRUE);
    case CONFIG_CHOICE:
        return choice(a, o->choices, *(const int64_t *)field);
    case CONFIG_LEVEL:
        return value_text(a, log_level_name((enum log_level) * (const int64_t *)field));
    case CONFIG_JSON:
        return json(a, *(char *const *)field);
    case CONFIG_IGNORED:
    case CONFIG_WARNED:
    case CONFIG_REFUSED:
        break;
    }
    return NULL;
}

/* ---- all of them -------------------------------------------------------------- */

/* Has the row a field of its own? */
static bool is_kept(const struct config_option *o)
{
    return o->key && config_has_field(o) && !strchr(o->key, '*') &&
           o->offset != AT(plugins) && /* it is shown as `include` */
           (o->offset < AT(ignored) ||
            o->offset >= AT(ignored) + sizeof(((struct config *)NULL)->ignored));
}

static struct config *defaults(void)
{
    struct config *c = calloc(1, sizeof(*c));
    struct error e;
    if (c && config_load_defaults(c, &e) < 0) {
        config_finish(c);
        free(c);
        c = NULL;
    }
    return c;
}

/* "a.b" is b within a. */
static bool put(struct arena *a, ptl_value *table, const char *key, const ptl_value *v)
{
    const char *dot = strchr(key, '.');
    struct str name = {key, dot ? (size_t)(dot - key) : strlen(key)};
    struct str rest = str_of(dot ? dot + 1 : key);
    v = v ? mask(a, rest, v) : NULL;
    if (!dot)
        return v && value_map_set(a, table, name, v);
    ptl_value *within = (ptl_value *)(uintptr_t)value_find(table, name);
    if (!within) {
        within = value_map(a, 8);
        if (!within || !value_map_set(a, table, name, within))
            return false;
    }
    return v && value_map_set(a, within, rest, v);
}

static bool put_usual(struct arena *a, ptl_value *table, const struct config *c)
{
    return put(a, table, "broker_url", config_shown_url(a, c->broker.masked)) &&
           put(a, table, "result_backend",
               c->has_backend ? config_shown_url(a, c->backend.masked)
                              : value_null(a)) &&
           put(a, table, "deprecated_settings", value_null(a));
}

static bool put_row(struct arena *a, ptl_value *table, const struct config *c,
                    const struct config *usual, const struct config_option *o)
{
    bool is_url = o->offset == AT(broker_url) || o->offset == AT(broker_read_url) ||
                  o->offset == AT(broker_write_url) || o->offset == AT(result_backend);
    const ptl_value *v = value_of(a, c, o);
    if (usual && (o->offset == AT(broker_url) || o->offset == AT(result_backend)))
        return true;
    if (usual && value_equal(v, value_of(a, usual, o)))
        return true;
    if (is_url && !value_is_null(v))
        v = config_shown_url(a, o->offset == AT(result_backend) ? c->backend.masked
                                                                : c->broker.masked);
    return put(a, table, o->key, v);
}

const ptl_value *config_shown(const struct config *c, bool with_defaults,
                              struct arena *a)
{
    struct config *usual = with_defaults ? NULL : defaults();
    ptl_value *table = value_map(a, 64);
    const struct config_option *o;
    bool ok = table && (usual || with_defaults) && put_usual(a, table, c);
    for (size_t i = 0; ok && (o = config_option_at(i)); i++)
        if (is_kept(o))
            ok = put_row(a, table, c, usual, o);
    ok = ok && put(a, table, "include", split(a, c->plugins));
    if (usual)
        config_finish(usual);
    free(usual);
    return ok ? table : NULL;
}
