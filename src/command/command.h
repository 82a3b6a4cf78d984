/* SPDX-License-Identifier: Apache-2.0 */
/* command - what follows `petiole` on the command line, one file per subcommand.
 *
 * Each file ends with its struct command, which table.c lists. That is where an option
 * is described, once: it is read, shown by --help, printed in the man page and
 * completed by shells from there. A worker's options are the settings' rows (config.h).
 *
 *     static const struct command_option options[] = {
 *         {"force", 'f', NULL, "do not ask", .offset = offsetof(struct purge, force)},
 *         {0},
 *     };
 *     const struct command command_purge = {
 *         .name = "purge", .run = run, .options = options, … };
 */
#ifndef PETIOLE_COMMAND_H
#define PETIOLE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Celery's exit codes, as shell scripts know them. */
enum {
    EXIT_STOPPED = 0,   /* warm stop */
    EXIT_FAILED = 1,    /* cold stop, or could not start */
    EXIT_USAGE = 64,    /* the command line is wrong */
    EXIT_NO_REPLY = 69, /* nobody answered */
    EXIT_PIDFILE = 73,  /* the pid file names a live process */
};

/* One of a command's own options. Beside them every command has -h, --help. */
struct command_option {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    /* What its value is called: FILE and DIR are completed as such. NULL: it is a flag.
     * "[SECONDS]": a number may follow. */
    const char *metavar;
    const char *help;    /* with neither capital nor full stop */
    size_t offset;       /* in what command_read fills: of a const char *, or a bool */
    size_t given;        /* of a "[…]": of the bool that says it was there at all */
    const char *choices; /* for shells: values, separated by spaces; or NULL */
};

/* A word that may come first: a method of `inspect`, the `list` of `dead`. */
struct command_word {
    const char *name;
    const char *arguments; /* "TASK RATE", "[ID...]"; NULL: none */
    const char *help;      /* as an option's */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit code */
    const char *summary;               /* as an option's help */
    const char *usage; /* what may follow the name: one form a line, separated by \n */
    const char *about; /* paragraphs, separated by \n */
    const struct command_word *words; /* up to one without a name; or NULL */
    /* Instead: the words of a table that is described elsewhere. False: no more. */
    bool (*word_at)(size_t i, struct command_word *word);
    const struct command_option *options; /* up to one without a name; or NULL */
    /* It takes a worker's options, too; those that matter here, by their long names,
     * separated by spaces. NULL: it does not. */
    const char *settings;
    bool words_last;      /* behind the first word nothing is an option any more */
    const char *exits;    /* "0 sent; 1 not sent" */
    const char *examples; /* lines of a shell, separated by \n; or NULL */
};

/* All of them; NULL after the last. */
const struct command *command_at(size_t i);
const struct command *command_find(const char *name);

/* Its first words; false: no more. */
bool command_word_at(const struct command *command, size_t i,
                     struct command_word *word);

/* Takes the command's own options, which land in *into, and its words (those without a
 * dash, and all behind "--") out of argv. What stays are a worker's options, for
 * client_open. Returns 0, or EXIT_USAGE after saying why. */
int command_read(const struct command *command, void *into, int *argc, char **argv,
                 const char **words, size_t *nwords, size_t most);
/* Is it one of the command's first words? If not, one line says so, with the nearest;
 * `word` NULL: there was none. Returns EXIT_USAGE. */
bool command_knows_word(const struct command *command, const char *word);
int command_refuse_word(const struct command *command, const char *word);
/* Has it to show its help instead of being run? */
bool command_asks_for_help(const struct command *command, int argc, char **argv);
/* Within 80 columns. */
void command_print_help(const struct command *command, FILE *to);

/* One line on stderr, behind the command's name; returns the code. */
int command_complain(int code, const char *command, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

extern const struct command command_worker, command_config, command_purge, command_dead,
    command_drain, command_call, command_run, command_result, command_list,
    command_report, command_status, command_inspect, command_control, command_events;

#endif
