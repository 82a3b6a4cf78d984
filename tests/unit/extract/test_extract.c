/* SPDX-License-Identifier: Apache-2.0 */
/* The real helper on real documents: what a user gets, and what a user is told. */
#include "../../../tasks/kit/extract/extract.h"

#include "documents.h"
#include "watching.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_OF(s) document_of(s, sizeof(s) - 1)

/* Runs, closes fd, and expects this outcome; a failure's sentence must hold `words`. */
static void expect_limited(int fd, enum extract_format format,
                           const struct extract_limits *limits,
                           enum extract_status status, const char *words)
{
    struct extract_result r;
    enum extract_status got = extract_run(fd, format, limits, NULL, NULL, &r);

    close(fd);
    if (got != status || (status == EXTRACT_OK ? strcmp(r.text, words) != 0
                                               : strstr(r.why, words) == NULL))
        fail_msg("status %d, why \"%s\", text \"%s\"", got, r.why,
                 r.text ? r.text : "");
    if (status == EXTRACT_OK)
        assert_int_equal(r.len, strlen(words));
    else
        assert_null(r.text);
    extract_result_finish(&r);
}

static void expect(int fd, enum extract_format format, enum extract_status status,
                   const char *words)
{
    expect_limited(fd, format, NULL, status, words);
}

static void a_name_tells_the_format(void **state)
{
    bool ok;

    (void)state;
    assert_int_equal(extract_format_of("a/b.PDF", &ok), EXTRACT_PDF);
    assert_true(ok);
    assert_int_equal(extract_format_of("notes.md", &ok), EXTRACT_MARKDOWN);
    assert_true(ok);
    assert_int_equal(extract_format_of("x.y.txt", &ok), EXTRACT_TEXT);
    assert_true(ok);
    extract_format_of("pdf", &ok);
    assert_false(ok);
    extract_format_of("dir.txt/file", &ok);
    assert_false(ok);
    extract_format_of("letter.docx", &ok);
    assert_false(ok);
}

static void text_is_read_in_each_encoding(void **state)
{
    (void)state;
    expect(TEXT_OF("one\r\ntwo\n"), EXTRACT_TEXT, EXTRACT_OK, "one\ntwo\n");
    expect(TEXT_OF("# Title\n\n*b*\n"), EXTRACT_MARKDOWN, EXTRACT_OK,
           "# Title\n\n*b*\n");
    expect(TEXT_OF("\xef\xbb\xbf\xe2\x82\xac"), EXTRACT_TEXT, EXTRACT_OK,
           "\xe2\x82\xac");
    expect(TEXT_OF("caf\xe9\n"), EXTRACT_TEXT, EXTRACT_OK, "caf\xc3\xa9\n");
    expect(TEXT_OF("\xff\xfeh\0i\0"), EXTRACT_TEXT, EXTRACT_OK, "hi");
    expect(TEXT_OF("\xfe\xff\0h\0i"), EXTRACT_TEXT, EXTRACT_OK, "hi");
    expect(TEXT_OF("tab\tnul\0bell\x07 and a good deal of text"), EXTRACT_TEXT,
           EXTRACT_OK, "tab\tnul bell  and a good deal of text");
}

static void a_long_text_arrives_whole(void **state)
{
    size_t n = 3u << 20;
    char *text = malloc(n + 1);

    (void)state;
    for (size_t i = 0; i < n; i++)
        text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 26);
    text[n] = '\0';
    expect(document_of(text, n), EXTRACT_TEXT, EXTRACT_OK, text);
    free(text);
}

static void a_file_without_text_is_empty(void **state)
{
    (void)state;
    expect(TEXT_OF(""), EXTRACT_TEXT, EXTRACT_EMPTY, "the file is empty");
    expect(TEXT_OF(""), EXTRACT_PDF, EXTRACT_EMPTY, "the file is empty");
    expect(TEXT_OF(" \n\t\r\n "), EXTRACT_TEXT, EXTRACT_EMPTY, "no text in the file");
    expect(TEXT_OF("\xef\xbb\xbf"), EXTRACT_MARKDOWN, EXTRACT_EMPTY,
           "no text in the file");
}

static void damaged_and_binary_text_is_refused(void **state)
{
    (void)state;
    expect(TEXT_OF("d\xc3\xa9j\xc3\xa0 vu \xc3 caf\xc3\xa9"), EXTRACT_TEXT,
           EXTRACT_BROKEN, "it is UTF-8, but invalid at byte 10 (1 places)");
    expect(TEXT_OF("PK\3\4\24\0\6\0\10\0"), EXTRACT_TEXT, EXTRACT_BROKEN,
           "it does not look like text: it is a ZIP archive");
    expect(open("/proc/self/exe", O_RDONLY), EXTRACT_TEXT, EXTRACT_BROKEN, "a program");
    expect(document_of_size(1u << 20), EXTRACT_TEXT, EXTRACT_BROKEN,
           "too many control characters");
}

