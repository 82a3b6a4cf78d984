/* SPDX-License-Identifier: Apache-2.0 */
/* petiole run - one task in the foreground, without a broker: for gdb and for tests. */
#include "command.h"

#include "../../protocol/json.h"
#include "../../protocol/uuid.h"
#include "../child/cancel.h"
#include "../child/verdict.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TASK_MEMORY_BYTES ((size_t)1 << 30)
#define WORDS_MEMORY_BYTES ((size_t)4 << 20)
#define SETTINGS_MAX_BYTES ((size_t)16 << 20)

static const char help[] =
    "usage: petiole run [OPTIONS] PLUGIN [TASK [ARGUMENT...]]\n"
    "\n"
    "Runs one task of a plugin in this process and prints its result as JSON.\n"
    "Without TASK, lists what the plugin offers. PLUGIN is a name, or a path with a\n"
    "slash. An ARGUMENT is JSON if it reads as JSON, else text; NAME=VALUE gives it "
    "by\n"
    "name.\n"
    "\n"
    "  --id ID                the task's id instead of a random one\n"
    "  --settings FILE        JSON; its \"plugins\" object holds the plugins' "
    "settings\n"
    "  --soft-time-limit S    cancel the task after so many seconds\n"
    "  --help                 this text\n"
    "\n"
    "Exit codes: 0 it succeeded, 1 it did not, 64 the command line is wrong.\n";

struct run {
    const char *id, *settings_file;
    double soft_limit_s; /* 0: none */
    struct node node;
    struct module_table table;
    struct arena arena, words;
    struct ptl_task task;
    struct verdict verdict;
};

