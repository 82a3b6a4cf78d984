/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)
#define QUEUE_MAX_BYTES 250

/* ---- one value ---------------------------------------------------------------- */

static int set_text(char **field, const char *text, struct error *e)
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
    *out = (int64_t)v << shift;
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < 4; i++)
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    return false;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end = NULL;
    if (is_none(text)) {
        *out = 0;
        return true;
    }
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out <= 1e9;
}

/* `as` is how the user named it: "-c", "worker_concurrency in FILE", … */
static int set_option(struct config *c, const struct config_option *o, const char *text,
                      const char *as, struct error *e)
{
    void *field = (char *)c + o->offset;
    switch (o->type) {
    case CONFIG_TEXT:
        return set_text(field, text, e);
    case CONFIG_BOOL:
        if (!parse_bool(text, field))
            return error_set(e, EINVAL, "%s must be true or false, not '%s'", as, text);
        return 0;
    case CONFIG_SECONDS:
        if (!parse_seconds(text, field))
            return error_set(e, EINVAL, "%s must be a number of seconds, not '%s'", as,
                             text);
        return 0;
    case CONFIG_LEVEL:
        *(int64_t *)field = log_level_of(text);
        if (*(int64_t *)field == 0)
            return error_set(
                e, EINVAL,
                "%s must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not '%s'", as,
                text);
        return 0;
    case CONFIG_INT:
    case CONFIG_BYTES: {
        int64_t v = 0; /* null: none, for ever */
        bool none = is_none(text) && o->min == 0;
        if (!none &&
            (!parse_int(text, o->type == CONFIG_BYTES, &v) || v < o->min || v > o->max))
            return error_set(e, EINVAL,
                             "%s must be a number from %lld to %lld, not '%s'", as,
                             (long long)o->min, (long long)o->max, text);
        *(int64_t *)field = v;
        return 0;
    }
    }
    return 0;
}

/* ---- the nearest name --------------------------------------------------------- */

/* Levenshtein's distance, for names of at most 63 characters. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t n = strlen(b);
    if (n > 63)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned above = row[j], best = diagonal + (*a != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[n];
}

static int unknown_name(struct error *e, const char *what, const char *name,
                        bool options, const char *where)
{
    const char *best = NULL;
    unsigned least = 99;
    for (size_t i = 0; i < config_noptions; i++) {
        const char *known = options ? config_options[i].option : config_options[i].key;
        unsigned d = known ? distance(name, known) : 99;
        if (d < least) {
            least = d;
            best = known;
        }
    }
    if (best && least <= strlen(name) / 3 + 1)
        return error_set(e, EINVAL, "unknown %s '%s%.60s'%s: did you mean '%s%s'?",
                         what, options ? "--" : "", name, where, options ? "--" : "",
                         best);
    return error_set(e, EINVAL,
                     "unknown %s '%s%.60s'%s: petiole worker --help lists them", what,
                     options ? "--" : "", name, where);
}

/* ---- the file ----------------------------------------------------------------- */

static const struct config_option *find_key(const char *key)
{
    for (size_t i = 0; i < config_noptions; i++)
        if (config_options[i].key && strcmp(config_options[i].key, key) == 0)
            return &config_options[i];
    return NULL;
}

/* ["a", "b"] as "a,b", which is what the command line would say. */
static int join_list(json_object *list, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        int m = snprintf(out + n, size - n, "%s%s", i ? "," : "",
                         json_object_get_string(item));
        if (m < 0 || (size_t)m >= size - n)
            return -E2BIG;
        n += m;
    }
    return 0;
}

static int set_from_file(struct config *c, const char *prefix, const char *name,
                         json_object *value, struct error *e)
{
    char key[128], text[4096], as[192];
    size_t n = 0;

    if (strncmp(name, "CELERY_", 7) == 0) /* Django's spelling */
        name += 7;
    n = (size_t)snprintf(key, sizeof(key), "%s%s", prefix, name);
    for (char *p = key + strlen(prefix); *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (json_object_is_type(value, json_type_object) && !*prefix &&
        strcmp(key, "broker_transport_options") == 0) {
        const struct json_object_iterator end = json_object_iter_end(value);
        struct json_object_iterator it = json_object_iter_begin(value);
        int r = 0;
        for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
            r = set_from_file(c, "broker_transport_options.",
                              json_object_iter_peek_name(&it),
                              json_object_iter_peek_value(&it), e);
        return r;
    }
    const struct config_option *o = n < sizeof(key) ? find_key(key) : NULL;
    if (!o)
        return unknown_name(e, "setting", key, false, "");
    snprintf(as, sizeof(as), "setting '%s'", key);
    text[0] = '\0';
    bool is_list = json_object_is_type(value, json_type_array);
    if (is_list && join_list(value, text, sizeof(text)) < 0)
        return error_set(e, EINVAL, "%s is too long", as);
    const char *plain = !value    ? "null"
                        : is_list ? text
                                  : json_object_get_string(value);
    if (!value && o->type == CONFIG_TEXT)
        return 0; /* null: as if it were not there */
    return set_option(c, o, plain ? plain : "", as, e);
}

static int load_json(struct config *c, json_object *root, struct error *e)
{
    const struct json_object_iterator end = json_object_iter_end(root);
    struct json_object_iterator it = json_object_iter_begin(root);
    int r = 0;
    for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *name = json_object_iter_peek_name(&it);
        json_object *value = json_object_iter_peek_value(&it);
        r = strcmp(name, "plugins") == 0
                ? set_text(&c->plugin_settings,
                           json_object_to_json_string_ext(value,
                                                          JSON_C_TO_STRING_PLAIN),
                           e)
                : set_from_file(c, "", name, value, e);
    }
    return r;
}

