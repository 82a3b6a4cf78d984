/* SPDX-License-Identifier: Apache-2.0 */
/* expect - runs a command and checks its exit code and what it prints.
 *
 *     expect [--exit N] [--stdout TEXT] [--stderr TEXT]... -- COMMAND ARGUMENT...
 *
 * Standard output must be TEXT and a line end (nothing, unless it is given); standard
 * error must hold each TEXT. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_BYTES 65536
#define MAX_TEXTS 8

struct expectation {
    int code;
    const char *out;
    const char *err[MAX_TEXTS];
    size_t nerr;
};

static char **read_options(struct expectation *e, char **argv)
{
    for (argv++; *argv && argv[1] && strcmp(*argv, "--") != 0; argv += 2) {
        if (strcmp(*argv, "--exit") == 0)
            e->code = atoi(argv[1]);
        else if (strcmp(*argv, "--stdout") == 0)
            e->out = argv[1];
        else if (strcmp(*argv, "--stderr") == 0 && e->nerr < MAX_TEXTS)
            e->err[e->nerr++] = argv[1];
        else
            return NULL;
    }
    return *argv && argv[1] ? argv + 1 : NULL;
}

static FILE *capture(void)
{
    FILE *f = tmpfile();

    if (!f) {
        perror("expect: tmpfile");
        exit(2);
    }
    return f;
}

static int run(char **command, FILE *out, FILE *err)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        execv(command[0], command);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *read_back(FILE *f, char text[OUTPUT_BYTES])
{
    rewind(f);
    text[fread(text, 1, OUTPUT_BYTES - 1, f)] = '\0';
    fclose(f);
    return text;
}

static bool is_line(const char *text, const char *expected)
{
    size_t n = strlen(expected);

    return strncmp(text, expected, n) == 0 && strcmp(text + n, "\n") == 0;
}

static bool holds(const struct expectation *e, int code, const char *out,
                  const char *err)
{
    bool held = code == e->code && (e->out ? is_line(out, e->out) : !*out);

    for (size_t i = 0; i < e->nerr; i++)
        held = held && strstr(err, e->err[i]);
    return held && (e->nerr > 0 || !*err);
}

int main(int argc, char **argv)
{
    static char out_text[OUTPUT_BYTES], err_text[OUTPUT_BYTES];
    struct expectation e = {0};
    char **command = argc > 1 ? read_options(&e, argv) : NULL;
    FILE *out = capture(), *err = capture();
    int code;

    if (!command) {
        fprintf(stderr, "expect: no command\n");
        return 2;
    }
    code = run(command, out, err);
    read_back(out, out_text);
    read_back(err, err_text);
    if (holds(&e, code, out_text, err_text))
        return 0;
    printf("exit %d\nstdout: %s\nstderr: %s\n", code, out_text, err_text);
    return 1;
}
