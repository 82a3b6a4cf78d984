/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a caller can reach, and which not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct outcome o;

#define PLAIN "unit=chars", "embed=false", NULL

/* "inside" is the root, "outside" lies beside it. */
static int two_folders(void **state)
{
    char setting[256];

    if (folder_enter(state) != 0 || mkdir("inside", 0755) != 0 ||
        mkdir("outside", 0755) != 0)
        return -1;
    write_text("inside/a.txt", "words inside");
    write_text("outside/b.txt", "the secret words");
    snprintf(setting, sizeof(setting), "PETIOLE_DOCUMENTS_ROOTS=%s/inside",
             folder_path());
    set(setting);
    return 0;
}

static void refused(const char *source)
{
    run(&o, "documents.encode", source, PLAIN);
    expect_failure(&o, "PermissionError", "documents.roots");
}

static void allowed(const char *source)
{
    run(&o, "documents.encode", source, PLAIN);
    expect_success(&o);
}

static void paths_that_lead_out_are_refused(void **state)
{
    (void)state;
    allowed("inside/a.txt");
    allowed("./inside/../inside/./a.txt");
    refused("outside/b.txt");
    refused("inside/../outside/b.txt");
    refused("/etc/passwd");
    refused("inside/../../../../../../etc/passwd");
    refused("/proc/self/environ");
    refused("/proc/self/cwd/outside/b.txt");
    refused("/dev/stdin");
}

static void a_folder_whose_name_begins_like_a_root_is_no_root(void **state)
{
    (void)state;
    assert_int_equal(mkdir("inside2", 0755), 0);
    write_text("inside2/c.txt", "words");
    refused("inside2/c.txt");
}

static void links_are_followed_before_they_are_judged(void **state)
{
    (void)state;
    assert_int_equal(symlink("../outside/b.txt", "inside/out.txt"), 0);
    assert_int_equal(symlink("../outside", "inside/folder"), 0);
    assert_int_equal(symlink("a.txt", "inside/link.txt"), 0);
    assert_int_equal(symlink("inside/a.txt", "outside_in.txt"), 0);
    assert_int_equal(symlink("loop.txt", "inside/loop.txt"), 0);
    refused("inside/out.txt");
    refused("inside/folder/b.txt");
    allowed("inside/link.txt");
    allowed("outside_in.txt");
    run(&o, "documents.encode", "inside/loop.txt", PLAIN);
    expect_failure(&o, "OSError", "Too many levels of symbolic links");
}

static void what_exists_outside_is_not_told(void **state)
{
    (void)state;
    refused("outside/nothing.txt");
    refused("/etc/nothing/at/all");
    run(&o, "documents.encode", "inside/nothing.txt", PLAIN);
    expect_failure(&o, "FileNotFoundError", "inside/nothing.txt: No such file");
    run(&o, "documents.encode", "inside/a.txt/b", PLAIN);
    expect_failure(&o, "NotADirectoryError", "Not a directory");
}

static void several_roots_are_separated_by_colons(void **state)
{
    char setting[512];

    (void)state;
    snprintf(setting, sizeof(setting),
             "PETIOLE_DOCUMENTS_ROOTS=/nonexistent:%s/inside::%s", folder_path(),
             "outside");
    set(setting);
    allowed("inside/a.txt");
    allowed("outside/b.txt");
    refused("/etc/passwd");
}

static void the_working_directory_is_the_root_by_default(void **state)
{
    (void)state;
    unsetenv("PETIOLE_DOCUMENTS_ROOTS");
    allowed("outside/b.txt");
    refused("/etc/passwd");
    refused("../x.txt");
}

static void only_regular_files_are_read(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("inside/pipe.txt", 0644), 0);
    run(&o, "documents.encode", "inside/pipe.txt", PLAIN);
    expect_failure(&o, "ValueError", "not a regular file");
    run(&o, "documents.encode", "inside", PLAIN);
    expect_failure(&o, "IsADirectoryError", "not a regular file");
}

static void urls_are_paths_with_percent_signs(void **state)
{
    char url[256];

    (void)state;
    write_text("inside/a b#1.txt", "words");
    snprintf(url, sizeof(url), "file://%s/inside/a%%20b%%231.txt", folder_path());
    allowed(url);
    snprintf(url, sizeof(url), "file://localhost%s/inside/a.txt", folder_path());
    allowed(url);
    snprintf(url, sizeof(url), "file://%s/inside/%%2e%%2e/outside/b.txt",
             folder_path());
    refused(url);
    const char *bad[] = {"file:///a%00.txt", "file:///a%zz",   "file:///a%2",
                         "file://host/a",    "file://",        "file:a.txt",
                         "file:///a.txt?b",  "http://h/a.txt", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        run(&o, "documents.encode", bad[i], PLAIN);
        expect_failure(&o, "ValueError", bad[i]);
    }
}

