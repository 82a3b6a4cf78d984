/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, for people, within 80 columns. */
#include "table.h"

#include <string.h>

static const struct {
    const char *title;
    const char *options; /* by their long names; the rest is under the last title */
} groups[] = {
    {"What to run, and where from",
     "app broker result-backend queues exclude-queues config workdir unknown purge"},
    {"How",
     "concurrency pool autoscale prefetch-multiplier disable-prefetch time-limit "
     "soft-time-limit max-tasks-per-child max-memory-per-child statedb optimization"},
    {"Log", "loglevel logfile logformat no-color quiet"},
    {"Process", "hostname detach pidfile uid gid umask health-file"},
    {"Others", ""},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static size_t group_of(const char *option)
{
    size_t n = strlen(option);
    for (size_t g = 0; g + 1 < GROUPS; g++)
        for (const char *p = groups[g].options; *p; p += strspn(p, " ")) {
            size_t len = strcspn(p, " ");
            if (len == n && memcmp(p, option, n) == 0)
                return g;
            p += len;
        }
    return GROUPS - 1;
}

/* Breaks text between words so that no line passes column 80. */
static void print_wrapped(FILE *to, const char *text, int indent, int column)
{
    for (const char *p = text; *p; p += strspn(p, " ")) {
        int n = (int)strcspn(p, " ");
        if (column + n > 80) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(to, "%.*s", n, p);
        column += n + 1;
        p += n;
        if (*p && column + (int)strcspn(p + 1, " ") <= 80)
            fputc(' ', to);
    }
    fputc('\n', to);
}

static void print_option(FILE *to, const struct config_option *o)
{
    char names[80];
    int n = snprintf(names, sizeof(names), "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
                     o->letter ? o->letter : ' ', o->letter ? "," : " ", o->option,
                     o->is_flag ? "" : " ", o->is_flag ? "" : o->metavar);
    fprintf(to, "%-31s", names);
    if (n > 30)
        fprintf(to, "\n%31s", "");
    print_wrapped(to, o->help, 31, 31);
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
    print_wrapped(to, name, 6, 2);
    fprintf(to, "%6s", "");
    print_wrapped(to, o->help, 6, 6);
}

void config_print_help(FILE *to)
{
    const struct config_option *o;
    fprintf(to,
            "usage: petiole worker -A PLUGIN,... [OPTIONS] [-- SETTING=VALUE...]\n");
    for (size_t g = 0; g < GROUPS; g++) {
        fprintf(to, "\n%s:\n", groups[g].title);
        for (size_t i = 0; (o = config_option_at(i)); i++)
            if (o->option && config_has_field(o) && group_of(o->option) == g)
                print_option(to, o);
    }
    fprintf(to, "  -h, --help                   this text\n");
    fprintf(to, "\nSettings of the --config file, besides those above by their Celery "
                "names:\n\n");
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (!o->option && config_has_field(o))
            print_setting(to, o);
}
