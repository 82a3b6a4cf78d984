/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Where a handler that opens and closes files does not come by chance. */
#define QUIET_FD 500

static void reset_signals(void)
{
    struct sigaction as_default = {.sa_handler = SIG_DFL};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t none;

    for (int signo = 1; signo < SIGRTMIN; signo++) /* glibc refuses its own two */
        sigaction(signo, &as_default, NULL);
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
        sigaction(signo, &as_default, NULL);
    sigaction(SIGINT, &ignored, NULL);  /* a Ctrl-C is the parent's to interpret */
    sigaction(SIGPIPE, &ignored, NULL); /* a handler whose peer left gets EPIPE */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Programs that a handler starts must not hold the parent's descriptor open either. */
static int move_away(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, QUIET_FD);

    if (moved < 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }
    return moved;
}

static void close_others(int fd)
{
    if (fd > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
}

bool isolate(int *fd, pid_t parent)
{
    setsid(); /* fails only for a process that leads its group already */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        return false;
    reset_signals();
    *fd = move_away(*fd);
    close_others(*fd);
    return true;
}