static void a_nul_in_a_path_is_refused(void **state)
{
    (void)state;
    run(&o, "documents.encode", "\"inside/a.txt\\u0000.pdf\"", PLAIN);
    assert_false(o.succeeded);
    assert_non_null(strstr(o.err, "\nValueError: "));
}

static void a_path_of_any_length_is_answered(void **state)
{
    char path[9000];

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    run(&o, "documents.encode", path, PLAIN);
    assert_false(o.succeeded);
    for (size_t i = 1; i < sizeof(path) - 1; i += 2)
        path[i] = '/';
    path[sizeof(path) - 2] = 'a';
    run(&o, "documents.encode", path, PLAIN);
    assert_false(o.succeeded);
}

static void outputs_stay_below_their_roots(void **state)
{
    char setting[256];

    (void)state;
    assert_int_equal(symlink("../outside", "inside/out"), 0);
    run(&o, "documents.encode", "inside/a.txt", "outside", PLAIN);
    expect_failure(&o, "PermissionError", "documents.output_roots");
    run(&o, "documents.encode", "inside/a.txt", "inside/out", PLAIN);
    expect_failure(&o, "PermissionError", "documents.output_roots");
    run(&o, "documents.encode", "inside/a.txt", "inside/none", PLAIN);
    expect_failure(&o, "FileNotFoundError", "inside/none");
    assert_int_equal(access("outside/a_sections_index.json", F_OK), -1);

    snprintf(setting, sizeof(setting), "PETIOLE_DOCUMENTS_OUTPUT_ROOTS=%s/outside",
             folder_path());
    set(setting);
    run(&o, "documents.encode", "inside/a.txt", PLAIN);
    expect_failure(&o, "PermissionError", "documents.output_roots");
    run(&o, "documents.encode", "inside/a.txt", "outside", PLAIN);
    expect_success(&o);
    assert_int_equal(access("outside/a_sections_index.json", F_OK), 0);
}

/* An output that is a link is replaced, not followed. */
static void an_output_that_is_a_link_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(symlink("../outside/b.txt", "inside/a_sections_index.json"), 0);
    allowed("inside/a.txt");
    assert_string_equal(read_text(&o, "outside/b.txt"), "the secret words");
}

static pid_t swap_for_ever(const char *a, const char *b)
{
    pid_t child = fork();

    if (child == 0) {
        alarm(100);
        for (;;)
            if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0)
                _exit(1);
    }
    return child;
}

static void a_folder_swapped_for_a_link_meanwhile_leads_nowhere(void **state)
{
    int status;

    (void)state;
    assert_int_equal(mkdir("inside/d", 0755), 0);
    write_text("inside/d/b.txt", "words inside");
    assert_int_equal(symlink("../outside", "inside/link"), 0);
    pid_t swapper = swap_for_ever("inside/d", "inside/link");
    for (int i = 0; i < 60; i++) {
        run(&o, "documents.encode", "inside/d/b.txt", "inside", PLAIN);
        if (o.succeeded)
            assert_null(
                strstr(read_text(&o, "inside/b_sections_metadata.json"), "secret"));
    }
    kill(swapper, SIGKILL);
    waitpid(swapper, &status, 0);
    assert_true(WIFSIGNALED(status));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, two_folders, folder_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_that_lead_out_are_refused),
        TEST(a_folder_whose_name_begins_like_a_root_is_no_root),
        TEST(links_are_followed_before_they_are_judged),
        TEST(what_exists_outside_is_not_told),
        TEST(several_roots_are_separated_by_colons),
        TEST(the_working_directory_is_the_root_by_default),
        TEST(only_regular_files_are_read),
        TEST(urls_are_paths_with_percent_signs),
        TEST(a_nul_in_a_path_is_refused),
        TEST(a_path_of_any_length_is_answered),
        TEST(outputs_stay_below_their_roots),
        TEST(an_output_that_is_a_link_is_not_followed),
        TEST(a_folder_swapped_for_a_link_meanwhile_leads_nowhere),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    outcome_finish(&o);
    return failed;
}
