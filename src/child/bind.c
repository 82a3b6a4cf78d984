/* SPDX-License-Identifier: Apache-2.0 */
#include "bind.h"

#include <ctype.h>

/* ---- Parameters --------------------------------------------------------------- */

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static struct str cut_word(const char **at)
{
    const char *from;

    while (**at == ' ')
        ++*at;
    for (from = *at; **at && **at != ' ';)
        ++*at;
    return (struct str){from, (size_t)(*at - from)};
}

static bool is_name(struct str word)
{
    if (word.n == 0 || !starts_name(word.p[0]))
        return false;
    for (size_t i = 1; i < word.n; i++)
        if (!starts_name(word.p[i]) && !isdigit((unsigned char)word.p[i]))
            return false;
    return true;
}

const char *params_read(struct params *p, const char *text)
{
    struct str word;

    *p = (struct params){.n = 0};
    while ((word = cut_word(&text)).n > 0) {
        if (p->takes_more)
            return "a parameter follows the `*`";
        if (str_is(word, "*")) {
            p->takes_more = true;
            continue;
        }
        bool optional = word.p[word.n - 1] == '?';

        word.n -= optional;
        if (!is_name(word))
            return "a parameter is not a name";
        if (params_find(p, word) >= 0)
            return "a parameter stands twice";
        if (p->n == BIND_MAX_PARAMS)
            return "more than 32 parameters";
        if (!optional && p->nrequired < p->n)
            return "a required parameter follows an optional one";
        p->nrequired += !optional;
        p->names[p->n++] = word;
    }
    return NULL;
}

int params_find(const struct params *p, struct str name)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->names[i], name))
            return (int)i;
    return -1;
}

/* ---- CPython's sentences, from Python/ceval.c ---------------------------------- */

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void say_unexpected(struct wr *why, struct str function, struct str key)
{
    wr_put(why, function);
    wr_text(why, "() got an unexpected keyword argument '");
    wr_put(why, key);
    wr_text(why, "'");
}

static void say_twice(struct wr *why, struct str function, struct str key)
{
    wr_put(why, function);
    wr_text(why, "() got multiple values for argument '");
    wr_put(why, key);
    wr_text(why, "'");
}

static void say_too_many(struct wr *why, struct str function, const struct params *p,
                         size_t given)
{
    wr_put(why, function);
    if (p->nrequired < p->n)
        wr_printf(why, "() takes from %zu to %zu positional arguments", p->nrequired,
                  p->n);
    else
        wr_printf(why, "() takes %zu positional argument%s", p->n, plural(p->n));
    wr_printf(why, " but %zu %s given", given, given == 1 ? "was" : "were");
}

/* 'a'   'a' and 'b'   'a', 'b', and 'c' */
static void say_separator(struct wr *why, size_t left, size_t of)
{
    if (left == of)
        return;
    if (of > 2)
        wr_text(why, ",");
    wr_text(why, left == 1 ? " and " : " ");
}

static void say_missing(struct wr *why, struct str function, const struct params *p,
                        const ptl_value **bound)
{
    size_t missing = 0, left;

    for (size_t i = 0; i < p->nrequired; i++)
        missing += !bound[i];
    left = missing;
    wr_put(why, function);
    wr_printf(why, "() missing %zu required positional argument%s: ", missing,
              plural(missing));
    for (size_t i = 0; i < p->nrequired; i++) {
        if (bound[i])
            continue;
        say_separator(why, left--, missing);
        wr_text(why, "'");
        wr_put(why, p->names[i]);
        wr_text(why, "'");
    }
}

/* ---- Binding ------------------------------------------------------------------ */

static bool bind_keywords(const struct params *p, struct str function,
                          const ptl_value *kwargs, const ptl_value **bound,
                          struct wr *why)
{
    for (size_t i = 0; i < value_len(kwargs); i++) {
        const struct value_pair *pair = &kwargs->u.map.pairs[i];
        int at = params_find(p, pair->key);

        if (at < 0 && p->takes_more)
            continue;
        if (at < 0)
            return say_unexpected(why, function, pair->key), false;
        if (bound[at])
            return say_twice(why, function, pair->key), false;
        bound[at] = pair->value;
    }
    return true;
}

/* The order of the complaints is CPython's: keywords, too many, missing. */
bool bind_call(const struct params *p, struct str function, const ptl_value *args,
               const ptl_value *kwargs, const ptl_value **bound, struct wr *why)
{
    size_t given = value_len(args);

    for (size_t i = 0; i < p->n; i++)
        bound[i] = i < given ? args->u.list.items[i] : NULL;
    if (!bind_keywords(p, function, kwargs, bound, why))
        return false;
    if (given > p->n && !p->takes_more)
        return say_too_many(why, function, p, given), false;
    for (size_t i = 0; i < p->nrequired; i++)
        if (!bound[i])
            return say_missing(why, function, p, bound), false;
    return true;
}