static void a_file_too_large_is_refused_unread(void **state)
{
    (void)state;
    expect(document_of_size(2ul << 30), EXTRACT_TEXT, EXTRACT_TOO_LARGE,
           "the file has 2147483648 bytes, more than the 104857600 allowed");
    expect(document_of_size(2ul << 30), EXTRACT_PDF, EXTRACT_TOO_LARGE, "2147483648");
}

static void the_limit_of_text_is_exact(void **state)
{
    struct extract_limits limits = extract_default_limits;

    (void)state;
    limits.output_bytes = 10;
    expect_limited(TEXT_OF("0123456789"), EXTRACT_TEXT, &limits, EXTRACT_OK,
                   "0123456789");
    expect_limited(TEXT_OF("0123456789a"), EXTRACT_TEXT, &limits, EXTRACT_TOO_LARGE,
                   "longer than the 10 bytes allowed");
}

static void only_a_regular_file_is_a_document(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    expect(ends[0], EXTRACT_TEXT, EXTRACT_BROKEN, "the document is a pipe");
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    expect(ends[0], EXTRACT_TEXT, EXTRACT_BROKEN, "the document is a socket");
    close(ends[1]);
    expect(open("/dev/zero", O_RDONLY), EXTRACT_PDF, EXTRACT_BROKEN, "a device");
    expect(open("/", O_RDONLY), EXTRACT_PDF, EXTRACT_BROKEN, "a directory");
    expect(-1, EXTRACT_PDF, EXTRACT_BROKEN, "the document cannot be read: Bad file");
}

static void the_callers_descriptor_keeps_its_position(void **state)
{
    int fd = TEXT_OF("some text");
    struct extract_result r;

    (void)state;
    lseek(fd, 4, SEEK_SET);
    assert_int_equal(extract_run(fd, EXTRACT_TEXT, NULL, NULL, NULL, &r), EXTRACT_OK);
    assert_string_equal(r.text, "some text");
    extract_result_finish(&r);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 4);
    close(fd);
}

static void a_pdfs_pages_are_marked(void **state)
{
    static const char *const lines[] = {"The first page", "", "The third"};
    struct extract_result r;
    int fd = pdf_of_pages(lines, 3);

    (void)state;
    assert_int_equal(extract_run(fd, EXTRACT_PDF, NULL, NULL, NULL, &r), EXTRACT_OK);
    assert_string_equal(r.text, "\n## Pagina 1\n\nThe first page\n\n"
                                "\n## Pagina 3\n\nThe third\n\n");
    assert_int_equal(r.pages, 3);
    assert_string_equal(r.why, "");
    extract_result_finish(&r);
    close(fd);
}

static void a_pdf_without_text_is_said_to_be_scanned(void **state)
{
    static const char *const lines[] = {"", ""};

    (void)state;
    expect(pdf_of_pages(lines, 2), EXTRACT_PDF, EXTRACT_EMPTY,
           "no text in the PDF's 2 pages: if they are scanned");
}

static void an_encrypted_pdf_asks_for_its_password_to_be_removed(void **state)
{
    (void)state;
    expect(open(getenv("TEST_ENCRYPTED_PDF"), O_RDONLY), EXTRACT_PDF, EXTRACT_ENCRYPTED,
           "the PDF is encrypted: remove its password and send it again");
}

static void a_damaged_pdf_says_what_pdftotext_said(void **state)
{
    (void)state;
    expect(TEXT_OF("this is not a PDF at all"), EXTRACT_PDF, EXTRACT_BROKEN,
           "the PDF could not be read: Syntax Warning: May not be a PDF file");
    expect(TEXT_OF("%PDF-1.4\n1 0 obj\n<</Type/Cat"), EXTRACT_PDF, EXTRACT_BROKEN,
           "the PDF could not be read: Syntax");
    expect(document_of_size(1u << 20), EXTRACT_PDF, EXTRACT_BROKEN, "Syntax");
}

