/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include "table.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX_BYTES 16384

int config_copy_text(char **field, const char *text, struct error *e)
{
    char *copy = text ? strdup(text) : NULL;
    if (!copy)
        return error_set(e, ENOMEM, "out of memory");
    free(*field);
    *field = copy;
    return 0;
}

static bool is_none(const char *text)
{
    return strcasecmp(text, "null") == 0 || strcasecmp(text, "none") == 0;
}

/* ---- numbers ------------------------------------------------------------------ */

static bool parse_int(const char *text, bool bytes, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    int shift = 0;
    if (bytes && *end && !end[1])
        shift = toupper((unsigned char)*end) == 'K'   ? 10
                : toupper((unsigned char)*end) == 'M' ? 20
                                                      : 0;
    if (end == text || errno || (*end && !shift) || v > INT64_MAX >> shift)
        return false;
    *out = (int64_t)((uint64_t)v << shift);
    return true;
}

static int set_int(int64_t *field, const struct config_option *o, const char *text,
                   const char *as, struct error *e)
{
    int64_t v = 0;
    bool none = is_none(text) && o->min == 0;
    if (!none &&
        (!parse_int(text, o->type == CONFIG_BYTES, &v) || v < o->min || v > o->max))
        return error_set(e, EINVAL, "%s must be a number from %lld to %lld, not '%s'",
                         as, (long long)o->min, (long long)o->max, text);
    *field = v;
    return 0;
}

static int set_seconds(double *field, const struct config_option *o, const char *text,
                       const char *as, struct error *e)
{
    double min_s = (double)o->min / 1000;
    double max_s = o->max ? (double)o->max / 1000 : CONFIG_SECONDS_MAX;
    char *end = NULL;
    bool none = is_none(text) && o->min == 0;
    double v = none ? 0 : strtod(text, &end);
    if (!none && (end == text || *end || !(v >= min_s && v <= max_s)))
        return error_set(e, EINVAL,
                         "%s must be a number of seconds from %.15g to %.15g, not '%s'",
                         as, min_s, max_s, text);
    *field = v;
    return 0;
}

/* ---- words -------------------------------------------------------------------- */

static int set_bool(bool *field, const char *text, const char *as, struct error *e)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < 4; i++)
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *field = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    return error_set(e, EINVAL, "%s must be true or false, not '%s'", as, text);
}

static int set_maybe(int64_t *field, const char *text, const char *as, struct error *e)
{
    bool said = false;
    int r = is_none(text) ? 0 : set_bool(&said, text, as, e);
    if (r == 0)
        *field = is_none(text) ? CONFIG_UNSET : said ? CONFIG_TRUE : CONFIG_FALSE;
    return r;
}

static int set_choice(int64_t *field, const struct config_option *o, const char *text,
                      const char *as, struct error *e)
{
    size_t n = strlen(text);
    int64_t place = 0;
    for (const char *p = o->choices; *p; p += strspn(p, " "), place++) {
        size_t len = strcspn(p, " ");
        if (len == n && strncasecmp(p, text, n) == 0) {
            *field = place;
            return 0;
        }
        p += len;
    }
    return error_set(e, EINVAL, "%s must be one of %s, not '%s'", as, o->choices, text);
}

static int set_level(int64_t *field, const char *text, const char *as, struct error *e)
{
    *field = log_level_of(text);
    return *field ? 0
                  : error_set(e, EINVAL,
                              "%s must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not "
                              "'%s'",
                              as, text);
}

/* ---- JSON --------------------------------------------------------------------- */

static unsigned kind_of(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_object:
        return CONFIG_OBJECT;
    case json_type_array:
        return CONFIG_ARRAY;
    case json_type_string:
        return CONFIG_STRING;
    case json_type_int:
    case json_type_double:
        return CONFIG_NUMBER;
    case json_type_boolean:
        return CONFIG_BOOLEAN;
    case json_type_null:
        break;
    }
    return 0;
}

/* "an object, a list or a number" */
static void name_kinds(unsigned kinds, char *out, size_t size)
{
    static const char *const names[] = {"an object", "a list", "a text", "a number",
                                        "true or false"};
    size_t n = 0;
    *out = '\0';
    for (unsigned i = 0; i < 5; i++) {
        if (!(kinds & 1u << i))
            continue;
        kinds &= ~(1u << i);
        n += (size_t)snprintf(out + n, size - n, "%s%s",
                              n == 0  ? ""
                              : kinds ? ", "
                                      : " or ",
                              names[i]);
    }
}

static int set_value(char **field, const struct config_option *o, json_object *value,
                     const char *as, struct error *e)
{
    char kinds[80];
    if (!(kind_of(value) & o->kinds)) {
        name_kinds(o->kinds, kinds, sizeof(kinds));
        return error_set(e, EINVAL, "%s must be %s", as, kinds);
    }
    if (o->check && o->check(value, e) < 0)
        return error_wrap(e, "%s", as);
    return config_copy_text(
        field,
        json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE),
        e);
}

