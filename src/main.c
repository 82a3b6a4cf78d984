/* SPDX-License-Identifier: Apache-2.0 */
/* petiole - a Celery worker. */
#include "child/child.h"
#include "command/command.h"
#include "config.h"
#include "nearest.h"

#include <stdlib.h>
#include <string.h>

static int usage(FILE *to)
{
    const struct command *c;
    fprintf(to,
            "usage: petiole COMMAND [OPTIONS]\n\n"
            "A Celery worker whose tasks are written in C, and what goes with it.\n\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        fprintf(to, "  %-8s %s\n", c->name, c->summary);
    fprintf(to,
            "\n"
            "  -A, -b and other options of a worker may stand before COMMAND, too.\n"
            "  --version     the version\n\n"
            "petiole COMMAND --help tells more about one of them; so does\n"
            "man petiole-COMMAND.\n");
    return to == stdout ? EXIT_STOPPED : EXIT_USAGE;
}

static int refuse(const char *name)
{
    const struct command *c;
    struct nearest n = nearest_to(name);
    for (size_t i = 0; (c = command_at(i)); i++)
        nearest_try(&n, c->name);
    const char *found = nearest_found(&n);
    if (found)
        return command_complain(EXIT_USAGE, "petiole",
                                "unknown command '%.60s': did you mean '%s'?", name,
                                found);
    return command_complain(EXIT_USAGE, "petiole",
                            "unknown command '%.60s': petiole --help lists them", name);
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

static int run(const struct command *command, int argc, char **argv)
{
    if (!command_asks_for_help(command, argc, argv))
        return command->run(argc, argv);
    command_print_help(command, stdout);
    return EXIT_STOPPED;
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
    if (argc == 1)
        return usage(stderr);
    int leading = count_leading_options(argc, argv);
    if (1 + leading < argc)
        put_command_first(argv, leading);
    const struct command *command = command_find(argv[1]);
    return command ? run(command, argc - 1, argv + 1) : refuse(argv[1]);
}
