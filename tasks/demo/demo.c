/* SPDX-License-Identifier: Apache-2.0 */
/* demo - the tasks every new author copies, and every test of the worker uses. */
#include <petiole/task.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Ordinary work ------------------------------------------------------------ */

static ptl_value *add(ptl_task *t)
{
    int64_t x = ptl_arg_int(t, "x"), y = ptl_arg_int(t, "y"), sum;

    if (__builtin_add_overflow(x, y, &sum))
        return ptl_fail(t, "OverflowError", "%" PRId64 " + %" PRId64, x, y);
    return ptl_new_int(t, sum);
}

static ptl_value *echo(ptl_task *t)
{
    return (ptl_value *)ptl_arg_value(t, "value");
}

/* ---- Waiting, and saying how far it is ----------------------------------------- */

/* False if the soft time limit passed meanwhile: its signal ends the nanosleep, and
 * the slices are for a signal that comes between the question and the sleep. */
static bool wait_seconds(ptl_task *t, double seconds)
{
    const double slice_s = 0.2;

    for (; seconds > 0 && !ptl_cancelled(t); seconds -= slice_s) {
        double s = seconds < slice_s ? seconds : slice_s;
        struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)(s * 1e9)};

        nanosleep(&pause, NULL);
    }
    return !ptl_cancelled(t);
}

static ptl_value *sleep_seconds(ptl_task *t)
{
    double seconds = ptl_arg_float(t, "seconds");

    if (ptl_failed(t) || !wait_seconds(t, seconds))
        return NULL;
    return (ptl_value *)ptl_arg_value(t, "seconds");
}

static ptl_value *progress(ptl_task *t)
{
    int64_t steps = ptl_arg_int(t, "steps");
    double seconds = ptl_arg_float(t, "seconds");

    if (ptl_failed(t))
        return NULL;
    for (int64_t i = 1; i <= steps; i++) {
        ptl_log(t, PTL_INFO, "step %" PRId64 " of %" PRId64, i, steps);
        ptl_progress(t, ptl_new_map(t, "current", ptl_new_int(t, i), "total",
                                    ptl_new_int(t, steps), NULL));
        if (!wait_seconds(t, seconds / (double)steps))
            return NULL;
    }
    return ptl_new_int(t, steps);
}

/* ---- Failing in every way ------------------------------------------------------ */

static ptl_value *fail(ptl_task *t)
{
    const char *kind = ptl_arg_str(t, "kind");
    const char *message = ptl_arg_str(t, "message");

    if (ptl_failed(t))
        return NULL;
    return ptl_fail(t, kind, "%s", message);
}

static ptl_value *retry(ptl_task *t)
{
    int64_t times = ptl_arg_int(t, "times");
    double countdown = ptl_arg_float(t, "countdown");

    if (ptl_failed(t))
        return NULL;
    if (ptl_retries(t) < times)
        return ptl_retry(t, countdown, "%" PRId64 " of %" PRId64, ptl_retries(t) + 1,
                         times);
    return ptl_new_int(t, ptl_retries(t));
}

static ptl_value *ignore(ptl_task *t)
{
    return ptl_ignore(t);
}

/* The first delivery goes back to its queue, if asked; the second is accepted. */
static ptl_value *reject(ptl_task *t)
{
    bool requeue = ptl_arg_bool(t, "requeue");

    if (ptl_failed(t) || (requeue && ptl_redelivered(t)))
        return NULL;
    return ptl_reject(t, requeue);
}

/* Takes memory as a leak would, then dies as the kernel's OOM killer would have it:
 * a machine that runs tests should not really be driven out of memory. */
static void run_out_of_memory(void)
{
    const size_t piece = (size_t)16 << 20, most = (size_t)512 << 20;
    char *p;

    for (size_t taken = 0; taken < most && (p = malloc(piece)); taken += piece)
        memset(p, 1, piece);
    raise(SIGKILL);
}

static ptl_value *crash(ptl_task *t)
{
    const char *how = ptl_arg_str(t, "how");

    if (ptl_failed(t))
        return NULL;
    if (strcmp(how, "segfault") == 0)
        raise(SIGSEGV);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        exit(3);
    if (strcmp(how, "oom") == 0)
        run_out_of_memory();
    for (volatile bool forever = true; forever && strcmp(how, "spin") == 0;)
        ; /* deaf to the soft limit: only the hard one ends it */
    return ptl_fail(t, "ValueError", "how to crash: segfault, abort, exit, oom, spin");
}

static const ptl_def tasks[] = {
    {.name = "demo.add", .params = "x y", .run = add, .summary = "x + y"},
    {.name = "demo.echo", .params = "value", .run = echo, .summary = "The value"},
    {.name = "demo.sleep",
     .params = "seconds",
     .run = sleep_seconds,
     .summary = "Waits, and hears the soft time limit"},
    {.name = "demo.progress",
     .params = "steps seconds",
     .run = progress,
     .summary = "Reports PROGRESS at each step"},
    {.name = "demo.fail",
     .params = "kind message",
     .run = fail,
     .summary = "Raises the Python exception of that name"},
    {.name = "demo.retry",
     .params = "times countdown",
     .run = retry,
     .max_retries = PTL_RETRY_FOREVER,
     .summary = "Retries so many times, then returns how many it were"},
    {.name = "demo.ignore", .params = "", .run = ignore, .summary = "Stores nothing"},
    {.name = "demo.reject",
     .params = "requeue",
     .run = reject,
     .flags = PTL_ACKS_LATE,
     .summary = "Rejects its message"},
    {.name = "demo.crash",
     .params = "how",
     .run = crash,
     .summary = "Dies: segfault, abort, exit, oom, spin"},

    /* The same, acknowledged only after the result is stored. */
    {.name = "demo.late_add",
     .params = "x y",
     .run = add,
     .flags = PTL_ACKS_LATE,
     .summary = "x + y, acknowledged late"},
    {.name = "demo.late_sleep",
     .params = "seconds",
     .run = sleep_seconds,
     .flags = PTL_ACKS_LATE | PTL_REJECT_ON_WORKER_LOST,
     .summary = "Waits, acknowledged late; a lost worker puts it back"},
    {.name = "demo.late_crash",
     .params = "how",
     .run = crash,
     .flags = PTL_ACKS_LATE | PTL_REJECT_ON_WORKER_LOST,
     .summary = "Dies, and its message goes back each time"},
};
PTL_MODULE("demo", tasks);
