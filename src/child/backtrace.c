/* SPDX-License-Identifier: Apache-2.0 */
#include "backtrace.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#define FRAMES_MAX 64

static void write_text(const char *text, size_t n)
{
    if (write(STDERR_FILENO, text, n) < 0)
        return; /* nobody reads: there is no one to tell */
}

static void write_frames(int signo)
{
    static const char head[] = "backtrace of the running handler:\n";
    static const char tail[] = "end of backtrace\n";
    void *frames[FRAMES_MAX];
    int saved = errno;

    (void)signo;
    write_text(head, sizeof(head) - 1);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    write_text(tail, sizeof(tail) - 1);
    errno = saved;
}

void backtrace_install(void)
{
    struct sigaction sa = {.sa_handler = write_frames, .sa_flags = SA_RESTART};
    void *frame;

    backtrace(&frame, 1); /* loads libgcc, which a signal handler must not */
    sigemptyset(&sa.sa_mask);
    sigaction(SIGUSR2, &sa, NULL);
}
