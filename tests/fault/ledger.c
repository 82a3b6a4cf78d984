/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - tasks that write down when they start and when they end, and in which
 * process, so that a test can count what a crash lost and what it repeated; and one
 * that does what no handler should. */
#include <petiole/task.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The id of the task, and the tag that its message was given when it was published: a
 * message that is delivered again keeps it, one that is published again has another.
 * One write of one short line to a file opened for appending is never torn. */
static bool note(ptl_task *t, const char *path, const char *what, const char *name)
{
    const char *tag =
        ptl_str(ptl_get(ptl_request(t, "properties"), "delivery_tag"), NULL);
    const char *line = ptl_strf(t, "%s %s %d %s %s\n", what, name, (int)getpid(),
                                ptl_task_id(t), tag ? tag : "-");
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

/* False, and nothing is to be returned, if that failed. */
static bool done_and_noted(ptl_task *t)
{
    const char *path = ptl_arg_str(t, "path"), *name = ptl_arg_str(t, "name");
    int64_t ms = ptl_arg_int_or(t, "milliseconds", 0);
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ptl_failed(t) || !note(t, path, "start", name))
        return false;
    nanosleep(&pause, NULL);
    return note(t, path, "end", name);
}

static ptl_value *work(ptl_task *t)
{
    return done_and_noted(t) ? ptl_new_str(t, ptl_arg_str(t, "name")) : NULL;
}

/* A link of a chain counts up what the one before made; anything else passes through.
 */
static ptl_value *step(ptl_task *t)
{
    const ptl_value *value = ptl_arg_value(t, "value");

    if (!done_and_noted(t))
        return NULL;
    return ptl_kind_of(value) == PTL_INT ? ptl_new_int(t, ptl_int(value) + 1)
                                         : (ptl_value *)value;
}

static ptl_value *stumble(ptl_task *t)
{
    return done_and_noted(t) ? ptl_fail(t, "ValueError", "%s", ptl_arg_str(t, "name"))
                             : NULL;
}

/* Never succeeds: its row has Celery's three retries. */
static ptl_value *give_up(ptl_task *t)
{
    double countdown_s = ptl_arg_float(t, "countdown");

    return ptl_failed(t) ? NULL : ptl_retry(t, countdown_s, "never");
}

/* ---- what no handler should do ------------------------------------------------ */

static void never_return(ptl_task *t)
{
    (void)t;
    for (;;)
        pause();
}

static void block_all_signals(ptl_task *t)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    never_return(t);
}

static void close_every_descriptor(ptl_task *t)
{
    (void)t;
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
}

static void write_into_every_descriptor(ptl_task *t)
{
    (void)t;
    for (int fd = 3; fd < 1024; fd++)
        if (write(fd, "rubbish, not a frame", 20) < 0)
            continue;
}

static void fork_a_sleeper(ptl_task *t)
{
    if (fork() == 0)
        never_return(t);
}

/* Two processes return from the handler: only one may speak for the task. */
static void return_twice(ptl_task *t)
{
    (void)t;
    if (fork() < 0)
        abort();
}

/* In a session of its own, holding all that the child held. */
static void fork_a_daemon(ptl_task *t)
{
    if (fork() > 0)
        return;
    setsid();
    if (fork() > 0)
        _exit(EXIT_SUCCESS);
    alarm(60); /* nobody else ends it */
    never_return(t);
}

static void change_group(ptl_task *t)
{
    (void)t;
    if (setpgid(0, getppid()) == 0 || setsid() > 0)
        abort();
}

static void signal_the_group(ptl_task *t)
{
    (void)t;
    kill(0, SIGTERM);
}

static void leave_well(ptl_task *t)
{
    (void)t;
    exit(EXIT_SUCCESS);
}

static void leave_at_once(ptl_task *t)
{
    (void)t;
    _exit(EXIT_SUCCESS);
}