static void a_pdf_torn_anywhere_never_hangs_or_crashes(void **state)
{
    static const char *const lines[] = {"A page", "Another"};
    int fd = pdf_of_pages(lines, 2), status;
    off_t n = lseek(fd, 0, SEEK_END);
    char *bytes = malloc((size_t)n);

    (void)state;
    assert_int_equal(pread(fd, bytes, (size_t)n, 0), n);
    close(fd);
    for (off_t cut = 1; cut < n; cut += 97) {
        struct extract_result r;

        fd = document_of(bytes, (size_t)cut);
        status = (int)extract_run(fd, EXTRACT_PDF, NULL, NULL, NULL, &r);
        if (status != EXTRACT_OK && status != EXTRACT_BROKEN && status != EXTRACT_EMPTY)
            fail_msg("cut at %ld: status %d, %s", (long)cut, status, r.why);
        assert_true(status == EXTRACT_OK || r.why[0]);
        extract_result_finish(&r);
        close(fd);
    }
    free(bytes);
}

static void a_pdf_that_keeps_the_converter_busy_is_given_up(void **state)
{
    struct extract_limits limits = extract_default_limits;

    (void)state;
    limits.wall_ms = 700;
    expect_limited(pdf_of_nested_forms(6, ""), EXTRACT_PDF, &limits, EXTRACT_TIMEOUT,
                   "given up after 0.7 s");
    limits = extract_default_limits;
    limits.cpu_s = 1;
    expect_limited(pdf_of_nested_forms(6, ""), EXTRACT_PDF, &limits, EXTRACT_CRASHED,
                   "after 1 s of CPU time");
}

static void a_small_pdf_with_a_huge_text_is_too_large(void **state)
{
    struct extract_limits limits = extract_default_limits;
    int fd = pdf_of_nested_forms(3, "Out of few bytes comes a flood of text");

    (void)state;
    assert_true(lseek(fd, 0, SEEK_END) < 3000);
    limits.output_bytes = 30 * 1000;
    expect_limited(fd, EXTRACT_PDF, &limits, EXTRACT_TOO_LARGE,
                   "longer than the 30000 bytes allowed");
}

static bool at_the_third_time(void *ctx)
{
    return ++*(int *)ctx == 3;
}

static void a_cancelled_extraction_stops_at_once(void **state)
{
    struct extract_result r;
    int asked = 0, fd = pdf_of_nested_forms(6, "");

    (void)state;
    assert_int_equal(extract_run(fd, EXTRACT_PDF, NULL, at_the_third_time, &asked, &r),
                     EXTRACT_CANCELLED);
    assert_string_equal(r.why, "the extraction was cancelled");
    assert_int_equal(asked, 3);
    close(fd);
}

/* What was given up before pdftotext was executed is not given back to it. */
static void pdftotext_itself_is_locked_in(void **state)
{
    struct sight s = {.file = "status", .words = "Name:\tpdftotext"};
    int fd = pdf_of_nested_forms(6, "");

    (void)state;
    assert_true(watch_until(fd, &s));
    close(fd);
    assert_non_null(strstr(s.seen, "NoNewPrivs:\t1"));
    assert_non_null(strstr(s.seen, "Seccomp:\t2"));
    assert_non_null(strstr(s.seen, "CapPrm:\t0000000000000000"));
    assert_non_null(strstr(s.seen, "CapEff:\t0000000000000000"));
}

