/* SPDX-License-Identifier: Apache-2.0 */
/* petiole worker - take tasks from a broker and run them. */
#include "../worker.h"
#include "command.h"

#include <stdio.h>

int command_worker(int argc, char **argv)
{
    struct config config;
    struct error e;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            config_print_help(stdout);
            return EXIT_STOPPED;
        }
    if (config_load(&config, argc, argv, &e) < 0) {
        fprintf(stderr, "petiole worker: %s\n", e.msg);
        config_finish(&config);
        return EXIT_USAGE;
    }
    int code = worker_run(&config);
    config_finish(&config);
    return code;
}
