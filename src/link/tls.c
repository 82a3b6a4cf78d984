/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "tls.so"

/* Beside the program in a build tree; else where it was installed. */
static void *open_beside(const char *below)
{
    char path[PATH_MAX + 64];
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
    snprintf(path + n, sizeof(path) - (size_t)n, "%s/" FILE_NAME, below);
    return access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static void *open_module(void)
{
    const char *named = getenv("PETIOLE_TLS_MODULE");
    if (named)
        return dlopen(named, RTLD_NOW | RTLD_LOCAL);
    void *module = open_beside("");
    if (!module)
        module = open_beside("/libexec/petiole");
    return module ? module
                  : dlopen(PTL_LIBEXECDIR "/" FILE_NAME, RTLD_NOW | RTLD_LOCAL);
}

const struct tls_ops *tls_load(struct error *e)
{
    static const struct tls_ops *ops;
    if (ops)
        return ops;
    void *module = open_module();
    if (!module) {
        const char *why = dlerror();
        error_set(e, ENOENT,
                  "TLS needs %s/" FILE_NAME
                  ", which is built with -Dtls=enabled: %.200s",
                  PTL_LIBEXECDIR, why ? why : "it is not there");
        return NULL;
    }
    const struct tls_ops *found = dlsym(module, TLS_SYMBOL);
    if (!found || found->abi != TLS_ABI) {
        error_set(e, EINVAL, FILE_NAME " is of another version of petiole");
        return NULL;
    }
    ops = found;
    return ops;
}
