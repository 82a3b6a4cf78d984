/* SPDX-License-Identifier: Apache-2.0 */
/* petiole run - one task in the foreground, without a broker: for gdb and for tests. */
#include "command.h"
#include "foreground.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

static const char help[] =
    "usage: petiole run [OPTIONS] PLUGIN [TASK [ARGUMENT...]]\n"
    "\n"
    "Runs one task of a plugin in this process and prints its result as JSON.\n"
    "Without TASK, lists what the plugin offers. PLUGIN is a name, or a path with a\n"
    "slash. An ARGUMENT is JSON if it reads as JSON, else text; NAME=VALUE gives it\n"
    "by name.\n"
    "\n"
    "  --id ID                the task's id instead of a random one\n"
    "  --settings FILE        JSON; its \"plugins\" object holds the plugins' "
    "settings\n"
    "  --soft-time-limit S    cancel the task after so many seconds\n"
    "  --help                 this text\n"
    "\n"
    "Exit codes: 0 it succeeded, 1 it did not, 64 the command line is wrong.\n";

struct options {
    const char *id, *settings_file;
    double soft_limit_s; /* 0: none */
};

#define complain(code, ...) command_complain(code, "petiole run", __VA_ARGS__)

/* ---- Preparing ---------------------------------------------------------------- */

static int load_settings(struct foreground *f, const char *path)
{
    const char *why = path ? foreground_load_settings(f, path) : NULL;

    if (why)
        return complain(EXIT_USAGE, "cannot use settings %s: %s", path, why);
    return EXIT_STOPPED;
}

static int load_plugin(struct foreground *f, const char *plugin)
{
    char path[PATH_MAX];
    struct module_error e;

    if (!module_find(plugin, path, sizeof(path), &e) ||
        !module_load(&f->table, path, &e) || !module_init_all(&f->table, &e))
        return complain(EXIT_FAILED, "%s", e.text);
    return EXIT_STOPPED;
}

/* ---- Running ------------------------------------------------------------------ */

static int list_tasks(const struct module_table *table)
{
    for (size_t i = 0; i < table->nrows; i++) {
        const ptl_def *def = &table->rows[i]->def;

        printf("%s(", def->name);
        for (const char *c = def->params ? def->params : ""; *c; c++)
            fputs(*c == ' ' ? ", " : (char[2]){*c, '\0'}, stdout);
        printf(")%s%s\n", def->summary ? "  " : "", def->summary ? def->summary : "");
    }
    return EXIT_STOPPED;
}

static int report(const struct foreground *f)
{
    const struct verdict *v = &f->verdict;

    switch (v->outcome) {
    case OUTCOME_SUCCESS:
        foreground_print(stdout, f->task.value);
        return EXIT_STOPPED;
    case OUTCOME_FAILURE:
        fwrite(v->traceback.p, 1, v->traceback.len, stderr);
        return EXIT_FAILED;
    case OUTCOME_RETRY:
        return complain(EXIT_FAILED, "%s asks for a retry: " STR_FMT,
                        f->task.row->def.name, STR_ARG(wr_str(&v->repr)));
    case OUTCOME_IGNORE:
        return complain(EXIT_FAILED, "%s is ignored: nothing would be stored",
                        f->task.row->def.name);
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        break;
    }
    return complain(EXIT_FAILED, "%s rejects its message: it would be %s",
                    f->task.row->def.name,
                    v->outcome == OUTCOME_REJECT ? "dropped" : "put back");
}

static int run_task(struct foreground *f, const char *name, char **argv,
                    double soft_limit_s)
{
    const struct module_row *row = module_row(&f->table, str_of(name));

    if (!row)
        return complain(
            EXIT_USAGE,
            "the plugin has no task '%s': petiole run PLUGIN lists those it "
            "has",
            name);
    if (!foreground_read_arguments(f, row, argv))
        return complain(EXIT_USAGE, "the arguments are not UTF-8, or too many");
    if (!foreground_run(f, row, soft_limit_s))
        return complain(EXIT_FAILED, "no memory to run in");
    return report(f);
}

/* ---- The command line --------------------------------------------------------- */

static int read_seconds(const char *text, double *seconds)
{
    char *end;

    *seconds = strtod(text, &end);
    if (end == text || *end || !(*seconds > 0 && *seconds < 1e9))
        return complain(EXIT_USAGE, "--soft-time-limit needs seconds, not '%s'", text);
    return EXIT_STOPPED;
}

/* Returns an exit code, or -1 to go on at optind. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option options[] = {
        {"id", required_argument, NULL, 'i'},
        {"settings", required_argument, NULL, 's'},
        {"soft-time-limit", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(help, stdout) < 0 ? EXIT_FAILED : EXIT_STOPPED;
        if (c == 'i')
            o->id = optarg;
        else if (c == 's')
            o->settings_file = optarg;
        else if (c == 'l' && read_seconds(optarg, &o->soft_limit_s) != 0)
            return EXIT_USAGE;
        else if (c == ':')
            return complain(EXIT_USAGE, "%s needs a value", argv[optind - 1]);
        else if (c == '?')
            return complain(EXIT_USAGE, "no option '%s': see petiole run --help",
                            argv[optind - 1]);
    }
    if (optind < argc)
        return -1;
    return complain(EXIT_USAGE, "which plugin? see petiole run --help");
}

int command_run(int argc, char **argv)
{
    struct options o = {.id = NULL};
    struct foreground f;
    int rc = read_options(&o, argc, argv);

    if (rc >= 0)
        return rc;
    argv += optind;
    foreground_init(&f, o.id);
    rc = load_settings(&f, o.settings_file);
    if (rc == EXIT_STOPPED)
        rc = load_plugin(&f, argv[0]);
    if (rc == EXIT_STOPPED)
        rc = argv[1] ? run_task(&f, argv[1], argv + 2, o.soft_limit_s)
                     : list_tasks(&f.table);
    foreground_finish(&f);
    return rc;
}
