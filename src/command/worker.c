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
        fprintf(stderr, "petiole worker: cannot return to the first folder: %s\n",
                strerror(errno));
    execv(program, args);
    execv("/proc/self/exe", args); /* it was removed from the disk */
    fprintf(stderr, "petiole worker: cannot restart %s: %s\n", program,
            strerror(errno));
    free(args);
    return EXIT_FAILED;
}

static bool asks_for(int argc, char **argv, const char *option, const char *letter)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0 || strcmp(argv[i], letter) == 0)
            return true;
    return false;
}

int command_worker(int argc, char **argv)
{
    struct config config;
    char program[PATH_MAX];
    struct error e;

    if (asks_for(argc, argv, "--help", "-h")) {
        config_print_help(stdout);
        return EXIT_STOPPED;
    }
    find_program(program);
    if (config_load(&config, argc, argv, &e) < 0 ||
        config_check_worker(&config, &e) < 0) {
        fprintf(stderr, "petiole worker: %s\n", e.msg);
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
