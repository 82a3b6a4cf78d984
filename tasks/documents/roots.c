/* SPDX-License-Identifier: Apache-2.0 */
#include "roots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const setting_of[] = {
    [ROOTS_READ] = "documents.roots",
    [ROOTS_WRITE] = "documents.output_roots",
};

static void close_later(void *fd)
{
    close((int)(intptr_t)fd);
}

bool roots_fail(ptl_task *t, const char *path)
{
    const char *kind = errno == ENOENT    ? "FileNotFoundError"
                       : errno == EACCES  ? "PermissionError"
                       : errno == EPERM   ? "PermissionError"
                       : errno == ENOTDIR ? "NotADirectoryError"
                                          : "OSError";

    ptl_fail(t, kind, "%s: %s", path, strerror(errno));
    return false;
}

/* What is left of path below root: "" for the root itself, NULL if it is not below. */
static const char *below(const char *root, const char *path)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/')
        n--;
    if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    while (path[n] == '/')
        n++;
    return path + n;
}

static const char *root_list(ptl_task *t, enum roots which)
{
    const char *list = ptl_setting(t, setting_of[which]);

    if (!list && which == ROOTS_WRITE)
        list = ptl_setting(t, setting_of[ROOTS_READ]);
    return list && *list ? list : ".";
}

/* The next of a colon-separated list, resolved into `real`; also as it was given. */
static bool next_root(ptl_task *t, const char **list, const char **given,
                      char real[PATH_MAX])
{
    while (**list) {
        size_t n = strcspn(*list, ":");
        *given = ptl_strf(t, "%.*s", (int)n, *list);
        *list += n + ((*list)[n] == ':');
        if (n > 0 && *given && realpath(*given, real))
            return true;
    }
    return false;
}

/* The path with ".", ".." and "//" taken out by their spelling alone. */
static void normalize(ptl_task *t, const char *path, char out[PATH_MAX])
{
    char *copy = path[0] == '/' ? ptl_strf(t, "%s", path) : NULL, *save;
    char here[PATH_MAX];
    size_t n = 0;

    if (!copy && getcwd(here, sizeof(here)))
        copy = ptl_strf(t, "%s/%s", here, path);
    for (char *part = copy ? strtok_r(copy, "/", &save) : NULL; part;
         part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, "..") == 0)
            while (n > 0 && out[--n] != '/')
                ;
        else if (strcmp(part, ".") != 0)
            n += (size_t)snprintf(out + n, PATH_MAX - n, "/%s", part);
        if (n >= PATH_MAX - 1)
            break;
    }
    out[n < PATH_MAX ? n : PATH_MAX - 1] = '\0';
}

/* One folder deeper, without following a link; closes the one above. */
static int step_down(int fd, const char *name, int flags)
{
    int next = openat(fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
    int saved = errno;

    close(fd);
    errno = saved;
    return next;
}

/* Opens what lies below root; its last part with `flags`. -1 with errno set. */
static int walk(const char *root, const char *rest, int flags)
{
    char part[NAME_MAX + 1];
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (fd >= 0) {
        size_t n = strcspn(rest, "/");
        if (n > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, rest, n);
        part[n] = '\0';
        rest += n + strspn(rest + n, "/");
        if (*rest == '\0')
            return step_down(fd, *part ? part : ".", flags);
        fd = step_down(fd, part, O_PATH | O_DIRECTORY);
    }
    return -1;
}

static bool refuse(ptl_task *t, enum roots which, const char *path)
{
    ptl_fail(t, "PermissionError",
             "%s is not below a folder that the setting %s allows; its default is the "
             "worker's working directory",
             path, setting_of[which]);
    return false;
}

/* A path that cannot be resolved: the reason is told only if it lies below a root by
 * its spelling, so that nobody can ask which files exist elsewhere. */
static bool fail_unresolved(ptl_task *t, enum roots which, const char *path)
{
    int saved = errno;
    char real[PATH_MAX], plain[PATH_MAX] = "";
    const char *list = root_list(t, which), *given;

    normalize(t, path, plain);
    while (next_root(t, &list, &given, real))
        if (below(real, plain) || below(given, plain)) {
            errno = saved;
            return roots_fail(t, path);
        }
    return refuse(t, which, path);
}

static bool open_below(ptl_task *t, enum roots which, const char *path, int flags,
                       struct opened *out)
{
    char resolved[PATH_MAX], real[PATH_MAX];
    const char *list = root_list(t, which), *given, *rest = NULL;

    if (!realpath(path, resolved))
        return fail_unresolved(t, which, path);
    while (!rest && next_root(t, &list, &given, real))
        rest = below(real, resolved);
    if (!rest)
        return refuse(t, which, path);
    out->fd = walk(real, rest, flags);
    if (out->fd < 0)
        return roots_fail(t, path);
    out->path = ptl_strf(t, "%s", resolved);
    out->name = out->path ? strrchr(out->path, '/') + 1 : NULL;
    return ptl_defer(t, close_later, (void *)(intptr_t)out->fd) && !ptl_failed(t);
}

bool roots_open_file(ptl_task *t, enum roots which, const char *path,
                     struct opened *file)
{
    struct stat st;

    /* Not to wait for a pipe's writer, nor to become a terminal's owner. */
    if (!open_below(t, which, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, file))
        return false;
    if (fstat(file->fd, &st) < 0)
        return roots_fail(t, path);
    if (!S_ISREG(st.st_mode))
        ptl_fail(t, S_ISDIR(st.st_mode) ? "IsADirectoryError" : "ValueError",
                 "%s is not a regular file", path);
    return !ptl_failed(t);
}

bool roots_open_folder(ptl_task *t, enum roots which, const char *path,
                       struct opened *folder)
{
    return open_below(t, which, path, O_RDONLY | O_DIRECTORY, folder);
}

const char *roots_folder_of(ptl_task *t, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : ptl_strf(t, "%.*s", (int)(slash - path), path);
}
