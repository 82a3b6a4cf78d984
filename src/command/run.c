/* SPDX-License-Identifier: Apache-2.0 */
/* petiole run - one task in the foreground, without a broker: for gdb and for tests. */
#include "command.h"
#include "foreground.h"

#include <limits.h>
#include <stdlib.h>

#define WORDS_MAX 256

struct options {
    const char *id, *settings_file, *soft_limit;
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

static int run_task(struct foreground *f, const char *name, const char *const *argv,
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

static int run(int argc, char **argv)
{
    struct options o = {.id = NULL};
    const char *words[WORDS_MAX + 1] = {NULL}; /* PLUGIN, TASK, its arguments, NULL */
    size_t nwords;
    struct foreground f;
    int code = command_read(&command_run, &o, &argc, argv, words, &nwords, WORDS_MAX);
    if (!code && o.soft_limit)
        code = read_seconds(o.soft_limit, &o.soft_limit_s);
    if (!code && nwords == 0)
        code = complain(EXIT_USAGE, "which plugin? see petiole run --help");
    if (code)
        return code;
    foreground_init(&f, o.id);
    code = load_settings(&f, o.settings_file);
    if (code == EXIT_STOPPED)
        code = load_plugin(&f, words[0]);
    if (code == EXIT_STOPPED)
        code = words[1] ? run_task(&f, words[1], words + 2, o.soft_limit_s)
                        : list_tasks(&f.table);
    foreground_finish(&f);
    return code;
}

#define AT(field) .offset = offsetof(struct options, field)

static const struct command_option options[] = {
    {"id", 0, "ID", "the task's id instead of a random one", AT(id)},
    {"settings", 0, "FILE", "JSON; its \"plugins\" object holds the plugins' settings",
     AT(settings_file)},
    {"soft-time-limit", 0, "S", "cancel the task after so many seconds",
     AT(soft_limit)},
    {0},
};

const struct command command_run = {
    .name = "run",
    .run = run,
    .summary = "run one task in the foreground, without a broker",
    .usage = "[OPTIONS] PLUGIN [TASK [ARGUMENT...]]",
    .about =
        "Runs one task of a plugin in this process and prints its result as JSON. "
        "Without TASK, lists what the plugin offers.\n"
        "PLUGIN is a name, or a path with a slash. An ARGUMENT is JSON if it reads "
        "as JSON, else text; NAME=VALUE gives it by name.",
    .options = options,
    .words_last = true,
    .exits = "0 it succeeded; 1 it did not; 64 the command line is wrong",
    .examples = "petiole run demo demo.add 2 y=3\n"
                "gdb --args petiole run ./mine.so mine.task '{\"size\": 3}'",
};
