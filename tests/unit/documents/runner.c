/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_S 100
#define ARGUMENTS 16

static char folder[PATH_MAX];
static char variables[16][64];
static int nvariables;

int folder_enter(void **state)
{
    char made[] = "/tmp/petiole-documents-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(made));
    assert_non_null(realpath(made, folder));
    return chdir(folder);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int folder_leave(void **state)
{
    (void)state;
    while (nvariables > 0)
        unsetenv(variables[--nvariables]);
    assert_int_equal(chdir("/"), 0);
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_path(void)
{
    return folder;
}

void set(const char *assignment)
{
    size_t n = strcspn(assignment, "=");

    snprintf(variables[nvariables], sizeof(variables[0]), "%.*s", (int)n, assignment);
    assert_int_equal(setenv(variables[nvariables++], assignment + n + 1, 1), 0);
}

void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static char *read_all(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);

    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    text[size] = '\0';
    close(fd);
    return text;
}

const char *read_text(struct outcome *o, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        fail_msg("%s is missing", path);
    char *text = read_all(fd);
    const char *copy = arena_copy(&o->arena, str_of(text)).p;
    free(text);
    return copy;
}

static const char *tool(const char *variable)
{
    const char *path = getenv(variable);

    if (!path)
        fail_msg("%s is not set: run this through meson test", variable);
    return path;
}

static int start_and_wait(const char **argv, int out, int err)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        alarm(DEADLINE_S); /* kept over exec */
        dup2(out, 1);
        dup2(err, 2);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("%s %s was killed by signal %d", argv[1], argv[3], WTERMSIG(status));
    return WEXITSTATUS(status);
}

void run(struct outcome *o, const char *task, ...)
{
    const char *argv[ARGUMENTS] = {tool("TEST_PETIOLE"), "run", tool("TEST_PLUGIN"),
                                   task};
    struct json_error error;
    va_list arguments;

    outcome_finish(o);
    va_start(arguments, task);
    for (int i = 4; i < ARGUMENTS && (argv[i] = va_arg(arguments, const char *)); i++)
        ;
    va_end(arguments);
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    o->succeeded = start_and_wait(argv, out, err) == 0;
    o->out = read_all(out);
    o->err = read_all(err);
    arena_init(&o->arena, (size_t)256 << 20);
    if (o->succeeded)
        o->result = json_read(&o->arena, str_of(o->out), JSON_COPY_STRINGS,
                              &json_default_limits, &error);
}

void outcome_finish(struct outcome *o)
{
    free(o->out);
    free(o->err);
    arena_finish(&o->arena);
    *o = (struct outcome){0};
}

void expect_success(const struct outcome *o)
{
    if (!o->succeeded)
        fail_msg("%s", o->err);
    assert_non_null(o->result);
}

/* The traceback's last line is "ValueError: message". */
void expect_failure(const struct outcome *o, const char *exception, const char *words)
{
    char start[96];

    snprintf(start, sizeof(start), "\n%s: ", exception);
    const char *line = strstr(o->err, start);
    if (o->succeeded || !line || !strstr(line, words))
        fail_msg("expected %s with '%s', got %s%s", exception, words, o->out, o->err);
    if (strchr(line + 1, '\n') != line + strlen(line) - 1)
        fail_msg("the message has more than one line: %s", o->err);
}

int64_t result_int(const struct outcome *o, const char *key)
{
    const ptl_value *v = value_get(o->result, key);

    assert_int_equal(value_kind(v), PTL_INT);
    return value_as_int(v, 0);
}

const char *result_text(const struct outcome *o, const char *key)
{
    return value_as_str(value_get(o->result, key)).p;
}

const ptl_value *read_json(struct outcome *o, const char *path)
{
    struct json_error error;
    const char *text = read_text(o, path);
    const ptl_value *v = json_read(&o->arena, str_of(text), JSON_COPY_STRINGS,
                                   &json_default_limits, &error);

    if (!v)
        fail_msg("%s: %s at byte %zu", path, error.what, error.offset);
    return v;
}

static bool has_asset(const char *file)
{
    char path[PATH_MAX];
    const char *assets = getenv("PETIOLE_ASSETS"), *data = getenv("XDG_DATA_HOME"),
               *home = getenv("HOME");

    if (assets && *assets)
        snprintf(path, sizeof(path), "%s/%s", assets, file);
    else if (data && *data)
        snprintf(path, sizeof(path), "%s/petiole/%s", data, file);
    else
        snprintf(path, sizeof(path), "%s/.local/share/petiole/%s", home ? home : "",
                 file);
    if (access(path, R_OK) == 0)
        return true;
    print_message("skipped: %s is missing; scripts/assets fetches it\n", path);
    return false;
}

void need_vocabulary(void)
{
    if (!has_asset("cl100k_base.ptlv"))
        skip();
}

void need_model(void)
{
    if (!has_asset("all-minilm-l6-v2.ptlm"))
        skip();
}
