/* SPDX-License-Identifier: Apache-2.0 */
/* petiole - a Celery worker. */
#include "child/child.h"
#include "command/command.h"
#include "config.h"
#include "nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"worker", command_worker, "take tasks from a broker and run them"},
    {"config", command_config,
     "settings of a Python application, or a check of a file"},
    {"purge", command_purge, "erase all messages of the queues"},
    {"dead", command_dead, "messages that nobody could run: list, replay, drop"},
    {"drain", command_drain, "leave nothing where only petiole finds it"},
    {"call", command_call, "send a task"},
    {"run", command_run, "run one task in the foreground, without a broker"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to)
{
    fprintf(to, "usage: petiole COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\npetiole COMMAND --help tells more about one of them.\n");
    return to == stdout ? EXIT_STOPPED : EXIT_USAGE;
}

static int refuse(const char *name)
{
    struct nearest n = nearest_to(name);
    for (size_t i = 0; i < COMMANDS; i++)
        nearest_try(&n, commands[i].name);
    const char *found = nearest_found(&n);
    if (found)
        fprintf(stderr, "petiole: unknown command '%s': did you mean '%s'?\n", name,
                found);
    else
        fprintf(stderr, "petiole: unknown command '%s': petiole --help lists them\n",
                name);
    return EXIT_USAGE;
}

/* Celery takes -A, -b and others before the subcommand too: how many words those are.
 */
static int count_leading_options(int argc, char **argv)
{
    int i = 1;
    while (i < argc && argv[i][0] == '-') {
        const struct config_option *o = config_option_of(argv[i]);
        i += o && config_value_follows(o, argv[i]) ? 2 : 1;
    }
    return i - 1 < argc - 1 ? i - 1 : argc - 1;
}

/* Moves the command's name in front of the options that stand before it. */
static void put_command_first(char **argv, int leading)
{
    char *command = argv[1 + leading];
    memmove(argv + 2, argv + 1, (size_t)leading * sizeof(*argv));
    argv[1] = command;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "child") == 0) /* only ever started by a worker */
        return child_main(atoi(argv[2]), atoi(argv[3]));
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("petiole %s\n", PTL_VERSION);
        return EXIT_STOPPED;
    }
    int leading = count_leading_options(argc, argv);
    if (1 + leading < argc)
        put_command_first(argv, leading);
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return argc > 1 ? refuse(argv[1]) : usage(stderr);
}
