/* SPDX-License-Identifier: Apache-2.0 */
/* petiole worker - take tasks from a broker and run them. */
#include "../worker.h"
#include "command.h"
#include "daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the program stands: an upgrade puts the new one there. */
static void find_program(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
}

/* The same process and command line, the program anew. Returns only if it cannot. */
static int restart(const struct config *c, const char *program)
{
    size_t n = (size_t)c->argc;
    char **args = calloc(n + 2, sizeof(*args));
    if (!args)
        return EXIT_FAILED;
    args[0] = (char *)(uintptr_t) "petiole";
    memcpy(args + 1, c->argv, n * sizeof(*args));
    daemon_mark_restart();
    if (c->first_folder > 0 && fchdir(c->first_folder) < 0)
        log_complain("cannot return to the first folder: %s", strerror(errno));
    execv(program, args);
    execv("/proc/self/exe", args); /* it was removed from the disk */
    log_complain("cannot restart %s: %s", program, strerror(errno));
    free(args);
    return EXIT_FAILED;
}

static bool asks_for_all(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help-all") == 0)
            return true;
    return false;
}

static int print_all(void)
{
    printf("usage: petiole worker %s\n", command_worker.usage);
    config_print_options(stdout, true);
    putchar('\n');
    config_print_settings(stdout);
    return EXIT_STOPPED;
}

/* Settings that are refused may be refused before this option is read. */
static bool asks_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool is_next = strcmp(argv[i], "--log-format") == 0 && i + 1 < argc;
        if (strcmp(argv[i], "--log-format=json") == 0 ||
            (is_next && strcmp(argv[i + 1], "json") == 0))
            return true;
    }
    return false;
}

static void complain_of_settings(const struct config *c, int argc, char **argv,
                                 const struct error *e)
{
    log_configure(&(struct log_options){.json = c->log_shape == CONFIG_LOG_JSON ||
                                                asks_for_json(argc, argv),
                                        .fd = STDERR_FILENO});
    log_complain("%s", e->msg);
}

static int run(int argc, char **argv)
{
    struct config config;
    char program[PATH_MAX];
    struct error e;

    if (asks_for_all(argc, argv))
        return print_all();
    find_program(program);
    if (config_load(&config, argc, argv, &e) < 0 ||
        config_check_worker(&config, &e) < 0) {
        complain_of_settings(&config, argc, argv, &e);
        config_finish(&config);
        return EXIT_USAGE;
    }
    int code = daemon_enter(&config);
    if (code == DAEMON_GO_ON) {
        code = worker_run(&config);
        if (code == WORKER_RESTART)
            code = restart(&config, program);
        daemon_leave(&config);
    }
    config_finish(&config);
    return code;
}

static const struct command_option options[] = {
    {"help-all", 0, NULL, "all options, and all settings of the --config file",
     .offset = 0}, /* command_read is not asked: it is a worker's help */
    {0},
};

const struct command command_worker = {
    .name = "worker",
    .run = run,
    .summary = "take tasks from a broker and run them",
    .usage = "-A PLUGIN,... [OPTIONS] [-- SETTING=VALUE...]",
    .about = "Takes messages of Celery's producers and runs the handlers of plugins.",
    .options = options,
    .settings = "*",
    .exits = "0 stopped; 1 stopped at once, or not started; 64 the command line is "
             "wrong; 73 the pid file names a live process",
    .examples = "petiole worker -A demo -b redis://localhost -l INFO",
};
