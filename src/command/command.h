/* SPDX-License-Identifier: Apache-2.0 */
/* command - what follows `petiole` on the command line, one file per subcommand. */
#ifndef PETIOLE_COMMAND_H
#define PETIOLE_COMMAND_H

/* Celery's exit codes, as shell scripts know them. */
enum {
    EXIT_STOPPED = 0,   /* warm stop */
    EXIT_FAILED = 1,    /* cold stop, or could not start */
    EXIT_USAGE = 64,    /* the command line is wrong */
    EXIT_NO_REPLY = 69, /* nobody answered */
    EXIT_PIDFILE = 73,  /* the pid file names a live process */
};

/* Each gets its own name as argv[0] and returns the exit code. */
int command_worker(int argc, char **argv);
int command_run(int argc, char **argv);

#endif
