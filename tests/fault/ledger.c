/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - a task that writes down when it starts and when it ends, so that a test
 * can count what a crash lost and what it repeated. */
#include <petiole/task.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One write of one short line to a file opened for appending is never torn. */
static bool note(ptl_task *t, const char *path, const char *what, const char *name)
{
    const char *line = ptl_strf(t, "%s %s\n", what, name);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    bool written =
        fd >= 0 && line && write(fd, line, strlen(line)) == (ssize_t)strlen(line);

    if (!written)
        ptl_fail(t, "OSError", "cannot write to the ledger %s: %s", path,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
    return written;
}

static ptl_value *work(ptl_task *t)
{
    const char *path = ptl_arg_str(t, "path"), *name = ptl_arg_str(t, "name");
    int64_t ms = ptl_arg_int_or(t, "milliseconds", 0);
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ptl_failed(t) || !note(t, path, "start", name))
        return NULL;
    nanosleep(&pause, NULL);
    return note(t, path, "end", name) ? ptl_new_str(t, name) : NULL;
}

/* Never succeeds: its row has Celery's three retries. */
static ptl_value *give_up(ptl_task *t)
{
    double countdown_s = ptl_arg_float(t, "countdown");

    return ptl_failed(t) ? NULL : ptl_retry(t, countdown_s, "never");
}

static const ptl_def tasks[] = {
    {.name = "ledger.give_up",
     .params = "countdown",
     .run = give_up,
     .summary = "Retries until it may not"},
    {.name = "ledger.work",
     .params = "path name milliseconds?",
     .run = work,
     .summary = "Works, and leaves a trace of it"},
};

PTL_MODULE("ledger", tasks);
