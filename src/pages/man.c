/* SPDX-License-Identifier: Apache-2.0 */
/* petiole(1) and a page for each command, in man(7). */
#include "pages.h"

#include <ctype.h>
#include <string.h>

/* ---- text ------------------------------------------------------------------------ */

static void put(const char *text, size_t n, FILE *to)
{
    for (; n > 0; text++, n--) {
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else if (*text == '\'')
            fputs("\\(aq", to);
        else
            fputc(*text, to);
    }
}

static void put_text(const char *text, FILE *to)
{
    if (*text == '.')
        fputs("\\&", to);
    put(text, strlen(text), to);
}

/* What can be typed as it is in bold, what stands for something in italics:
 * "[-f] NAME..." */
static void put_synopsis(const char *text, size_t n, FILE *to)
{
    bool is_name = false;
    fputs("\\fB", to);
    for (size_t i = 0; i < n; i++) {
        bool upper = isupper((unsigned char)text[i]);
        if (upper && !is_name && (i == 0 || !isalpha((unsigned char)text[i - 1]))) {
            is_name = true;
            fputs("\\fI", to);
        } else if (is_name && !upper && text[i] != '_') {
            is_name = false;
            fputs("\\fB", to);
        }
        put(text + i, 1, to);
    }
    fputs("\\fR", to);
}

static void put_line(const char *text, FILE *to)
{
    put_text(text, to);
    fputc('\n', to);
}

/* Each line of the text, with a macro between them. */
static void put_lines(const char *text, const char *macro, FILE *to)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        if (macro && p != text)
            fprintf(to, "%s\n", macro);
        put(p, n, to);
        fputc('\n', to);
        p += n + (p[n] == '\n');
    }
}

static void put_head(const char *name, const char *summary, FILE *to)
{
    char upper[64];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof(upper); i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    upper[i] = '\0';
    fputs(".\\\" Made from the table of commands: do not edit.\n", to);
    fprintf(to, ".TH %s 1 \"\" \"petiole %s\" \"petiole\"\n.SH NAME\n", upper,
            PTL_VERSION);
    put(name, strlen(name), to);
    fputs(" \\- ", to);
    put_text(summary, to);
    fputs("\n.SH SYNOPSIS\n", to);
}

/* ---- sections -------------------------------------------------------------------- */

static void put_usage(const struct command *c, FILE *to)
{
    bool more = false;
    for (const char *p = c->usage; *p;) {
        size_t n = strcspn(p, "\n");
        fprintf(to, "%s\\fBpetiole %s\\fR ", more ? ".br\n" : "", c->name);
        put_synopsis(p, n, to);
        fputc('\n', to);
        more = true;
        p += n + (p[n] == '\n');
    }
}

static void put_words(const struct command *c, FILE *to)
{
    struct command_word w;
    for (size_t i = 0; command_word_at(c, i, &w); i++) {
        fprintf(to, "%s.TP\n\\fB", i ? "" : ".SH WORDS\n");
        put(w.name, strlen(w.name), to);
        fputs("\\fR", to);
        if (w.arguments) {
            fputs(" ", to);
            put_synopsis(w.arguments, strlen(w.arguments), to);
        }
        fputc('\n', to);
        put_line(w.help, to);
    }
}

static void put_name(const char *dashes, const char *name, FILE *to)
{
    fputs("\\fB", to);
    put(dashes, strlen(dashes), to);
    put(name, strlen(name), to);
    fputs("\\fR", to);
}

static void put_option(const struct page_option *o, FILE *to)
{
    fputs(".TP\n", to);
    if (o->letter) {
        fputs("\\fB", to);
        put("-", 1, to);
        put(&o->letter, 1, to);
        fputs("\\fR, ", to);
    }
    put_name("--", o->name, to);
    if (o->also) {
        fputs(", ", to);
        put_name("--", o->also, to);
    }
    if (o->metavar) {
        fputs(" \\fI", to);
        put(o->metavar, strlen(o->metavar), to);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    put_line(o->help, to);
}

static void put_options(const struct command *c, FILE *to)
{
    struct page_option o;
    const char *group = NULL;
    bool grouped = c->settings && strcmp(c->settings, "*") == 0;
    fputs(".SH OPTIONS\n", to);
    for (size_t i = 0; page_option_at(c, i, &o); i++) {
        if (grouped && o.group && o.group != group) {
            fputs(".SS ", to);
            put_text(o.group, to);
            fputc('\n', to);
            group = o.group;
        }
        put_option(&o, to);
    }
    if (c->settings && !grouped)
        fputs(".PP\nOther options are a worker\\(aqs: see\n.BR petiole\\-worker (1).\n",
              to);
}

/* "0 done; 1 not done" */
static void put_exits(const char *exits, FILE *to)
{
    fputs(".SH EXIT STATUS\n", to);
    for (const char *p = exits; *p; p += strspn(p, "; ")) {
        size_t digits = strcspn(p, " "), n = strcspn(p, ";");
        fprintf(to, ".TP\n\\fB%.*s\\fR\n", (int)digits, p);
        put(p + digits + 1, n > digits ? n - digits - 1 : 0, to);
        fputc('\n', to);
        p += n;
    }
}

static void put_examples(const char *examples, FILE *to)
{
    if (!examples)
        return;
    fputs(".SH EXAMPLES\n.nf\n", to);
    put_lines(examples, NULL, to);
    fputs(".fi\n", to);
}

/* ---- pages ------------------------------------------------------------------------
 */

static void put_command(const struct command *c, FILE *to)
{
    char name[64];
    snprintf(name, sizeof(name), "petiole-%s", c->name);
    put_head(name, c->summary, to);
    put_usage(c, to);
    fputs(".SH DESCRIPTION\n", to);
    put_lines(c->about, ".PP", to);
    put_words(c, to);
    put_options(c, to);
    put_exits(c->exits, to);
    put_examples(c->examples, to);
    fputs(".SH SEE ALSO\n.BR petiole (1)\n", to);
}

static void put_overview(FILE *to)
{
    const struct command *c;
    put_head("petiole", "a Celery worker whose tasks are written in C", to);
    fputs("\\fBpetiole\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
          ".SH DESCRIPTION\n"
          "petiole takes messages of Celery\\(aqs producers, runs their tasks with "
          "handlers that are written in C, and stores results where AsyncResult looks "
          "for them.\n"
          "Its settings have Celery\\(aqs names.\n"
          ".SH COMMANDS\n",
          to);
    for (size_t i = 0; (c = command_at(i)); i++) {
        fprintf(to, ".TP\n.BR petiole\\-%s (1)\n", c->name);
        put_line(c->summary, to);
    }
    fputs(
        ".PP\nOptions of a worker, as \\fB\\-A\\fR and \\fB\\-b\\fR, may stand before "
        "the command, too.\n"
        ".SH OPTIONS\n"
        ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nThe commands.\n"
        ".TP\n\\fB\\-\\-version\\fR\nThe version.\n",
        to);
    put_exits("0 done; 1 failed; 64 the command line is wrong; 69 nobody replied; 73 "
              "the pid file names a live process",
              to);
}

void page_man(const struct command *c, FILE *to)
{
    if (c)
        put_command(c, to);
    else
        put_overview(to);
}