__attribute__((format(printf, 2, 3))) static int complain(int code, const char *fmt,
                                                          ...)
{
    va_list ap;

    fputs("petiole run: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}

/* ---- What the task says meanwhile ---------------------------------------------- */

static void write_json(FILE *to, const ptl_value *v)
{
    struct wr w;

    wr_init(&w, TASK_MEMORY_BYTES);
    json_write(&w, v);
    fwrite(w.p, 1, w.len, to);
    fputc('\n', to);
    wr_finish(&w);
}

static void print_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    (void)t;
    fprintf(stderr, "%s ", state);
    write_json(stderr, meta);
}

static void print_log(struct ptl_task *t, ptl_level level, struct str text)
{
    const char *name = level >= PTL_ERROR     ? "ERROR"
                       : level >= PTL_WARNING ? "WARNING"
                       : level >= PTL_INFO    ? "INFO"
                                              : "DEBUG";

    fprintf(stderr, "%s %s: " STR_FMT "\n", name, t->row->def.name, STR_ARG(text));
}

/* ---- Arguments ---------------------------------------------------------------- */

static const ptl_value *read_argument(struct arena *a, const char *text)
{
    struct json_error e;
    const ptl_value *v =
        json_read(a, str_of(text), JSON_KOMBU_TYPES | JSON_COPY_STRINGS,
                  &json_default_limits, &e);

    return v ? v : value_text(a, text);
}

/* The length of NAME in NAME=VALUE if the task has such a parameter, else 0. */
static size_t keyword_bytes(const struct params *p, const char *argument)
{
    const char *sign = strchr(argument, '=');
    size_t n = sign ? (size_t)(sign - argument) : 0;

    return n > 0 && params_find(p, (struct str){argument, n}) >= 0 ? n : 0;
}

static bool read_arguments(struct run *r, const struct module_row *row, char **argv)
{
    struct arena *a = &r->arena;
    ptl_value *args = value_list(a, 0), *kwargs = value_map(a, 0);

    for (; *argv; argv++) {
        size_t n = keyword_bytes(&row->params, *argv);
        const ptl_value *v = read_argument(a, *argv + (n > 0 ? n + 1 : 0));

        if (n > 0 ? !value_map_set(a, kwargs, (struct str){*argv, n}, v)
                  : !value_list_add(a, args, v))
            return false;
    }
    r->task.body = (struct message_body){.args = args, .kwargs = kwargs};
    return !a->failed;
}

/* ---- Preparing ---------------------------------------------------------------- */

static const char *random_id(void)
{
    static char id[UUID_TEXT];
    uint8_t random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    uuid_format(id, random);
    return id;
}

static const char *local_hostname(void)
{
    static char name[HOST_NAME_MAX + 8] = "run@";

    gethostname(name + 4, sizeof(name) - 5);
    return name;
}

static void make_ready(struct run *r)
{
    static const struct task_sink terminal = {print_state, print_log, NULL};

    r->node.hostname = local_hostname();
    r->node.pid = (uint32_t)getpid();
    arena_init(&r->arena, TASK_MEMORY_BYTES);
    arena_init(&r->words, WORDS_MEMORY_BYTES);
    verdict_init(&r->verdict);
    r->task.arena = &r->arena;
    r->task.reserve = &r->words;
    r->task.node = &r->node;
    r->task.sink = &terminal;
    r->task.message.id = str_of(r->id ? r->id : random_id());
    r->task.message.root_id = r->task.message.id;
}

static void release(struct run *r)
{
    module_finish_all(&r->table);
    settings_finish(&r->node.settings);
    verdict_finish(&r->verdict);
    arena_finish(&r->arena);
    arena_finish(&r->words);
}

static bool read_file(struct wr *w, const char *path)
{
    FILE *f = fopen(path, "re");
    char bytes[4096];
    size_t n;

    if (!f)
        return false;
    while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        wr_put(w, (struct str){bytes, n});
    n = (size_t)ferror(f);
    fclose(f);
    return n == 0 && !w->bad;
}

/* The file's "plugins" object, written again for the one reader of settings. */
static const char *read_settings(struct run *r, struct str text)
{
    struct json_error e;
    const ptl_value *root = json_read(&r->arena, text, 0, &json_default_limits, &e);
    const ptl_value *plugins = value_get(root, "plugins");
    const char *why;
    struct wr w;

    if (!root || !plugins)
        return root ? "it has no \"plugins\" object" : e.what;
    wr_init(&w, SETTINGS_MAX_BYTES);
    json_write(&w, plugins);
    why = settings_init(&r->node.settings, wr_str(&w));
    wr_finish(&w);
    return why;
}

static int load_settings(struct run *r)
{
    const char *why = NULL;
    struct wr w;

    if (!r->settings_file)
        return EXIT_STOPPED;
    wr_init(&w, SETTINGS_MAX_BYTES);
    if (!read_file(&w, r->settings_file))
        why = strerror(errno);
    else
        why = read_settings(r, wr_str(&w));
    wr_finish(&w);
    return why ? complain(EXIT_USAGE, "cannot use settings %s: %s", r->settings_file,
                          why)
               : EXIT_STOPPED;
}

static int load_plugin(struct run *r, const char *plugin)
{
    char path[PATH_MAX];
    struct module_error e;

    if (!module_find(plugin, path, sizeof(path), &e) ||
        !module_load(&r->table, path, &e) || !module_init_all(&r->table, &e))
        return complain(EXIT_FAILED, "%s", e.text);
    return EXIT_STOPPED;
}

/* The same signal as a worker sends, so that the handler notices no difference. */
static void arm_soft_limit(double seconds)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec when = {.it_value.tv_sec = (time_t)seconds};
    timer_t timer;

    cancel_install();
    if (seconds <= 0)
        return;
    when.it_value.tv_nsec = (long)((seconds - (double)when.it_value.tv_sec) * 1e9);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
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

static int report(struct run *r)
{
    const struct verdict *v = &r->verdict;

    switch (v->outcome) {
    case OUTCOME_SUCCESS:
        write_json(stdout, r->task.value);
        return EXIT_STOPPED;
    case OUTCOME_FAILURE:
        fwrite(v->traceback.p, 1, v->traceback.len, stderr);
        return EXIT_FAILED;
    case OUTCOME_RETRY:
        return complain(EXIT_FAILED, "%s asks for a retry: " STR_FMT,
                        r->task.row->def.name, STR_ARG(wr_str(&v->repr)));
    case OUTCOME_IGNORE:
        return complain(EXIT_FAILED, "%s is ignored: nothing would be stored",
                        r->task.row->def.name);
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        break;
    }
    return complain(EXIT_FAILED, "%s rejects its message: it would be %s",
                    r->task.row->def.name,
                    v->outcome == OUTCOME_REJECT ? "dropped" : "put back");
}

static int run_task(struct run *r, const char *name, char **argv)
{
    const struct module_row *row = module_row(&r->table, str_of(name));

    if (!row)
        return complain(EXIT_USAGE,
                        "the plugin has no task '%s': petiole run PLUGIN "
                        "lists those it has",
                        name);
    r->task.message.task = row->name;
    if (!read_arguments(r, row, argv) || !task_begin(&r->task, row))
        return complain(EXIT_FAILED, "out of memory for the arguments");
    arm_soft_limit(r->soft_limit_s);
    task_run(&r->task);
    verdict_read(&r->verdict, &r->task);
    return report(r);
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
static int read_options(struct run *r, int argc, char **argv)
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
            r->id = optarg;
        else if (c == 's')
            r->settings_file = optarg;
        else if (c == 'l' && read_seconds(optarg, &r->soft_limit_s) != 0)
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
    struct run r = {.id = NULL};
    int rc = read_options(&r, argc, argv);

    if (rc >= 0)
        return rc;
    make_ready(&r);
    rc = load_settings(&r);
    if (rc == EXIT_STOPPED)
        rc = load_plugin(&r, argv[optind]);
    if (rc == EXIT_STOPPED)
        rc = optind + 1 < argc ? run_task(&r, argv[optind + 1], argv + optind + 2)
                               : list_tasks(&r.table);
    release(&r);
    return rc;
}
