/* SPDX-License-Identifier: Apache-2.0 */
/* What a converter can do once a hostile document has taken it over: the probe, behind
 * the same sandbox as the helper, tries it. */
#include "../../../tasks/kit/extract/extract.h"

#include "documents.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* With EXTRACT_PDF the probe has what a converter has, with EXTRACT_TEXT what the
 * reading of a text file has: less. */
static enum extract_status give_order(const char *order, enum extract_format format,
                                      const struct extract_limits *limits,
                                      struct extract_result *r)
{
    int fd = document_of_string(order);
    enum extract_status status = extract_run(fd, format, limits, NULL, NULL, r);

    close(fd);
    return status;
}

static void expect_end(const char *order, const struct extract_limits *limits,
                       enum extract_status status, const char *words)
{
    struct extract_result r;
    enum extract_status got = give_order(order, EXTRACT_PDF, limits, &r);

    if (got != status || !strstr(r.why, words))
        fail_msg("%s: status %d, why \"%s\", text \"%s\"", order, got, r.why,
                 r.text ? r.text : "");
    extract_result_finish(&r);
}

static void expect_line(const char *report, const char *name, const char *outcome)
{
    char line[128];

    snprintf(line, sizeof line, "\n%s: %s\n", name, outcome);
    if (!strstr(report, line))
        fail_msg("\"%s: %s\" is not in:\n%s", name, outcome, report);
}

static const char *const no_such_call[] = {
    "socket inet",
    "socket inet6",
    "socket unix",
    "socket netlink",
    "socketpair",
    "create",
    "create for reading",
    "open for writing",
    "open to truncate",
    "temporary file",
    "truncate",
    "unlink",
    "mkdir",
    "rename",
    "symlink",
    "chmod",
    "memfd",
    "fork",
    "clone",
    "clone3",
    "kill parent",
    "kill all",
    "tgkill parent",
    "setsid",
    "write and execute",
    "setuid",
    "setrlimit",
    "prctl",
    "tty injection",
    "dup2",
};

static void a_converter_has_no_network_no_fork_and_cannot_write(void **state)
{
    struct extract_result r;

    (void)state;
    assert_int_equal(give_order("attempts", EXTRACT_PDF, NULL, &r), EXTRACT_OK);
    for (size_t i = 0; i < sizeof no_such_call / sizeof no_such_call[0]; i++)
        expect_line(r.text, no_such_call[i], "ENOSYS");
    expect_line(r.text, "/usr/share", "allowed");
    extract_result_finish(&r);
}

static void landlock_leaves_a_converter_the_systems_files_only(void **state)
{
    static const char *const denied[] = {"/etc/shadow", "/etc/passwd",
                                         "/root",       "/home",
                                         "/tmp",        "/proc/self/status",
                                         "/",           "exec sh"};
    struct extract_result r;

    (void)state;
    if (extract_missing_protection()) {
        print_message("skipped: %s\n", extract_missing_protection());
        skip();
    }
    assert_int_equal(give_order("attempts", EXTRACT_PDF, NULL, &r), EXTRACT_OK);
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
        expect_line(r.text, denied[i], "EACCES");
    extract_result_finish(&r);
}

static void the_reader_of_a_text_file_opens_and_executes_nothing(void **state)
{
    static const char *const paths[] = {"/usr/share", "/etc/passwd", "exec sh"};
    struct extract_result r;

    (void)state;
    assert_int_equal(give_order("attempts", EXTRACT_TEXT, NULL, &r), EXTRACT_OK);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        expect_line(r.text, paths[i], "ENOSYS");
    extract_result_finish(&r);
}

static void the_helper_inherits_a_document_and_two_pipes(void **state)
{
    struct extract_result r;
    int stray = dup(1); /* without close-on-exec, as a careless library leaves one */

    (void)state;
    setenv("PETIOLE_SECRET", "hunter2", 1);
    assert_int_equal(give_order("attempts", EXTRACT_PDF, NULL, &r), EXTRACT_OK);
    expect_line(r.text, "environment", "empty");
    expect_line(r.text, "descriptors", "0 1 2");
    expect_line(r.text, "user", "not root");
    assert_non_null(strstr(r.text, "stdin is read-only"));
    extract_result_finish(&r);
    close(stray);
}

static void calls_no_converter_makes_end_it(void **state)
{
    static const char *const calls[] = {
        "ptrace", "mount",       "unshare",          "setns",
        "bpf",    "io_uring",    "userfaultfd",      "perf_event_open",
        "keyctl", "init_module", "process_vm_readv",
    };

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        expect_end(calls[i], NULL, EXTRACT_CRASHED, "a forbidden system call");
}

