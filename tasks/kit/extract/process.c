/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS 100 /* how often `cancelled` is asked */
#define WITHOUT_PIDFD_MS                                                               \
    10 /* how often a process is looked for where there is none                        \
        */
#define READ_SIZE (64 * 1024)
#define UNKNOWN_STATUS (255 << 8) /* as of a process that exits with 255 */

/* A running process; a descriptor is -1 once it is done with. */
struct watch {
    pid_t pid;
    int out, err, pidfd;
    int64_t deadline_ms, ask_at_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Default action for every signal, none blocked, whatever the caller made of its own.
 */
static int clean_start(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    short flags =
        POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    int failed;

    sigfillset(&all);
    sigemptyset(&none);
    failed = posix_spawnattr_setsigdefault(attributes, &all);
    failed = failed ? failed : posix_spawnattr_setsigmask(attributes, &none);
    failed = failed ? failed : posix_spawnattr_setpgroup(attributes, 0);
    return failed ? failed : posix_spawnattr_setflags(attributes, flags);
}

static int connect_standard(posix_spawn_file_actions_t *actions, int in, int out,
                            int err)
{
    int failed = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

    failed =
        failed ? failed : posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    failed =
        failed ? failed : posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
    return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int spawn(const struct process *p, int out, int err, pid_t *pid)
{
    char *const no_environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);

    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = connect_standard(&actions, p->input, out, err);
        failed = failed ? failed : clean_start(&attributes);
        failed = failed ? failed
                        : posix_spawn(pid, p->path, &actions, &attributes,
                                      (char *const *)p->argv, no_environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* A handler may have closed its standard descriptors; in their place a pipe would be
 * overwritten while the helper's own are put there. */
static int move_above_standard(int *fd)
{
    int moved = *fd;

    if (*fd <= STDERR_FILENO) {
        moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close_if_open(fd);
        *fd = moved;
    }
    return moved < 0 ? -1 : 0;
}

static int open_pipe(int *reading, int *writing)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    *reading = ends[0];
    *writing = ends[1];
    if (move_above_standard(reading) != 0 || move_above_standard(writing) != 0)
        return -1;
    return fcntl(*reading, F_SETFL, O_NONBLOCK);
}

/* 0 or an errno. */
static int start(const struct process *p, struct watch *w)
{
    int out = -1, err = -1, failed;

    if (open_pipe(&w->out, &out) != 0 || open_pipe(&w->err, &err) != 0)
        failed = errno;
    else
        failed = spawn(p, out, err, &w->pid);
    close_if_open(&out);
    close_if_open(&err);
    if (failed)
        return failed;
    w->deadline_ms = now_ms() + p->wall_ms;
    w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0u);
    return 0;
}

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Not 0 if the taker wants no more. */
static int read_output(struct process *p, struct watch *w)
{
    char bytes[READ_SIZE];
    ssize_t n = read(w->out, bytes, sizeof bytes);

    if (n > 0)
        return p->take(p->take_ctx, bytes, (size_t)n);
    if (!would_block(n))
        close_if_open(&w->out);
    return 0;
}

/* Only the beginning is kept; the rest is read so that the helper can go on. */
static void read_complaints(struct process *p, struct watch *w)
{
    char bytes[4096];
    ssize_t n = read(w->err, bytes, sizeof bytes);
    size_t room = sizeof p->said - 1 - p->said_len;

    if (n > 0) {
        size_t kept = (size_t)n < room ? (size_t)n : room;
        memcpy(p->said + p->said_len, bytes, kept);
        p->said_len += kept;
        p->said[p->said_len] = '\0';
    } else if (!would_block(n)) {
        close_if_open(&w->err);
    }
}

static int timeout_ms(const struct process *p, const struct watch *w)
{
    int64_t left = w->deadline_ms - now_ms();
    int most = p->cancelled ? ASK_MS : INT32_MAX;

    if (w->pidfd < 0 && w->out < 0 && w->err < 0)
        most = WITHOUT_PIDFD_MS;
    return left < 0 ? 0 : left < most ? (int)left : most;
}

/* The process is gone and everything it wrote has been read. A process may close its
 * output and live on, so the end of the output alone is no end. */
static bool has_ended(struct watch *w, bool gone, int *status)
{
    if (w->out >= 0 || w->err >= 0 || (w->pidfd >= 0 && !gone))
        return false;
    pid_t reaped = waitpid(w->pid, status, WNOHANG);
    if (reaped == 0)
        return false;
    if (reaped < 0) /* SIGCHLD is ignored here: nobody knows how it ended */
        *status = UNKNOWN_STATUS;
    w->pid = 0;
    return true;
}

static bool is_cancelled(const struct process *p, struct watch *w, bool interrupted)
{
    int64_t now = now_ms();

    if (!p->cancelled || (now < w->ask_at_ms && !interrupted))
        return false;
    w->ask_at_ms = now + ASK_MS;
    return p->cancelled(p->cancelled_ctx);
}

static void set_end(struct process *p, enum process_end end, int code)
{
    p->end = end;
    p->code = code;
}

/* Is there a reason to kill it? */
static bool must_stop(struct process *p, struct watch *w, int refused, bool interrupted)
{
    if (refused)
        set_end(p, PROCESS_REFUSED, refused);
    else if (is_cancelled(p, w, interrupted))
        set_end(p, PROCESS_CANCELLED, 0);
    else if (now_ms() >= w->deadline_ms)
        set_end(p, PROCESS_TIMED_OUT, 0);
    else
        return false;
    return true;
}

static void watch_it(struct process *p, struct watch *w)
{
    bool gone = false;
    int status = 0;

    while (!has_ended(w, gone, &status)) {
        struct pollfd fds[] = {{.fd = w->out, .events = POLLIN},
                               {.fd = w->err, .events = POLLIN},
                               {.fd = gone ? -1 : w->pidfd, .events = POLLIN}};
        int refused = 0, n = poll(fds, 3, timeout_ms(p, w));

        if (n > 0 && fds[0].revents)
            refused = read_output(p, w);
        if (n > 0 && fds[1].revents)
            read_complaints(p, w);
        gone = gone || (n > 0 && fds[2].revents);
        if (must_stop(p, w, refused, n < 0))
            return;
    }
    if (WIFSIGNALED(status))
        set_end(p, PROCESS_SIGNALLED, WTERMSIG(status));
    else
        set_end(p, PROCESS_EXITED, WEXITSTATUS(status));
}

static void kill_and_reap(struct watch *w)
{
    if (w->pid <= 0)
        return;
    kill(-w->pid, SIGKILL);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void process_run(struct process *p)
{
    struct watch w = {.out = -1, .err = -1, .pidfd = -1};
    int failed;

    p->said_len = 0;
    p->said[0] = '\0';
    failed = start(p, &w);
    if (failed)
        set_end(p, PROCESS_NOT_STARTED, failed);
    else
        watch_it(p, &w);
    close_if_open(&w.out);
    close_if_open(&w.err);
    kill_and_reap(&w);
    close_if_open(&w.pidfd);
}
