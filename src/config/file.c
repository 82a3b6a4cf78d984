/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --config: one JSON object, by Celery's names. */
#include "load.h"
#include "table.h"
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX_BYTES (1 << 20)
#define NAME_MAX_BYTES 160

static int load_members(struct config *c, const char *prefix, json_object *object,
                        struct error *e);

/* What petiole calls it: "broker_transport_options" however it is written. */
static bool is_section(const char *name, char *section, size_t size)
{
    static const char *const starts[] = {"", "celery_"};
    for (size_t i = 0; i < 2; i++) {
        size_t skip = strlen(starts[i]), n = 0;
        if (strncasecmp(name, starts[i], skip) != 0)
            continue;
        for (; name[skip + n] && n + 1 < size; n++)
            section[n] = (char)tolower((unsigned char)name[skip + n]);
        section[n] = '\0';
        if (config_is_prefix(section))
            return true;
    }
    return false;
}

static int load_member(struct config *c, const char *prefix, const char *name,
                       json_object *value, struct error *e)
{
    char key[NAME_MAX_BYTES], as[NAME_MAX_BYTES + 16];
    bool fits = snprintf(key, sizeof(key), "%s%s%s", prefix, *prefix ? "." : "", name) <
                (int)sizeof(key);
    const struct config_option *o = fits ? config_find(key) : NULL;

    if (!o && !*prefix && is_section(name, key, sizeof(key)))
        return json_object_is_type(value, json_type_object)
                   ? load_members(c, key, value, e)
               : value ? error_set(e, EINVAL, "setting '%s' must be an object", key)
                       : 0;
    if (!o)
        return config_unknown("setting", key, false, e);
    snprintf(as, sizeof(as), "setting '%s'", o->key);
    return config_set_json(c, o, value, as, e);
}

static int load_members(struct config *c, const char *prefix, json_object *object,
                        struct error *e)
{
    const struct json_object_iterator end = json_object_iter_end(object);
    struct json_object_iterator it = json_object_iter_begin(object);
    int r = 0;
    for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *name = json_object_iter_peek_name(&it);
        json_object *value = json_object_iter_peek_value(&it);
        r = !*prefix && strcmp(name, "plugins") == 0
                ? config_copy_text(
                      &c->plugin_settings,
                      json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), e)
                : load_member(c, prefix, name, value, e);
    }
    return r;
}

static int load_text(struct config *c, const char *text, struct error *e)
{
    enum json_tokener_error why;
    json_object *root = json_tokener_parse_verbose(text, &why);
    int r = 0;
    if (!json_object_is_type(root, json_type_object))
        r = error_set(e, EINVAL, "%s is not a JSON object: %s", c->config_file,
                      root ? "it is another JSON value" : json_tokener_error_desc(why));
    else if ((r = load_members(c, "", root, e)) < 0)
        error_wrap(e, "%s", c->config_file);
    json_object_put(root);
    return r;
}

int config_load_file(struct config *c, struct error *e)
{
    char *text = malloc(FILE_MAX_BYTES + 1);
    FILE *f = text ? fopen(c->config_file, "re") : NULL;
    size_t n = f ? fread(text, 1, FILE_MAX_BYTES + 1, f) : 0;
    int r = 0;

    if (!f || ferror(f))
        r = error_set(e, errno, "cannot read %s: %s", c->config_file, strerror(errno));
    else if (n > FILE_MAX_BYTES)
        r = error_set(e, E2BIG, "%s is larger than 1 MB", c->config_file);
    else {
        text[n] = '\0';
        r = load_text(c, text, e);
    }
    if (f)
        fclose(f);
    free(text);
    return r;
}

int config_try_object(struct config *c, const char *prefix, json_object *object,
                      struct error *e)
{
    return json_object_is_type(object, json_type_object)
               ? load_members(c, prefix, object, e)
               : error_set(e, EINVAL, "setting '%s' must be an object", prefix);
}
