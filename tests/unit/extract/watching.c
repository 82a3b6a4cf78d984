/* SPDX-License-Identifier: Apache-2.0 */
#include "watching.h"

#include "../../../tasks/kit/extract/extract.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_MS (10 * 1000)

/* The one child of this process, or 0. */
static pid_t only_child(void)
{
    char path[64];
    pid_t child = 0;
    FILE *children;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    children = fopen(path, "r");
    if (!children)
        return 0;
    if (fscanf(children, "%d", &child) != 1)
        child = 0;
    fclose(children);
    return child;
}

static bool is_in_sight(pid_t pid, struct sight *s)
{
    char path[64];
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, s->file);
    file = pid ? fopen(path, "r") : NULL;
    if (!file)
        return false;
    n = fread(s->seen, 1, sizeof s->seen - 1, file);
    s->seen[n] = '\0';
    fclose(file);
    return strstr(s->seen, s->words) != NULL;
}

static bool cancel_when_seen(void *sight)
{
    return is_in_sight(only_child(), sight);
}

bool watch_until(int document, struct sight *s)
{
    struct extract_result r;
    enum extract_status status =
        extract_run(document, EXTRACT_PDF, NULL, cancel_when_seen, s, &r);

    extract_result_finish(&r);
    return status == EXTRACT_CANCELLED;
}

struct report {
    struct sight *sight;
    int pipe; /* -1 once the helper's id has been sent */
};

static bool report_when_seen(void *ctx)
{
    struct report *r = ctx;
    pid_t helper = only_child();

    if (r->pipe >= 0 && is_in_sight(helper, r->sight) &&
        write(r->pipe, &helper, sizeof helper) == sizeof helper)
        r->pipe = -1;
    return false;
}

static bool ends_soon(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return poll(&end, 1, SOON_MS) == 1;
}

bool helper_dies_with_handler(int document, struct sight *s)
{
    int ends[2], pidfd;
    bool alive, gone;
    pid_t handler, helper = 0;

    if (pipe(ends) != 0)
        return false;
    handler = fork();
    if (handler == 0) {
        struct report r = {.sight = s, .pipe = ends[1]};
        struct extract_result result;
        _exit((int)extract_run(document, EXTRACT_PDF, NULL, report_when_seen, &r,
                               &result));
    }
    close(ends[1]);
    alive = read(ends[0], &helper, sizeof helper) == sizeof helper;
    close(ends[0]);
    pidfd = alive ? (int)syscall(SYS_pidfd_open, helper, 0u) : -1;
    kill(handler, SIGKILL);
    gone = pidfd >= 0 && ends_soon(pidfd);
    close(pidfd);
    waitpid(handler, NULL, 0);
    return gone;
}