/* JSON if it reads as JSON, else a text: `--autoscale 10,3`. */
static int set_json_text(char **field, const struct config_option *o, const char *text,
                         const char *as, struct error *e)
{
    struct json_tokener *tokener = json_tokener_new();
    if (!tokener)
        return error_set(e, ENOMEM, "out of memory");
    size_t n = strlen(text);
    json_object *value = json_tokener_parse_ex(tokener, text, (int)n + 1);
    bool is_json = json_tokener_get_error(tokener) == json_tokener_success &&
                   json_tokener_get_parse_end(tokener) >= n;
    json_tokener_free(tokener);
    if (!is_json ||
        (value && !(kind_of(value) & o->kinds) && o->kinds & CONFIG_STRING)) {
        json_object_put(value);
        value = json_object_new_string(text);
    }
    int r = value ? set_value(field, o, value, as, e) : 0; /* null: not given */
    json_object_put(value);
    return r;
}

/* ---- what does nothing here --------------------------------------------------- */

void config_warn(struct config *c, const char *fmt, ...)
{
    size_t n = strlen(c->warnings), left = sizeof(c->warnings) - n;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(c->warnings + n, left, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len + 2 > left)
        c->warnings[n] = '\0';
    else
        memcpy(c->warnings + n + len, "\n", 2);
}

/* Celery's default, or "no": nothing is asked for. */
static bool asks_for_nothing(const struct config_option *o, const char *text)
{
    bool no = true;
    return !*text || is_none(text) || strcmp(text, "[]") == 0 ||
           strcmp(text, "{}") == 0 ||
           (o->default_text && strcasecmp(text, o->default_text) == 0) ||
           (set_bool(&no, text, "", &(struct error){0}) == 0 && !no);
}

static int set_nothing(struct config *c, const struct config_option *o,
                       const char *text, const char *as, struct error *e)
{
    if (o->type == CONFIG_IGNORED || asks_for_nothing(o, text))
        return 0;
    if (o->type == CONFIG_REFUSED)
        return error_set(e, EINVAL, "%s is not supported: %s", as, o->help);
    config_warn(c, "%s has no effect: %s", as, o->help);
    return 0;
}

/* ---- by the row's type -------------------------------------------------------- */

int config_set(struct config *c, const struct config_option *o, const char *text,
               const char *as, struct error *e)
{
    void *field = (char *)c + o->offset;
    switch (o->type) {
    case CONFIG_TEXT:
        return config_copy_text(field, text, e);
    case CONFIG_MAYBE:
        return set_maybe(field, text, as, e);
    case CONFIG_BOOL:
        return set_bool(field, text, as, e);
    case CONFIG_SECONDS:
        return set_seconds(field, o, text, as, e);
    case CONFIG_CHOICE:
        return set_choice(field, o, text, as, e);
    case CONFIG_LEVEL:
        return set_level(field, text, as, e);
    case CONFIG_INT:
    case CONFIG_BYTES:
        return set_int(field, o, text, as, e);
    case CONFIG_JSON:
        return set_json_text(field, o, text, as, e);
    case CONFIG_IGNORED:
    case CONFIG_WARNED:
    case CONFIG_REFUSED:
        return set_nothing(c, o, text, as, e);
    }
    return 0;
}

/* ["a", "b"] as "a,b", which is what the command line would say. */
static int join_list(json_object *list, char joiner, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        int m = snprintf(out + n, size - n, "%.*s%s", i > 0, &joiner,
                         json_object_get_string(item));
        if (m < 0 || (size_t)m >= size - n)
            return -E2BIG;
        n += (size_t)m;
    }
    return 0;
}

static int set_list(struct config *c, const struct config_option *o, json_object *list,
                    const char *as, struct error *e)
{
    char text[LIST_MAX_BYTES] = "";
    if (o->type != CONFIG_TEXT)
        return error_set(e, EINVAL, "%s may not be a list", as);
    if (join_list(list, o->joiner ? o->joiner : ',', text, sizeof(text)) < 0)
        return error_set(e, EINVAL, "%s is longer than %d bytes", as, LIST_MAX_BYTES);
    return config_set(c, o, text, as, e);
}

/* Where 0 says what null says: no limit, for ever. */
static bool null_is_zero(const struct config_option *o)
{
    return (o->type == CONFIG_INT || o->type == CONFIG_BYTES ||
            o->type == CONFIG_SECONDS) &&
           o->min == 0;
}

int config_set_json(struct config *c, const struct config_option *o, json_object *value,
                    const char *as, struct error *e)
{
    if (!value)
        return null_is_zero(o) ? config_set(c, o, "none", as, e) : 0;
    if (o->type == CONFIG_JSON)
        return set_value((char **)(void *)((char *)c + o->offset), o, value, as, e);
    if (!config_has_field(o))
        return set_nothing(c, o, json_object_get_string(value), as, e);
    if (json_object_is_type(value, json_type_array))
        return set_list(c, o, value, as, e);
    if (json_object_is_type(value, json_type_object))
        return error_set(e, EINVAL, "%s may not be an object", as);
    return config_set(c, o, json_object_get_string(value), as, e);
}
