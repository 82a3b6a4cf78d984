/* SPDX-License-Identifier: Apache-2.0 */
#include "loadable.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beside the program in a build tree; else where it was installed. */
static void *open_beside(const char *file, const char *below)
{
    char path[PATH_MAX + 128];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    for (int up = 0; up < (*below ? 2 : 1); up++) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return NULL;
        *slash = '\0';
    }
    n = (ssize_t)strlen(path);
    snprintf(path + n, sizeof(path) - (size_t)n, "%s/%s", below, file);
    return access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static void *open_installed(const char *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", PTL_LIBEXECDIR, file);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *open_file(const struct loadable *so)
{
    const char *named = getenv(so->variable);
    if (named)
        return dlopen(named, RTLD_NOW | RTLD_LOCAL);
    void *object = open_beside(so->file, "");
    if (!object)
        object = open_beside(so->file, "/libexec/petiole");
    return object ? object : open_installed(so->file);
}

const void *loadable_open(const struct loadable *so, struct error *e)
{
    void *object = open_file(so);
    if (!object) {
        const char *why = dlerror();
        error_set(e, ENOENT, "%s needs %s/%s, which is built with -D%s=enabled: %.200s",
                  so->purpose, PTL_LIBEXECDIR, so->file, so->feature,
                  why ? why : "it is not there");
        return NULL;
    }
    const unsigned *found = dlsym(object, so->symbol);
    if (!found || *found != so->abi) {
        error_set(e, EINVAL, "%s is of another version of petiole", so->file);
        return NULL;
    }
    return found;
}
