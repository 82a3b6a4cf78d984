/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels and containers that lack something: what is mandatory stops the work with one
 * clear line, what is not is done without. Each test runs in a process that has been
 * denied a call. */
#include "../../../tasks/kit/extract/extract.h"

#include "documents.h"

#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct denial {
    int call, error;
    bool only_with; /* where its first argument is `first` */
    scmp_datum_t first;
};

static void deny(const struct denial *denials, size_t n)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

    for (size_t i = 0; i < n; i++)
        if (seccomp_rule_add(f, SCMP_ACT_ERRNO((uint32_t)denials[i].error),
                             denials[i].call, denials[i].only_with ? 1 : 0,
                             SCMP_A0(SCMP_CMP_EQ, denials[i].first, 0)) != 0)
            _exit(100);
    if (seccomp_load(f) != 0)
        _exit(101);
    seccomp_release(f);
}

/* What a process meets that was denied these calls: the text, or the reason why not. */
static enum extract_status outcome_without(const struct denial *denials, size_t n,
                                           char *says, size_t size, bool *protected)
{
    int report[2], status;
    ssize_t len;
    pid_t pid;

    assert_int_equal(pipe(report), 0);
    pid = fork();
    if (pid == 0) {
        struct extract_result r;
        int fd = document_of_string("some text"), ended;

        deny(denials, n);
        ended = (int)extract_run(fd, EXTRACT_TEXT, NULL, NULL, NULL, &r);
        dprintf(report[1], "%s", ended == EXTRACT_OK ? r.text : r.why);
        _exit(ended | (extract_missing_protection() ? 0 : 64));
    }
    close(report[1]);
    len = read(report[0], says, size - 1);
    says[len > 0 ? len : 0] = '\0';
    close(report[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    *protected = WEXITSTATUS(status) & 64;
    return (enum extract_status)(WEXITSTATUS(status) & ~64);
}

/* The line begins like this; how it ends may be libseccomp's choice. */
static void expect_refusal(const struct denial *denials, size_t n, const char *line)
{
    char says[256];
    bool protected;
    enum extract_status status =
        outcome_without(denials, n, says, sizeof says, &protected);

    if (strncmp(says, line, strlen(line)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", says, line);
    assert_int_equal(status, EXTRACT_UNAVAILABLE);
}

static void without_a_call_filter_nothing_is_read(void **state)
{
    const struct denial denials[] = {
        {SCMP_SYS(seccomp), EPERM, false, 0},
        {SCMP_SYS(prctl), EPERM, true, PR_SET_SECCOMP},
    };

    (void)state;
    expect_refusal(denials, 2, "could not set up the sandbox: seccomp: ");
}

static void without_no_new_privs_nothing_is_read(void **state)
{
    const struct denial denials[] = {
        {SCMP_SYS(prctl), EINVAL, true, PR_SET_NO_NEW_PRIVS}};

    (void)state;
    expect_refusal(
        denials, 1,
        "could not set up the sandbox: PR_SET_NO_NEW_PRIVS: Invalid argument");
}

static void without_resource_limits_nothing_is_read(void **state)
{
    const struct denial denials[] = {{SCMP_SYS(prlimit64), EPERM, false, 0},
                                     {SCMP_SYS(setrlimit), EPERM, false, 0}};

    (void)state;
    expect_refusal(
        denials, 2,
        "could not set up the sandbox: resource limits: Operation not permitted");
}

static void without_capset_nothing_is_read(void **state)
{
    const struct denial denials[] = {{SCMP_SYS(capset), EPERM, false, 0}};

    (void)state;
    expect_refusal(
        denials, 1,
        "could not set up the sandbox: dropping capabilities: Operation not permitted");
}

static void expect_text(const struct denial *denials, size_t n, bool protected_expected)
{
    char says[256];
    bool protected;
    enum extract_status status =
        outcome_without(denials, n, says, sizeof says, &protected);

    assert_string_equal(says, "some text");
    assert_int_equal(status, EXTRACT_OK);
    assert_int_equal(protected, protected_expected);
}

static void without_landlock_text_is_read_and_the_log_is_told(void **state)
{
    const struct denial denials[] = {
        {SCMP_SYS(landlock_create_ruleset), EOPNOTSUPP, false, 0}};

    (void)state;
    expect_text(denials, 1, false);
}

static void without_pidfds_and_close_range_text_is_read(void **state)
{
    const struct denial denials[] = {{SCMP_SYS(pidfd_open), ENOSYS, false, 0},
                                     {SCMP_SYS(close_range), ENOSYS, false, 0}};
    bool has_landlock = !extract_missing_protection();

    (void)state;
    expect_text(denials, 2, has_landlock);
}

static void without_fork_there_is_one_clear_line(void **state)
{
    const struct denial denials[] = {{SCMP_SYS(clone), EAGAIN, false, 0},
                                     {SCMP_SYS(clone3), EAGAIN, false, 0},
                                     {SCMP_SYS(vfork), EAGAIN, false, 0}};
    char line[256];

    (void)state;
    snprintf(line, sizeof line, "could not start %s: Resource temporarily unavailable",
             getenv("PETIOLE_EXTRACT_HELPER"));
    expect_refusal(denials, 3, line);
}

static void without_descriptors_there_is_one_clear_line(void **state)
{
    const struct denial denials[] = {{SCMP_SYS(pipe2), EMFILE, false, 0}};
    char line[256];

    (void)state;
    snprintf(line, sizeof line, "could not start %s: Too many open files",
             getenv("PETIOLE_EXTRACT_HELPER"));
    expect_refusal(denials, 1, line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_call_filter_nothing_is_read),
        cmocka_unit_test(without_no_new_privs_nothing_is_read),
        cmocka_unit_test(without_resource_limits_nothing_is_read),
        cmocka_unit_test(without_capset_nothing_is_read),
        cmocka_unit_test(without_landlock_text_is_read_and_the_log_is_told),
        cmocka_unit_test(without_pidfds_and_close_range_text_is_read),
        cmocka_unit_test(without_fork_there_is_one_clear_line),
        cmocka_unit_test(without_descriptors_there_is_one_clear_line),
    };
    return cmocka_run_group_tests_name("lacking", tests, NULL, NULL);
}
