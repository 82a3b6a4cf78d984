/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include "glob.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <dlfcn.h>
#include <pcre2.h>
#include <stdio.h>

#define REGEX "re:"
/* Backtracking without end would stop the process: give up, and take it for no match.
 * Both grow with the groups of the expression, hence a limit for each. */
#define MATCH_LIMIT 100000u
#define MATCH_HEAP_KIB 4096u

struct pattern {
    const char *glob; /* NULL: it is the expression */
    pcre2_code *regex;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

/* ---- libpcre2, on first use --------------------------------------------------- */

static struct {
    pcre2_code *(*compile)(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int *, PCRE2_SIZE *,
                           pcre2_compile_context *);
    int (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t,
                 pcre2_match_data *, pcre2_match_context *);
    pcre2_match_data *(*match_data_create)(const pcre2_code *, pcre2_general_context *);
    pcre2_match_context *(*match_context_create)(pcre2_general_context *);
    int (*set_match_limit)(pcre2_match_context *, uint32_t);
    int (*set_heap_limit)(pcre2_match_context *, uint32_t);
    void (*code_free)(pcre2_code *);
    void (*match_data_free)(pcre2_match_data *);
    void (*match_context_free)(pcre2_match_context *);
    int (*get_error_message)(int, PCRE2_UCHAR *, PCRE2_SIZE);
} pcre2;

static bool load(void)
{
    const struct {
        const char *name;
        void *to;
    } functions[] = {
        {"pcre2_compile_8", &pcre2.compile},
        {"pcre2_match_8", &pcre2.match},
        {"pcre2_match_data_create_from_pattern_8", &pcre2.match_data_create},
        {"pcre2_match_context_create_8", &pcre2.match_context_create},
        {"pcre2_set_match_limit_8", &pcre2.set_match_limit},
        {"pcre2_set_heap_limit_8", &pcre2.set_heap_limit},
        {"pcre2_code_free_8", &pcre2.code_free},
        {"pcre2_match_data_free_8", &pcre2.match_data_free},
        {"pcre2_match_context_free_8", &pcre2.match_context_free},
        {"pcre2_get_error_message_8", &pcre2.get_error_message},
    };
    void *library = pcre2.compile ? NULL : dlopen("libpcre2-8.so.0", RTLD_NOW);

    if (pcre2.compile)
        return true;
    for (size_t i = 0; library && i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function = dlsym(library, functions[i].name);

        if (!function)
            return false;
        memcpy(functions[i].to, &function, sizeof(function));
    }
    return library != NULL;
}

/* ---- Reading ------------------------------------------------------------------ */

static const char *compile(struct pattern *p, struct arena *a, const char *expression)
{
    PCRE2_UCHAR text[128];
    char line[512];
    PCRE2_SIZE at;
    int code;

    if (!load())
        return "a regular expression needs libpcre2, which is not installed";
    p->regex = pcre2.compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                             PCRE2_ANCHORED | PCRE2_UTF, &code, &at, NULL);
    if (!p->regex) {
        pcre2.get_error_message(code, text, sizeof(text));
        snprintf(line, sizeof(line), "\"%.200s\" is no expression: %s", expression,
                 (const char *)text);
        return arena_strdup(a, line);
    }
    p->match = pcre2.match_data_create(p->regex, NULL);
    p->context = pcre2.match_context_create(NULL);
    if (!p->match || !p->context)
        return "no memory for it";
    pcre2.set_match_limit(p->context, MATCH_LIMIT);
    pcre2.set_heap_limit(p->context, MATCH_HEAP_KIB);
    return NULL;
}

struct pattern *pattern_read_regex(struct arena *a, const char *expression,
                                   const char **why)
{
    struct pattern *p = arena_zalloc(a, sizeof(*p));

    *why = p ? compile(p, a, expression) : "no memory for it";
    if (!*why)
        return p;
    pattern_finish(p);
    return NULL;
}

struct pattern *pattern_read(struct arena *a, const char *text, const char **why)
{
    struct pattern *p;

    if (strncmp(text, REGEX, strlen(REGEX)) == 0)
        return pattern_read_regex(a, text + strlen(REGEX), why);
    p = arena_zalloc(a, sizeof(*p));
    *why = p ? NULL : "no memory for it";
    if (p)
        p->glob = text;
    return p;
}

void pattern_finish(struct pattern *p)
{
    if (!p || p->glob)
        return;
    if (p->regex)
        pcre2.code_free(p->regex);
    if (p->match)
        pcre2.match_data_free(p->match);
    if (p->context)
        pcre2.match_context_free(p->context);
    *p = (struct pattern){.glob = ""};
}

/* ---- Matching ----------------------------------------------------------------- */

bool pattern_matches(const struct pattern *p, const char *name)
{
    if (p->glob)
        return glob_matches(str_of(p->glob), str_of(name));
    return pcre2.match(p->regex, (PCRE2_SPTR)name, strlen(name), 0, 0, p->match,
                       p->context) >= 0;
}
