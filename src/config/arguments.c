/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, as Celery's click reads it: -c2, -c 2, --concurrency=2, -EQ a. */
#include "load.h"
#include "table.h"
#include "value.h"

#include <errno.h>
#include <string.h>

/* How much of a stray word may be shown: of a URL, which may hold a password, its
 * transport only. */
static int shown_bytes(const char *word)
{
    const char *colon = strchr(word, ':');
    return colon && colon - word < 60 ? (int)(colon - word)
           : strchr(word, '@')        ? 0
                                      : 60;
}

static bool is_named(const char *option, const char *name, size_t n)
{
    return option && strlen(option) == n && strncmp(option, name, n) == 0;
}

/* `--name`, whose n bytes end at "=" or the word's end. */
static const struct config_option *find_long(const char *name, size_t n,
                                             struct error *e)
{
    const struct config_option *o;
    char shown[64];
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (is_named(o->option, name, n) || is_named(o->also, name, n))
            return o;
    snprintf(shown, sizeof(shown), "%.*s", (int)n, name);
    config_unknown("option", shown, true, e);
    return NULL;
}

static const struct config_option *find_letter(char letter, struct error *e)
{
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->letter && o->letter == letter)
            return o;
    error_set(e, EINVAL, "unknown option '-%c': petiole worker --help lists them",
              letter);
    return NULL;
}

/* One option of a word, and what the word says after it. */
struct found {
    const struct config_option *row;
    char shown[48];    /* "option '--broker'" */
    const char *value; /* in the same word, or NULL */
    const char *more;  /* the letters after a flag's: "Q" of -EQ */
};

static int find_option(struct found *f, const char *word, struct error *e)
{
    if (word[0] == '-' && word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        f->row = find_long(word + 2, n, e);
        f->value = word[2 + n] ? word + 3 + n : NULL;
        f->more = "";
        snprintf(f->shown, sizeof(f->shown), "option '%.*s'", (int)n + 2, word);
    } else {
        const char *rest = word + 2;
        f->row = find_letter(word[1], e);
        bool is_flag = f->row && f->row->is_flag;
        f->value = *rest && !is_flag ? rest + (*rest == '=') : NULL;
        f->more = is_flag ? rest : "";
        snprintf(f->shown, sizeof(f->shown), "option '-%c'", word[1]);
    }
    return f->row ? 0 : -EINVAL;
}

static int use(struct config *c, const struct found *f, bool only_config,
               struct error *e)
{
    bool is_config = config_is_first(f->row);
    if (f->row->is_flag && f->value)
        return error_set(e, EINVAL, "%s takes no value", f->shown);
    if (!f->row->is_flag && !f->value)
        return error_set(e, EINVAL, "%s needs a value", f->shown);
    if (is_config != only_config)
        return 0;
    return config_set(c, f->row, f->row->is_flag ? "true" : f->value, f->shown, e);
}

/* The word argv[*i], and the next one where that is its value. */
static int load_word(struct config *c, int argc, char **argv, int *i, bool only_config,
                     struct error *e)
{
    char letters[64];
    struct found f;
    const char *word = argv[*i];
    bool has_more;
    do {
        int r = find_option(&f, word, e);
        if (r < 0)
            return r;
        if (!f.row->is_flag && !f.value && *i + 1 < argc)
            f.value = argv[++*i];
        if ((r = use(c, &f, only_config, e)) < 0)
            return r;
        has_more = *f.more != '\0';
        if (has_more) { /* the letters after a flag's are options again */
            char next[sizeof(letters)];
            snprintf(next, sizeof(next), "-%s", f.more);
            memcpy(letters, next, sizeof(letters));
            word = letters;
        }
    } while (has_more);
    return 0;
}

const struct config_option *config_option_of(const char *word)
{
    struct found f;
    struct error e;
    return word[0] == '-' && word[1] && find_option(&f, word, &e) == 0 ? f.row : NULL;
}

bool config_value_follows(const struct config_option *o, const char *word)
{
    return !o->is_flag && (word[1] == '-' ? !strchr(word, '=') : !word[2]);
}

/* ---- section.key=value, as celery worker takes it after its options ------------- */

/* "task.acks_late" is task_acks_late; a first dot may also be part of the name, as in
 * broker_transport_options.sep. */
static const struct config_option *find_dotted(char *key)
{
    const struct config_option *o = config_find(key);
    char *dot = o ? NULL : strchr(key, '.');
    if (!dot)
        return o;
    *dot = '_';
    return config_find(key);
}

/* Without a section it is the worker's: prefetch_multiplier=1. */
static const struct config_option *find_extra(const char *name, size_t n)
{
    char key[96];
    snprintf(key, sizeof(key), "%.*s", (int)n, name);
    const struct config_option *o = find_dotted(key);
    if (o)
        return o;
    snprintf(key, sizeof(key), "worker_%.*s", (int)n, name);
    return find_dotted(key);
}

static int load_extra(struct config *c, const char *word, struct error *e)
{
    size_t n = strcspn(word, "=");
    char name[96], as[112];
    if (!word[n] || memchr(word, ':', n)) /* a URL may have "=" further on */
        return error_set(e, EINVAL, "unexpected argument '%.*s'", shown_bytes(word),
                         word);
    const struct config_option *o = find_extra(word, n);
    snprintf(name, sizeof(name), "%.*s", (int)n, word);
    if (!o)
        return config_unknown("setting", name, false, e);
    snprintf(as, sizeof(as), "argument '%s'", name);
    return config_set(c, o, word + n + 1, as, e);
}

int config_load_arguments(struct config *c, int argc, char **argv, bool only_config,
                          struct error *e)
{
    bool options = true;
    for (int i = 1; i < argc; i++) {
        int r = 0;
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            r = load_word(c, argc, argv, &i, only_config, e);
        else if (!only_config)
            r = load_extra(c, argv[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}
