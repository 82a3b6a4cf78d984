/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, for people, within 80 columns. */
#include "help.h"
#include "table.h"

#include <string.h>

#define OPTION_COLUMNS 31

/* What most people need: the rest is told by --help-all. */
static const char common[] =
    "app broker result-backend queues config unknown concurrency autoscale time-limit "
    "soft-time-limit max-tasks-per-child max-memory-per-child task-events loglevel "
    "logfile log-format hostname detach pidfile http";

static const struct {
    const char *title;
    const char *options; /* by their long names; the rest is under the last title */
} groups[] = {
    {"What to run, and where from",
     "app broker result-backend queues exclude-queues config workdir unknown purge"},
    {"How",
     "concurrency pool autoscale prefetch-multiplier disable-prefetch time-limit "
     "soft-time-limit max-tasks-per-child max-memory-per-child statedb optimization"},
    {"Log", "loglevel logfile log-format no-color quiet"},
    {"Process", "hostname detach pidfile uid gid umask health-file"},
    {"Others", ""},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, word, n) == 0)
            return true;
        p += len;
    }
    return false;
}

bool config_is_option(const struct config_option *o)
{
    return o->option && config_has_field(o);
}

size_t config_group_of(const struct config_option *o)
{
    size_t g = 0;
    while (g + 1 < GROUPS && !has_word(groups[g].options, o->option))
        g++;
    return g;
}

const char *config_group(size_t g)
{
    return g < GROUPS ? groups[g].title : NULL;
}

void help_wrap(FILE *to, const char *text, int indent, int column)
{
    for (const char *p = text; *p; p += strspn(p, " ")) {
        int n = (int)strcspn(p, " ");
        if (column + n > HELP_COLUMNS && column > indent) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(to, "%.*s", n, p);
        column += n + 1;
        p += n;
        if (*p && column + (int)strcspn(p + 1, " ") <= HELP_COLUMNS)
            fputc(' ', to);
    }
    fputc('\n', to);
}

void help_row(FILE *to, const char *names, const char *text, int indent)
{
    fprintf(to, "%-*s", indent, names);
    if ((int)strlen(names) >= indent)
        fprintf(to, "\n%*s", indent, "");
    help_wrap(to, text, indent, indent);
}

void help_names(char *out, size_t size, char letter, const char *name,
                const char *metavar)
{
    snprintf(out, size, "  %c%c%s --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
             letter ? "," : " ", name, metavar ? " " : "", metavar ? metavar : "");
}

static void print_option(FILE *to, const struct config_option *o)
{
    char names[HELP_COLUMNS];
    help_names(names, sizeof(names), o->letter, o->option,
               o->is_flag ? NULL : o->metavar);
    help_row(to, names, o->help, OPTION_COLUMNS);
}

/* "key (default)"; a control character is shown as Python writes it. */
static void name_setting(const struct config_option *o, char *out, size_t size)
{
    const char *text = !o->default_text   ? "none"
                       : *o->default_text ? o->default_text
                                          : "\"\"";
    int n = snprintf(out, size, "%s (", o->key);
    for (; *text && n + 6 < (int)size; text++)
        if ((unsigned char)*text < ' ')
            n += snprintf(out + n, size - (size_t)n, "\\x%02x", (unsigned char)*text);
        else
            out[n++] = *text;
    snprintf(out + n, size - (size_t)n, ")");
}

static void print_setting(FILE *to, const struct config_option *o)
{
    char name[256];
    name_setting(o, name, sizeof(name));
    fputs("  ", to);
    help_wrap(to, name, 6, 2);
    fprintf(to, "%6s", "");
    help_wrap(to, o->help, 6, 6);
}

void config_print_options(FILE *to, bool all)
{
    const struct config_option *o;
    for (size_t g = 0; g < GROUPS; g++) {
        bool begun = false;
        for (size_t i = 0; (o = config_option_at(i)); i++) {
            if (!config_is_option(o) || config_group_of(o) != g ||
                !(all || has_word(common, o->option)))
                continue;
            if (!begun)
                fprintf(to, "\n%s:\n", groups[g].title);
            begun = true;
            print_option(to, o);
        }
    }
}

void config_print_settings(FILE *to)
{
    const struct config_option *o;
    fprintf(to, "Settings of the --config file, besides the options above by their "
                "Celery names:\n\n");
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (!o->option && config_has_field(o))
            print_setting(to, o);
}