static int load_file(struct config *c, struct error *e)
{
    char *text = malloc(FILE_MAX_BYTES);
    FILE *f = text ? fopen(c->config_file, "re") : NULL;
    size_t n = f ? fread(text, 1, FILE_MAX_BYTES - 1, f) : 0;
    int r = 0;

    if (!f || ferror(f)) {
        r = error_set(e, errno, "cannot read %s: %s", c->config_file, strerror(errno));
    } else {
        enum json_tokener_error why;
        text[n] = '\0';
        json_object *root = json_tokener_parse_verbose(text, &why);
        if (!json_object_is_type(root, json_type_object))
            r = error_set(e, EINVAL, "%s is not a JSON object: %s", c->config_file,
                          root ? "it is another JSON value"
                               : json_tokener_error_desc(why));
        else if ((r = load_json(c, root, e)) < 0)
            error_wrap(e, "%s", c->config_file);
        json_object_put(root);
    }
    if (f)
        fclose(f);
    free(text);
    return r;
}

/* ---- the command line --------------------------------------------------------- */

/* How much of a stray word may be shown: of a URL, which may hold a password, its
 * transport only. */
static int shown_bytes(const char *word)
{
    const char *colon = strchr(word, ':');
    return colon && colon - word < 60 ? (int)(colon - word)
           : strchr(word, '@')        ? 0
                                      : 60;
}

/* The option that arg names and where its value stands; NULL with *e set. */
static const struct config_option *match_option(const char *arg, const char **value,
                                                struct error *e)
{
    const char *equals = strchr(arg, '=');
    size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
    *value = NULL;
    for (size_t i = 0; i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        if (arg[1] == '-' && o->option && strlen(o->option) == n - 2 &&
            strncmp(o->option, arg + 2, n - 2) == 0) {
            *value = equals ? equals + 1 : NULL;
            return o;
        }
        if (arg[1] != '-' && o->letter && arg[1] == o->letter) {
            *value = arg[2] ? arg + 2 + (arg[2] == '=') : NULL;
            return o;
        }
    }
    char name[64];
    snprintf(name, sizeof(name), "%.*s", arg[1] == '-' ? (int)n : 2, arg);
    if (arg[1] == '-')
        unknown_name(e, "option", name + 2, true, "");
    else
        error_set(e, EINVAL, "unknown option '%s': petiole worker --help lists them",
                  name);
    return NULL;
}

