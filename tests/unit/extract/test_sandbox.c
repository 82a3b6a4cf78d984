/* SPDX-License-Identifier: Apache-2.0 */
/* What a converter can do once a hostile document has taken it over: the probe, behind
 * the same sandbox as the helper, tries it. */
#include "../../../tasks/kit/extract/extract.h"

#include "documents.h"
#include "watching.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Root that may not kill or change users, as in some containers, stays root. */
static bool stays_root(void)
{
    const unsigned long long needed =
        1ull << CAP_KILL | 1ull << CAP_SETUID | 1ull << CAP_SETGID;
    unsigned long long effective = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, status))
        sscanf(line, "CapEff: %llx", &effective);
    fclose(status);
    return getuid() == 0 && (effective & needed) != needed;
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
    expect_line(r.text, "user", stays_root() ? "root" : "not root");
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
    expect_end("fill memory", &limits, EXTRACT_CRASHED, "128 MiB of memory");
    limits.cpu_s = 1;
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

static void from_outside_the_helper_is_seen_to_be_locked_in(void **state)
{
    struct sight s = {.file = "status", .words = "Seccomp:\t2"};
    int fd = document_of_string("sleep");

    (void)state;
    assert_true(watch_until(fd, &s));
    close(fd);
    assert_non_null(strstr(s.seen, "NoNewPrivs:\t1"));
    assert_non_null(strstr(s.seen, "CapPrm:\t0000000000000000"));
    assert_non_null(strstr(s.seen, "CapEff:\t0000000000000000"));
}

static void the_death_of_its_handler_is_the_helpers_death(void **state)
{
    struct sight s = {.file = "status", .words = "Seccomp:\t2"};
    int fd = document_of_string("sleep");

    (void)state;
    assert_true(helper_dies_with_handler(fd, &s));
    close(fd);
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