static void stop_itself(ptl_task *t)
{
    (void)t;
    raise(SIGSTOP);
}

static void exhaust_memory(ptl_task *t)
{
    const struct rlimit least = {64u << 20, 64u << 20};
    setrlimit(RLIMIT_AS, &least);
    while (ptl_alloc(t, 1 << 20))
        continue;
}

static void exhaust_the_heap(ptl_task *t)
{
    const struct rlimit least = {64u << 20, 64u << 20};
    (void)t;
    setrlimit(RLIMIT_AS, &least);
    for (;;)
        memset(malloc(1 << 20), 1, 1 << 20); /* as most programs: unchecked */
}

/* A leak: from now on the process has room to read a large message, but not to decode
 * it. */
static void keep_nearly_all_memory(ptl_task *t)
{
    const struct rlimit least = {64u << 20, 64u << 20};
    const size_t left = 6u << 20;
    void *reserve;

    (void)t;
    setrlimit(RLIMIT_AS, &least);
    reserve = mmap(NULL, left, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t size = 1u << 20; size >= 4096; size /= 2)
        while (mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED)
            continue;
    if (reserve != MAP_FAILED)
        munmap(reserve, left);
}

/* The depth is out of reach; to the compiler there is an end. */
static int recurse(volatile int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth < INT_MAX ? recurse(depth + 1) + frame[0] : 0;
}

static void exhaust_the_stack(ptl_task *t)
{
    (void)t;
    exit(recurse(0));
}

static void flood_stdout(ptl_task *t)
{
    (void)t;
    for (int i = 0; i < 20000; i++)
        printf("a line that nobody needs, again and again and again\n");
}

static void flood_the_log(ptl_task *t)
{
    for (int i = 0; i < 20000; i++)
        ptl_log(t, PTL_WARNING, "a line that nobody needs, again and again");
}

static const struct {
    const char *how;
    void (*act)(ptl_task *t);
} misdeeds[] = {
    {"never returns", never_return},
    {"blocks all signals", block_all_signals},
    {"closes every descriptor", close_every_descriptor},
    {"writes into every descriptor", write_into_every_descriptor},
    {"forks", fork_a_sleeper},
    {"returns twice", return_twice},
    {"leaves a daemon", fork_a_daemon},
    {"changes its group", change_group},
    {"signals its group", signal_the_group},
    {"calls exit", leave_well},
    {"calls _exit", leave_at_once},
    {"stops itself", stop_itself},
    {"exhausts its memory", exhaust_memory},
    {"keeps nearly all memory", keep_nearly_all_memory},
    {"exhausts the heap", exhaust_the_heap},
    {"exhausts the stack", exhaust_the_stack},
    {"floods stdout", flood_stdout},
    {"floods the log", flood_the_log},
};

static ptl_value *misbehave(ptl_task *t)
{
    const char *how = ptl_arg_str(t, "how");

    for (size_t i = 0; how && i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++)
        if (strcmp(misdeeds[i].how, how) == 0) {
            misdeeds[i].act(t);
            return ptl_failed(t) ? NULL : ptl_new_str(t, how);
        }
    return ptl_fail(t, "ValueError", "no such misdeed: %s", how ? how : "");
}

static const ptl_def tasks[] = {
    {.name = "ledger.give_up",
     .params = "countdown",
     .run = give_up,
     .summary = "Retries until it may not"},
    {.name = "ledger.misbehave",
     .params = "how",
     .run = misbehave,
     .summary = "Does what no handler should"},
    {.name = "ledger.step",
     .params = "value path name milliseconds?",
     .run = step,
     .summary = "Works with what the task before it made"},
    {.name = "ledger.stumble",
     .params = "path name milliseconds?",
     .run = stumble,
     .summary = "Works, and fails"},
    {.name = "ledger.work",
     .params = "path name milliseconds?",
     .run = work,
     .summary = "Works, and leaves a trace of it"},
};

PTL_MODULE("ledger", tasks);
