/* SPDX-License-Identifier: Apache-2.0 */
#include "pidfile.h"

#include "../log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pid in the file; 0 if it holds none, -1 if there is no such file. */
static long read_pid(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -1 : 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 && pid <= INT_MAX ? pid : 0;
}

static bool is_alive(long pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static int write_pid(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    int r = dprintf(fd, "%d\n", (int)getpid()) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* Takes away a file that held a dead process's pid, and no other: if somebody replaced
 * it meanwhile, it goes back. */
static int remove_stale(const char *path, long pid, struct error *e)
{
    char taken[PATH_MAX];
    if (snprintf(taken, sizeof(taken), "%s.%d.old", path, (int)getpid()) >=
        (int)sizeof(taken))
        return error_set(e, ENAMETOOLONG, "the pidfile's name is too long");
    if (rename(path, taken) < 0)
        return errno == ENOENT ? 0
                               : error_set(e, EACCES, "cannot replace pidfile %s: %s",
                                           path, strerror(errno));
    if (read_pid(taken) != pid && link(taken, path) < 0)
        return error_set(e, EEXIST, "pidfile %s changes while it is looked at", path);
    unlink(taken);
    return 0;
}

/* Is there one, and who holds it? 0: nobody any more, and it is out of the way. */
static int clear_way(const char *path, struct error *e)
{
    long pid = read_pid(path);
    if (pid > 0 && pid != (long)getpid() && is_alive(pid))
        return error_set(e, EEXIST,
                         "pidfile %s already exists: seems we're already running? "
                         "(pid: %ld)",
                         path, pid);
    if (pid < 0)
        return 0;
    if (pid != (long)getpid())
        log_complain("Stale pidfile exists - Removing it.");
    return remove_stale(path, pid, e);
}

int pidfile_acquire(const char *path, struct error *e)
{
    char made[PATH_MAX];
    int r = 0;
    if (snprintf(made, sizeof(made), "%s.%d", path, (int)getpid()) >= (int)sizeof(made))
        return error_set(e, ENAMETOOLONG, "the pidfile's name is too long");
    if ((r = write_pid(made)) < 0)
        return error_set(e, -r, "cannot write pidfile %s: %s", path, strerror(-r));
    for (int tries = 0; tries < 3; tries++) {
        if ((r = clear_way(path, e)) < 0 || link(made, path) == 0)
            break;
        r = error_set(e, errno == EEXIST ? EIO : errno, "cannot make pidfile %s: %s",
                      path, strerror(errno));
    }
    unlink(made);
    return r;
}

void pidfile_release(const char *path)
{
    if (read_pid(path) == (long)getpid())
        unlink(path);
}
