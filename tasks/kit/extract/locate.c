/* SPDX-License-Identifier: Apache-2.0 */
#include "locate.h"

#include "helper.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From the directory of the plugin (tasks/documents) or of the program (src) in a
 * build tree; from the program's (bin) where a whole installation was moved. */
static const char *const relative[] = {
    "../kit/extract/" HELPER_PROGRAM,
    "../tasks/kit/extract/" HELPER_PROGRAM,
    "../libexec/petiole/" HELPER_PROGRAM,
};

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool found_from(const char *file, char *path, size_t size)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return false;
    for (size_t i = 0; i < sizeof(relative) / sizeof(relative[0]); i++) {
        int n = snprintf(path, size, "%.*s/%s", (int)(slash - file), file, relative[i]);
        if (n > 0 && (size_t)n < size && is_program(path))
            return true;
    }
    return false;
}

static bool found_from_this_code(char *path, size_t size)
{
    Dl_info here;
    void *code = (void *)(uintptr_t)locate_helper;

    return dladdr(code, &here) && here.dli_fname &&
           found_from(here.dli_fname, path, size);
}

static bool found_from_program(char *path, size_t size)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n <= 0)
        return false;
    program[n] = '\0';
    return found_from(program, path, size);
}

bool locate_helper(char *path, size_t size)
{
    const char *named = getenv("PETIOLE_EXTRACT_HELPER");

    if (named && *named) {
        snprintf(path, size, "%s", named);
        return is_program(path);
    }
    if (found_from_this_code(path, size) || found_from_program(path, size))
        return true;
    snprintf(path, size, "%s", PETIOLE_LIBEXECDIR "/" HELPER_PROGRAM);
    return is_program(path);
}