static void pdftotext_dies_with_the_handler(void **state)
{
    struct sight s = {.file = "comm", .words = "pdftotext"};
    int fd = pdf_of_nested_forms(6, "");

    (void)state;
    assert_true(helper_dies_with_handler(fd, &s));
    close(fd);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void a_storm_of_signals_changes_nothing(void **state)
{
    static const char *const lines[] = {"Signals are no excuse"};
    struct sigaction interrupt = {.sa_handler = ignore_signal}, before;
    struct itimerval storm = {{0, 200}, {0, 200}}, calm = {{0, 0}, {0, 0}};

    (void)state;
    sigaction(SIGALRM, &interrupt, &before);
    setitimer(ITIMER_REAL, &storm, NULL);
    for (int i = 0; i < 5; i++)
        expect(pdf_of_pages(lines, 1), EXTRACT_PDF, EXTRACT_OK,
               "\n## Pagina 1\n\nSignals are no excuse\n\n");
    setitimer(ITIMER_REAL, &calm, NULL);
    sigaction(SIGALRM, &before, NULL);
}

/* In a process of its own; 0 if it got the text. */
static int outcome_in_child(void (*spoil)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct extract_result r;
        int fd = TEXT_OF("some text");

        spoil();
        _exit((int)extract_run(fd, EXTRACT_TEXT, NULL, NULL, NULL, &r));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void close_standard(void)
{
    close(0);
    close(1);
    close(2);
}

static void ignore_children(void)
{
    signal(SIGCHLD, SIG_IGN);
}

static void block_every_signal(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void an_odd_process_still_gets_its_text(void **state)
{
    (void)state;
    assert_int_equal(outcome_in_child(close_standard), EXTRACT_OK);
    assert_int_equal(outcome_in_child(block_every_signal), EXTRACT_OK);
}

/* Who ignores SIGCHLD is never told how the helper ended: half a text looks whole. */
static void a_process_that_ignores_its_children_trusts_no_text(void **state)
{
    (void)state;
    assert_int_equal(outcome_in_child(ignore_children), EXTRACT_CRASHED);
}

static void without_its_helper_there_is_one_clear_line(void **state)
{
    const char *helper = getenv("PETIOLE_EXTRACT_HELPER");
    char *kept = strdup(helper);

    (void)state;
    setenv("PETIOLE_EXTRACT_HELPER", "/nowhere/petiole-extract", 1);
    expect(TEXT_OF("x"), EXTRACT_TEXT, EXTRACT_UNAVAILABLE,
           "no program /nowhere/petiole-extract: install petiole whole");
    setenv("PETIOLE_EXTRACT_HELPER", "/etc/passwd", 1);
    expect(TEXT_OF("x"), EXTRACT_TEXT, EXTRACT_UNAVAILABLE, "no program /etc/passwd");
    setenv("PETIOLE_EXTRACT_HELPER", kept, 1);
    free(kept);
}

/* The sample documents, of which the longest has to give several chunks. */
static void the_examples_are_read(void **state)
{
    static const struct {
        const char *name, *words;
        uint32_t pages;
        size_t least;
    } examples[] = {
        {"handbook.pdf", "\n## Pagina 3\n\n", 3, 5000},
        {"guide.md", "# Rebuilding a dry-stone wall\n", 0, 2000},
        {"lighthouse.txt", "two white flashes every fifteen seconds", 0, 17000},
        {"letters.txt", "札幌", 0, 1500},
        {"italiano.txt", "perché", 0, 1500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char path[4096];
        struct extract_result r;
        bool known;
        int fd;

        snprintf(path, sizeof path, "%s/%s", getenv("TEST_EXAMPLES"), examples[i].name);
        fd = open(path, O_RDONLY);
        assert_int_equal(extract_run(fd, extract_format_of(path, &known), NULL, NULL,
                                     NULL, &r),
                         EXTRACT_OK);
        assert_true(known && strstr(r.text, examples[i].words) != NULL);
        assert_int_equal(r.pages, examples[i].pages);
        assert_true(r.len > examples[i].least);
        extract_result_finish(&r);
        close(fd);
    }
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int open_before;

static int remember_descriptors(void **state)
{
    (void)state;
    open_before = count_descriptors();
    return 0;
}

static int no_descriptor_leaked(void **state)
{
    (void)state;
    return count_descriptors() == open_before && waitpid(-1, NULL, WNOHANG) < 0 ? 0
                                                                                : -1;
}

#define STORY(f)                                                                       \
    cmocka_unit_test_setup_teardown(f, remember_descriptors, no_descriptor_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_name_tells_the_format),
        STORY(text_is_read_in_each_encoding),
        STORY(a_long_text_arrives_whole),
        STORY(a_file_without_text_is_empty),
        STORY(damaged_and_binary_text_is_refused),
        STORY(a_file_too_large_is_refused_unread),
        STORY(the_limit_of_text_is_exact),
        STORY(only_a_regular_file_is_a_document),
        STORY(the_callers_descriptor_keeps_its_position),
        STORY(a_pdfs_pages_are_marked),
        STORY(a_pdf_without_text_is_said_to_be_scanned),
        STORY(an_encrypted_pdf_asks_for_its_password_to_be_removed),
        STORY(a_damaged_pdf_says_what_pdftotext_said),
        STORY(a_pdf_torn_anywhere_never_hangs_or_crashes),
        STORY(a_pdf_that_keeps_the_converter_busy_is_given_up),
        STORY(a_small_pdf_with_a_huge_text_is_too_large),
        STORY(a_cancelled_extraction_stops_at_once),
        STORY(pdftotext_itself_is_locked_in),
        STORY(pdftotext_dies_with_the_handler),
        STORY(a_storm_of_signals_changes_nothing),
        STORY(an_odd_process_still_gets_its_text),
        STORY(a_process_that_ignores_its_children_trusts_no_text),
        STORY(the_examples_are_read),
        STORY(without_its_helper_there_is_one_clear_line),
    };
    return cmocka_run_group_tests_name("extract", tests, NULL, NULL);
}