/* Two passes over argv: first only --config, whose file is weaker than the rest. */
static int load_arguments(struct config *c, int argc, char **argv, bool only_config,
                          struct error *e)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (argv[i][0] != '-' || !argv[i][1])
            return error_set(e, EINVAL, "unexpected argument '%.*s'",
                             shown_bytes(argv[i]), argv[i]);
        const struct config_option *o = match_option(argv[i], &value, e);
        if (!o)
            return -EINVAL;
        const char *as = argv[i];
        if (!value && ++i == argc)
            return error_set(e, EINVAL, "option '%s' needs a value", as);
        char shown[48];
        snprintf(shown, sizeof(shown), "option '%.*s'", (int)strcspn(as, "="), as);
        bool is_config = o->offset == offsetof(struct config, config_file);
        if (is_config == only_config) {
            int r = set_option(c, o, value ? value : argv[i], shown, e);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* ---- what follows from them --------------------------------------------------- */

/* %h: the host; %n: its first part; %d: the rest. */
static int expand_hostname(struct config *c, struct error *e)
{
    char host[128] = "localhost", out[256];
    size_t n = 0;
    gethostname(host, sizeof(host) - 1);
    const char *dot = strchr(host, '.');
    for (const char *p = c->hostname; *p; p++) {
        const char *from = p;
        size_t len = 1;
        if (*p == '%' && p[1]) {
            p++;
            from = *p == 'd' ? (dot ? dot + 1 : "") : *p == '%' ? "%" : host;
            len = *p == 'n' && dot ? (size_t)(dot - host) : strlen(from);
            if (!strchr("hnd%", *p))
                return error_set(e, EINVAL,
                                 "option '-n': '%%%c' is none of %%h %%n %%d", *p);
        }
        if (n + len >= sizeof(out))
            return error_set(e, EINVAL, "option '-n': the node name is too long");
        memcpy(out + n, from, len);
        n += len;
    }
    out[n] = '\0';
    if (!strchr(out, '@')) { /* as Celery: a bare name gets the host */
        char full[400];
        snprintf(full, sizeof(full), "%s@%s", out, host);
        return set_text(&c->hostname, full, e);
    }
    return set_text(&c->hostname, out, e);
}

static int split_queues(struct config *c, struct error *e)
{
    char *save = NULL;
    for (char *q = strtok_r(c->queues, ",", &save); q; q = strtok_r(NULL, ",", &save)) {
        if (strlen(q) > QUEUE_MAX_BYTES)
            return error_set(e, EINVAL, "queue '%.30s...' is longer than %d bytes", q,
                             QUEUE_MAX_BYTES);
        for (const char *p = q; *p; p++) /* it stands in JSON, and in lists' names */
            if ((unsigned char)*p < ' ' || strchr("\"\\\x7f", *p))
                return error_set(e, EINVAL,
                                 "a queue's name may not hold quotes, backslashes or "
                                 "control characters");
        if (c->nqueues == CONFIG_QUEUES_MAX)
            return error_set(e, EINVAL, "option '-Q' names more than %d queues",
                             CONFIG_QUEUES_MAX);
        c->queue_names[c->nqueues++] = q;
    }
    return c->nqueues ? 0 : error_set(e, EINVAL, "option '-Q' names no queue");
}

static int derive(struct config *c, struct error *e)
{
    if (!c->plugins || !c->plugins[0])
        return error_set(e, EINVAL,
                         "no plugin is given: name one with -A, for example -A demo");
    int r = url_parse(&c->broker, c->broker_url, e);
    if (r < 0)
        return error_wrap(e, "broker");
    c->has_backend = c->result_backend && c->result_backend[0] &&
                     strncmp(c->result_backend, "disabled", 8) != 0;
    if (c->has_backend && url_parse(&c->backend, c->result_backend, e) < 0)
        return error_wrap(e, "result backend");
    if (c->soft_time_limit_s > 0 && c->time_limit_s > 0 &&
        c->soft_time_limit_s > c->time_limit_s)
        return error_set(e, EINVAL,
                         "soft_time_limit must be less than or equal to time_limit");
    if (c->connection_timeout_s <= 0)
        return error_set(e, EINVAL,
                         "setting 'broker_connection_timeout' must be more than 0: "
                         "nothing waits for ever");
    if (c->concurrency == 0) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        c->concurrency = n > 0 ? n : 1;
    }
    r = expand_hostname(c, e);
    return r < 0 ? r : split_queues(c, e);
}

int config_load(struct config *c, int argc, char **argv, struct error *e)
{
    *c = (struct config){0};
    for (size_t i = 0; i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        if (o->default_text && set_option(c, o, o->default_text, o->key, e) < 0)
            return -EINVAL;
    }
    int r = load_arguments(c, argc, argv, true, e);
    if (r == 0 && !c->config_file && getenv("PETIOLE_CONFIG"))
        r = set_text(&c->config_file, getenv("PETIOLE_CONFIG"), e);
    if (r == 0 && c->config_file)
        r = load_file(c, e);
    for (size_t i = 0; r == 0 && i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        const char *value = o->env ? getenv(o->env) : NULL;
        if (value && value[0] && o->offset != offsetof(struct config, config_file))
            r = set_option(c, o, value, o->env, e);
    }
    if (r == 0)
        r = load_arguments(c, argc, argv, false, e);
    return r < 0 ? r : derive(c, e);
}

void config_finish(struct config *c)
{
    for (size_t i = 0; i < config_noptions; i++)
        if (config_options[i].type == CONFIG_TEXT)
            free(*(char **)(void *)((char *)c + config_options[i].offset));
    free(c->plugin_settings);
    *c = (struct config){0};
}

void config_print_help(FILE *to)
{
    fprintf(to, "usage: petiole worker -A PLUGIN,... [OPTIONS]\n\n");
    for (size_t i = 0; i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        char names[64];
        if (!o->option)
            continue;
        snprintf(names, sizeof(names), "%c%c%s --%s %s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->option,
                 o->metavar);
        fprintf(to, "  %-29s %s\n", names, o->help);
    }
    fprintf(to, "\nSettings of the --config file, besides those above by their Celery "
                "names:\n\n");
    for (size_t i = 0; i < config_noptions; i++) {
        const struct config_option *o = &config_options[i];
        if (!o->option)
            fprintf(to, "  %s (%s)\n      %s\n", o->key,
                    o->default_text ? o->default_text : "none", o->help);
    }
}
