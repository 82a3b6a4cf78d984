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

/* One line on stderr, behind the command's name; returns the code. */
int command_complain(int code, const char *command, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each gets its own name as argv[0] and returns the exit code. */
int command_worker(int argc, char **argv);
int command_run(int argc, char **argv);
int command_config(int argc, char **argv);
int command_purge(int argc, char **argv);
int command_dead(int argc, char **argv);
int command_drain(int argc, char **argv);
int command_call(int argc, char **argv);

#endif
