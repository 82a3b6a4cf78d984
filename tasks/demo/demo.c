/* SPDX-License-Identifier: Apache-2.0 */
/* demo - the tasks every new author copies, and every test of the worker uses. */
#include "demo.h"

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

/* What the request says under these names. */
static ptl_value *request(ptl_task *t)
{
    const ptl_value *names = ptl_arg_list(t, "names");
    ptl_value *map = ptl_new_map(t, NULL);

    for (size_t i = 0; i < ptl_len(names); i++) {
        const char *name = ptl_str(ptl_at(names, i), NULL);

        if (name)
            ptl_map_set(t, map, name, ptl_request(t, name));
    }
    return map;
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
    {.name = "demo.request",
     .params = "names",
     .run = request,
     .summary = "Fields of its own request"},
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

    /* Tasks that send tasks: send.c. */
    {.name = "demo.send",
     .params = "task args? kwargs? options?",
     .run = demo_send,
     .summary = "Sends a task with apply_async's options, returns its id"},
    {.name = "demo.late_send",
     .params = "task args? kwargs? options?",
     .run = demo_send,
     .flags = PTL_ACKS_LATE,
     .summary = "The same, acknowledged late"},
    {.name = "demo.fan_out",
     .params = "n",
     .run = demo_fan_out,
     .flags = PTL_NO_TRAIL | PTL_ACKS_LATE,
     .summary = "Sends demo.add so many times"},

    /* Tasks that start workflows: workflow.c. */
    {.name = "demo.chain",
     .params = "x",
     .run = demo_chain,
     .summary = "Sends a chain: x + 1 + 2 + 3; returns its last task's id"},
    {.name = "demo.group",
     .params = "n",
     .run = demo_group,
     .summary = "Sends a group that doubles the numbers below n, returns its id"},
    {.name = "demo.chord",
     .params = "n",
     .run = demo_chord,
     .summary = "Sends the same and demo.xsum for the results, returns that one's id"},
    {.name = "demo.apply",
     .params = "sig",
     .run = demo_apply,
     .summary = "Sends the signature, returns the id of what it comes to"},
    {.name = "demo.replace",
     .params = "sig",
     .run = demo_replace,
     .summary = "Is replaced by the signature"},
    {.name = "demo.late_replace",
     .params = "sig",
     .run = demo_replace,
     .flags = PTL_ACKS_LATE,
     .summary = "The same, acknowledged late"},
    {.name = "demo.add_to_chord",
     .params = "sig",
     .run = demo_add_to_chord,
     .summary = "Adds the signature to the chord it is in, returns the id"},
    {.name = "demo.xsum",
     .params = "numbers",
     .run = demo_xsum,
     .summary = "The sum of a list of integers"},

    /* Tasks that fail or try again: again.c, and what the row alone does. */
    {.name = "demo.retry_with",
     .params = "options times? more?",
     .run = demo_retry_with,
     .summary = "Retries with Task.retry's options"},
    {.name = "demo.fail_with",
     .params = "kind args",
     .run = demo_fail_with,
     .throws = "LookupError",
     .summary = "Raises with these arguments; a LookupError is expected"},
    {.name = "demo.reject_for",
     .params = "reason?",
     .run = demo_reject_for,
     .flags = PTL_ACKS_LATE,
     .summary = "Rejects its message and says why"},
    {.name = "demo.autoretry",
     .params = "kind message",
     .run = fail,
     .autoretry_for = "OSError LookupError",
     .dont_autoretry_for = "FileNotFoundError KeyError",
     .retry_backoff_s = 1,
     .retry_backoff_max_s = 2,
     .max_retries = 2,
     .flags = PTL_NO_RETRY_JITTER,
     .summary = "Fails as demo.fail, and tries again after 1 and 2 s"},
    {.name = "demo.autoretry_soon",
     .params = "kind message",
     .run = fail,
     .autoretry_for = "Exception",
     .retry_delay_ms = 10,
     .max_retries = 2,
     .summary = "Fails as demo.fail, and tries again at once"},
    {.name = "demo.quiet",
     .params = "kind message",
     .run = fail,
     .flags = PTL_IGNORE_RESULT | PTL_STORE_ERRORS,
     .summary = "Fails as demo.fail; stores errors alone"},

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
