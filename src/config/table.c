/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as one list, and names that find their row: today's, those of Celery 3,
 * and either with the CELERY_ that Django projects put before them. */
#include "table.h"

#include "../nearest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NAME_MAX_BYTES 127

#define TABLE_OF(name) {config_rows_##name, &config_nrows_##name},
static const struct {
    const struct config_option *rows;
    const size_t *nrows;
} tables[] = {CONFIG_TABLES(TABLE_OF)};

const struct config_option *config_option_at(size_t i)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        if (i < *tables[t].nrows)
            return &tables[t].rows[i];
        i -= *tables[t].nrows;
    }
    return NULL;
}

/* Both after the prefix: "backend_url" is what "*" and "backend*" mean, too. */
static bool matches(const char *key, const char *name)
{
    size_t n = strlen(key);
    return n > 0 && key[n - 1] == '*' ? strncmp(key, name, n - 1) == 0
                                      : strcmp(key, name) == 0;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; p && *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, word, n) == 0)
            return true;
        p += len;
    }
    return false;
}

/* PREFIX + rest is the key, or rest is one of its old names. */
static const struct config_option *find_as(const char *prefix, const char *rest)
{
    const struct config_option *o;
    size_t n = strlen(prefix);
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->key && strncmp(o->key, prefix, n) == 0 && matches(o->key + n, rest))
            return o;
    return NULL;
}

static const struct config_option *find_old(const char *name)
{
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (has_word(o->old, name))
            return o;
    return NULL;
}

/* NAME without PREFIX, or NULL if it does not begin so. */
static const char *without(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

const struct config_option *config_find(const char *name)
{
    char lower[NAME_MAX_BYTES + 1];
    size_t n = strlen(name);
    const struct config_option *o;
    const char *rest;

    if (n > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i <= n; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    if ((o = find_as("", lower)) || (o = find_old(lower)))
        return o;
    if ((rest = without(lower, "celery_")))
        return (o = find_as("", rest)) || (o = find_old(rest)) ? o
                                                               : find_as("task_", rest);
    if ((rest = without(lower, "celeryd_")))
        return find_as("worker_", rest);
    return NULL;
}

bool config_is_prefix(const char *prefix)
{
    const struct config_option *o;
    size_t n = strlen(prefix);
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->key && strncmp(o->key, prefix, n) == 0 && o->key[n] == '.')
            return true;
    return false;
}

/* ---- the nearest name --------------------------------------------------------- */

int config_unknown(const char *what, const char *name, bool options, struct error *e)
{
    const char *dashes = options ? "--" : "";
    const struct config_option *o;
    struct nearest n = nearest_to(name);
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->type < CONFIG_IGNORED)
            nearest_try(&n, options ? o->option : o->key);
    const char *best = nearest_found(&n);
    if (best)
        return error_set(e, EINVAL, "unknown %s '%s%.60s': did you mean '%s%s'?", what,
                         dashes, name, dashes, best);
    return error_set(e, EINVAL,
                     "unknown %s '%s%.60s': petiole worker --help lists them", what,
                     dashes, name);
}
