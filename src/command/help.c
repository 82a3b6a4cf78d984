/* SPDX-License-Identifier: Apache-2.0 */
/* A command, for people: `petiole COMMAND --help`. */
#include "../config/help.h"

#include "../config.h"
#include "command.h"

#include <string.h>

#define COLUMNS_LEAST 14
#define COLUMNS_MOST 30

/* ---- how wide the left column is ------------------------------------------------ */

static void word_names(char *out, size_t size, const struct command_word *w)
{
    snprintf(out, size, "  %s%s%s", w->name, w->arguments ? " " : "",
             w->arguments ? w->arguments : "");
}

static int wider(int columns, const char *names)
{
    int n = (int)strlen(names) + 2;
    return n > columns && n <= COLUMNS_MOST ? n : columns;
}

/* The next of a worker's options that are told, or NULL; *p goes on. */
static const struct config_option *next_setting(const char **p)
{
    char name[48];
    while (**p) {
        int n = (int)strcspn(*p, " ");
        snprintf(name, sizeof(name), "--%.*s", n, *p);
        *p += n;
        *p += strspn(*p, " ");
        const struct config_option *o = config_option_of(name);
        if (o)
            return o;
    }
    return NULL;
}

static void setting_names(char *out, size_t size, const struct config_option *o)
{
    help_names(out, size, o->letter, o->option, o->is_flag ? NULL : o->metavar);
}

static int columns_of(const struct command *c)
{
    char names[HELP_COLUMNS];
    int columns = COLUMNS_LEAST;
    struct command_word word;
    const struct config_option *setting;
    const char *settings = c->settings ? c->settings : "";
    for (size_t i = 0; command_word_at(c, i, &word); i++) {
        word_names(names, sizeof(names), &word);
        columns = wider(columns, names);
    }
    for (const struct command_option *o = c->options; o && o->name; o++) {
        help_names(names, sizeof(names), o->letter, o->name, o->metavar);
        columns = wider(columns, names);
    }
    while ((setting = next_setting(&settings))) {
        setting_names(names, sizeof(names), setting);
        columns = wider(columns, names);
    }
    return columns;
}

/* ---- parts of the page ---------------------------------------------------------- */

static void print_usage(const struct command *c, FILE *to)
{
    const char *lead = "usage:";
    for (const char *p = c->usage; *p;) {
        int n = (int)strcspn(p, "\n");
        fprintf(to, "%-6s petiole %s%s%.*s\n", lead, c->name, n ? " " : "", n, p);
        lead = "";
        p += n + (p[n] == '\n');
    }
}

static void print_paragraphs(const char *text, FILE *to)
{
    char paragraph[512];
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        snprintf(paragraph, sizeof(paragraph), "%.*s", (int)n, p);
        help_wrap(to, paragraph, 0, 0);
        p += n + (p[n] == '\n');
    }
}

static void print_words(const struct command *c, FILE *to, int columns)
{
    char names[HELP_COLUMNS];
    struct command_word word;
    for (size_t i = 0; command_word_at(c, i, &word); i++) {
        if (i == 0)
            fputc('\n', to);
        word_names(names, sizeof(names), &word);
        help_row(to, names, word.help, columns);
    }
}

static void print_own(const struct command *c, FILE *to, int columns)
{
    char names[HELP_COLUMNS];
    if (c->options || c->settings)
        fputc('\n', to);
    for (const struct command_option *o = c->options; o && o->name; o++) {
        help_names(names, sizeof(names), o->letter, o->name, o->metavar);
        help_row(to, names, o->help, columns);
    }
}

static void print_settings(const struct command *c, FILE *to, int columns)
{
    char names[HELP_COLUMNS];
    const struct config_option *o;
    const char *settings = c->settings ? c->settings : "";
    while ((o = next_setting(&settings))) {
        setting_names(names, sizeof(names), o);
        help_row(to, names, o->help, columns);
    }
}

static void print_exits(const struct command *c, FILE *to)
{
    char line[512];
    snprintf(line, sizeof(line), "Exit codes: %s.%s", c->exits,
             c->settings && c != &command_worker
                 ? " Other options are a worker's: petiole worker --help-all."
                 : "");
    fputc('\n', to);
    help_wrap(to, line, 0, 0);
}

static void print_examples(const struct command *c, FILE *to)
{
    if (!c->examples)
        return;
    fputc('\n', to);
    for (const char *p = c->examples; *p;) {
        size_t n = strcspn(p, "\n");
        fprintf(to, "    %.*s\n", (int)n, p);
        p += n + (p[n] == '\n');
    }
}

/* ---- the page ------------------------------------------------------------------- */

static void print_worker(const struct command *c, FILE *to)
{
    config_print_options(to, false);
    help_row(to, "      --help-all", "the other options, and all settings", 31);
    print_exits(c, to);
}

void command_print_help(const struct command *c, FILE *to)
{
    int columns = columns_of(c);
    print_usage(c, to);
    fputc('\n', to);
    print_paragraphs(c->about, to);
    if (c == &command_worker) {
        print_worker(c, to);
        return;
    }
    print_words(c, to, columns);
    print_own(c, to, columns);
    print_settings(c, to, columns);
    print_examples(c, to);
    print_exits(c, to);
}