static void memory_and_time_are_limited(void **state)
{
    struct extract_limits limits = extract_default_limits;

    (void)state;
    limits.memory_bytes = 128u << 20;
    limits.cpu_s = 1;
    limits.wall_ms = 20 * 1000;
    expect_end("fill memory", &limits, EXTRACT_CRASHED, "128 MiB of memory");
    expect_end("spin", &limits, EXTRACT_CRASHED, "after 1 s of CPU time");
    limits.wall_ms = 300;
    expect_end("sleep", &limits, EXTRACT_TIMEOUT, "given up after 0.3 s");
    expect_end("close and sleep", &limits, EXTRACT_TIMEOUT, "given up after 0.3 s");
}

static void a_flood_ends_at_the_cap(void **state)
{
    struct extract_limits limits = extract_default_limits;

    (void)state;
    limits.output_bytes = 1u << 20;
    expect_end("flood", &limits, EXTRACT_TOO_LARGE, "longer than the 1048576 bytes");
}

static void complaints_are_cut_and_cleaned(void **state)
{
    (void)state;
    expect_end("complain", NULL, EXTRACT_BROKEN,
               "the PDF could not be read:  [31mError  number 0\xef\xbf\xbd");
}

static void a_status_nobody_agreed_on_is_a_crash(void **state)
{
    (void)state;
    expect_end("exit strangely", NULL, EXTRACT_CRASHED,
               "status 200: it gave no reason");
}

static void what_the_helper_says_is_cleaned(void **state)
{
    struct extract_result r;

    (void)state;
    assert_int_equal(give_order("lie", EXTRACT_TEXT, NULL, &r), EXTRACT_OK);
    assert_string_equal(r.text, "good  \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                                "\xef\xbf\xbd text");
    extract_result_finish(&r);
}

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

static bool read_status(pid_t pid, char *text, size_t size)
{
    char path[64];
    FILE *status;
    size_t n;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    status = fopen(path, "r");
    if (!status)
        return false;
    n = fread(text, 1, size - 1, status);
    text[n] = '\0';
    fclose(status);
    return true;
}

struct observed {
    char status[4096];
    int report; /* a pipe to the test, or -1 */
};

/* Looks at the helper from outside, once it sleeps behind its filter. */
static bool observe(void *ctx)
{
    struct observed *o = ctx;
    pid_t helper = only_child();

    if (!helper || !read_status(helper, o->status, sizeof o->status) ||
        !strstr(o->status, "Seccomp:\t2"))
        return false;
    if (o->report < 0)
        return true;
    (void)!write(o->report, &helper, sizeof helper);
    o->report = -1;
    o->status[0] = '\0';
    return false;
}

static void from_outside_the_helper_is_seen_to_be_locked_in(void **state)
{
    struct observed o = {.report = -1};
    int fd = document_of_string("sleep");
    struct extract_result r;

    (void)state;
    assert_int_equal(extract_run(fd, EXTRACT_PDF, NULL, observe, &o, &r),
                     EXTRACT_CANCELLED);
    close(fd);
    assert_non_null(strstr(o.status, "NoNewPrivs:\t1"));
    assert_non_null(strstr(o.status, "Seccomp:\t2"));
    assert_non_null(strstr(o.status, "CapPrm:\t0000000000000000"));
    assert_non_null(strstr(o.status, "CapEff:\t0000000000000000"));
}

/* A handler that waits for the helper until it is killed itself. */
static pid_t start_handler(int report)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct observed o = {.report = report};
        struct extract_result r;

        _exit((int)extract_run(document_of_string("sleep"), EXTRACT_PDF, NULL, observe,
                               &o, &r));
    }
    return pid;
}

static void the_death_of_its_handler_is_the_helpers_death(void **state)
{
    int report[2];
    pid_t handler, helper;
    struct pollfd gone = {.events = POLLIN};

    (void)state;
    assert_int_equal(pipe(report), 0);
    handler = start_handler(report[1]);
    close(report[1]);
    assert_int_equal(read(report[0], &helper, sizeof helper), sizeof helper);
    close(report[0]);
    gone.fd = (int)syscall(SYS_pidfd_open, helper, 0u);
    assert_true(gone.fd >= 0);
    assert_int_equal(poll(&gone, 1, 0), 0);
    kill(handler, SIGKILL);
    assert_int_equal(poll(&gone, 1, 10 * 1000), 1);
    close(gone.fd);
    waitpid(handler, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_converter_has_no_network_no_fork_and_cannot_write),
        cmocka_unit_test(landlock_leaves_a_converter_the_systems_files_only),
        cmocka_unit_test(the_reader_of_a_text_file_opens_and_executes_nothing),
        cmocka_unit_test(the_helper_inherits_a_document_and_two_pipes),
        cmocka_unit_test(calls_no_converter_makes_end_it),
        cmocka_unit_test(memory_and_time_are_limited),
        cmocka_unit_test(a_flood_ends_at_the_cap),
        cmocka_unit_test(complaints_are_cut_and_cleaned),
        cmocka_unit_test(a_status_nobody_agreed_on_is_a_crash),
        cmocka_unit_test(what_the_helper_says_is_cleaned),
        cmocka_unit_test(from_outside_the_helper_is_seen_to_be_locked_in),
        cmocka_unit_test(the_death_of_its_handler_is_the_helpers_death),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
