/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table - prints the worker's settings as the table of docs/settings.md. */
#include "config.h"

#include <stdio.h>
#include <string.h>

/* Control characters as Python writes them: no page shows them as they are. */
static void print_code(const char *text)
{
    if (!text) {
        printf("  |");
        return;
    }
    printf(*text ? " `" : " `\"\"");
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            printf("\\x%02x", (unsigned char)*text);
        else
            putchar(*text);
    printf("` |");
}

static void print_option(const struct config_option *o)
{
    if (!o->option)
        printf(" ");
    if (o->letter)
        printf(" `-%c`,", o->letter);
    if (o->option)
        printf(" `--%s`", o->option);
    if (o->also)
        printf(", `--%s`", o->also);
    printf(" |");
}

/* "classic quorum" as `classic`, `quorum` */
static void print_choices(const char *choices)
{
    const char *p = choices;
    while (*p) {
        size_t n = strcspn(p, " ");
        printf("%s `%.*s`", p == choices ? "" : ",", (int)n, p);
        p += n + strspn(p + n, " ");
    }
    printf(" |");
}

static void print_kinds(unsigned kinds)
{
    static const char *const names[] = {"object", "list", "text", "number",
                                        "true or false"};
    const char *comma = "";
    for (unsigned i = 0; i < 5; i++)
        if (kinds & 1u << i) {
            printf("%s %s", comma, names[i]);
            comma = ",";
        }
    printf(" |");
}

static void print_values(const struct config_option *o)
{
    switch (o->type) {
    case CONFIG_TEXT:
        printf(" text |");
        return;
    case CONFIG_INT:
        if (o->max == INT64_MAX)
            printf(" from %lld |", (long long)o->min);
        else
            printf(" %lld to %lld |", (long long)o->min, (long long)o->max);
        return;
    case CONFIG_BYTES:
        printf(" bytes, %lld to %lld |", (long long)o->min, (long long)o->max);
        return;
    case CONFIG_SECONDS:
        printf(" seconds |");
        return;
    case CONFIG_BOOL:
        printf(" true or false |");
        return;
    case CONFIG_MAYBE:
        printf(" true, false or null |");
        return;
    case CONFIG_CHOICE:
        print_choices(o->choices);
        return;
    case CONFIG_JSON:
        print_kinds(o->kinds);
        return;
    case CONFIG_IGNORED:
    case CONFIG_WARNED:
    case CONFIG_REFUSED:
        printf(" |"); /* in the second table */
        return;
    case CONFIG_LEVEL:
        printf(" a level |");
        return;
    }
}

/* "`A`, `B`" */
static void print_words(const char *words)
{
    const char *p = words ? words : "";
    while (*p) {
        size_t n = strcspn(p, " ");
        printf("%s `%.*s`", p == words ? "" : ",", (int)n, p);
        p += n + strspn(p + n, " ");
    }
    printf(" |");
}

static void print_settings(void)
{
    const struct config_option *o;
    printf("| Setting | Option | Environment | Default | Values | Meaning |\n");
    printf("|---|---|---|---|---|---|\n");
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (o->type >= CONFIG_IGNORED)
            continue;
        printf("|");
        print_code(o->key);
        print_option(o);
        print_words(o->env);
        print_code(o->default_text);
        print_values(o);
        printf(" %s |\n", o->help);
    }
}

static void print_known(void)
{
    const struct config_option *o;
    printf("\n| Name | What happens | Why |\n|---|---|---|\n");
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (o->type < CONFIG_IGNORED)
            continue;
        printf("|");
        if (o->key)
            printf(" `%s` |", o->key);
        else
            print_option(o);
        printf(" %s | %s |\n",
               o->type == CONFIG_IGNORED  ? "nothing"
               : o->type == CONFIG_WARNED ? "a warning"
                                          : "an error",
               o->help ? o->help : "says nothing to a native worker");
    }
}

int main(void)
{
    print_settings();
    print_known();
    return 0;
}
