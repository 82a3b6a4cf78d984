/* SPDX-License-Identifier: Apache-2.0 */
/* A child as its parent meets it: what it is as a process, and how it lives and dies.
 */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool exited(int status, int code)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static bool killed(int status, int signo)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == signo;
}

/* ---- As a process -------------------------------------------------------------- */

static unsigned count_descriptors(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void it_inherits_nothing_but_its_socket(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    assert_int_equal(count_descriptors(p.pid), 4);
    peer_run(&p, "demo.add", "[2, 3]");
    assert_int_equal(count_descriptors(p.pid), 4);
    close(leak);
    peer_finish(&p);
}

static void it_leads_its_own_group_and_ignores_an_interrupt(void **state)
{
    struct peer p;

    (void)state;
    signal(SIGTERM, SIG_IGN); /* inherited, and to be undone */
    peer_ready(&p, peer_plugin("demo"));
    signal(SIGTERM, SIG_DFL);
    assert_int_equal(getpgid(p.pid), p.pid);
    kill(p.pid, SIGINT);
    assert_int_equal(peer_run(&p, "demo.add", "[2, 3]").outcome, OUTCOME_SUCCESS);
    kill(p.pid, SIGTERM);
    assert_true(killed(peer_wait(&p), SIGTERM));
    peer_finish(&p);
}

static void it_leaves_quietly_if_its_parent_is_another(void **state)
{
    struct peer p;

    (void)state;
    peer_start_for(&p, getppid());
    peer_hear_end(&p);
    assert_true(exited(peer_wait(&p), 0));
    peer_finish(&p);
}

/* Starts a child from a process that then dies, and returns the child's pidfd. */
static int orphan(void)
{
    int report[2], fd;
    pid_t parent, child = 0;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    if ((parent = fork()) == 0) {
        struct peer p;

        peer_ready(&p, peer_plugin("demo"));
        peer_call(&p, 1, "demo.sleep", "[60]");
        peer_hear(&p, FRAME_STARTED);
        if (write(report[1], &p.pid, sizeof(p.pid)) < 0)
            _exit(1);
        pause(); /* holds the socket, so that only the signal can end the child */
    }
    assert_int_equal(read(report[0], &child, sizeof(child)), sizeof(child));
    fd = (int)syscall(SYS_pidfd_open, child, 0);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    close(report[0]);
    close(report[1]);
    return fd;
}

static void it_dies_with_its_parent(void **state)
{
    struct pollfd gone = {.fd = orphan(), .events = POLLIN};

    (void)state;
    assert_true(gone.fd >= 0);
    assert_int_equal(poll(&gone, 1, 10000), 1);
    close(gone.fd);
}

/* ---- Beginning ---------------------------------------------------------------- */

static void it_reports_its_table(void **state)
{
    struct peer p;
    struct frame_ready ready;
    struct frame_hello hello = peer_hello();
    struct frame_row row;
    bool found = false;
    struct wr w;

    (void)state;
    peer_start(&p);
    hello.plugins = (struct str){peer_plugin("demo"), strlen(peer_plugin("demo")) + 1};
    wr_init(&w, 1u << 20);
    frame_put_hello(&w, &hello);
    peer_send(&p, wr_str(&w));
    assert_true(frame_get_ready(peer_hear(&p, FRAME_READY), &ready));
    assert_int_equal(ready.pid, p.pid);
    while (ready.nrows-- > 0 && frame_get_row(&ready.rows, &row))
        found |= str_is(row.name, "demo.add") && str_is(row.params, "x y") &&
                 str_is(row.plugin, "demo");
    assert_true(found);
    wr_finish(&w);
    peer_finish(&p);
}

static void hello_breaks(struct frame_hello hello, const char *plugins, size_t n,
                         const char *expected)
{
    struct peer p;
    struct str why;
    struct wr w;

    peer_start(&p);
    hello.plugins = (struct str){plugins, n};
    wr_init(&w, 1u << 20);
    frame_put_hello(&w, &hello);
    peer_send(&p, wr_str(&w));
    assert_true(frame_get_broken(peer_hear(&p, FRAME_BROKEN), &why));
    assert_non_null(memmem(why.p, why.n, expected, strlen(expected)));
    assert_null(memchr(why.p, '\n', why.n));
    assert_true(exited(peer_wait(&p), 1));
    wr_finish(&w);
    peer_finish(&p);
}

static void it_says_why_it_cannot_start(void **state)
{
    struct frame_hello hello = peer_hello();

    (void)state;
    hello_breaks(hello, "/nowhere.so", 12, "cannot load plugin: /nowhere.so");
    hello.settings = STR("{'x': 1}");
    hello_breaks(hello, "", 0, "the plugins' settings are not JSON");
}

/* ---- Ending ------------------------------------------------------------------- */

static void it_finishes_what_it_has_and_stops(void **state)
{
    const uint64_t n = 20;
    struct peer p;
    struct wr w;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    for (uint64_t job = 1; job <= n; job++)
        peer_call(&p, job, "demo.add", "[2, 3]");
    wr_init(&w, 64);
    frame_put_stop(&w);
    peer_send(&p, wr_str(&w));
    for (uint64_t job = 1; job <= n; job++)
        assert_int_equal(peer_hear_outcome(&p).job, job);
    peer_hear_end(&p);
    assert_true(exited(peer_wait(&p), 0));
    wr_finish(&w);
    peer_finish(&p);
}

static void it_leaves_when_the_socket_is_closed(void **state)
{
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    close(p.fd);
    p.fd = -1;
    assert_true(exited(peer_wait(&p), 0));
    peer_finish(&p);
}

static void it_leaves_when_it_hears_nonsense(void **state)
{
    static const struct str nonsense[] = {
        {"\x01\x00\x00\x00\xff", 5},     /* no such type */
        {"\xff\xff\xff\xff\x02", 5},     /* too long */
        {"\x02\x00\x00\x00\x02\x00", 6}, /* a TASK without fields */
        {"\x01\x00\x00\x00\x01", 5},     /* a second, empty HELLO */
        {"\x01\x00\x00\x00\x0a", 5},     /* a DONE, which is for us to say */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct peer p;

        peer_ready(&p, peer_plugin("demo"));
        peer_send(&p, nonsense[i]);
        peer_hear_end(&p);
        assert_true(exited(peer_wait(&p), 1));
        peer_finish(&p);
    }
}

static void a_crash_is_seen_after_started(void **state)
{
    static const struct {
        const char *args;
        int signo;
    } crashes[] = {{"[\"segfault\"]", SIGSEGV}, {"[\"abort\"]", SIGABRT}};

    (void)state;
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        struct peer p;

        peer_ready(&p, peer_plugin("demo"));
        peer_call(&p, 1, "demo.crash", crashes[i].args);
        peer_hear(&p, FRAME_STARTED);
        peer_hear_end(&p);
        assert_true(killed(peer_wait(&p), crashes[i].signo));
        peer_finish(&p);
    }
}

static void an_exit_is_seen_after_started(void **state)
{
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    peer_call(&p, 1, "demo.crash", "[\"exit\"]");
    peer_hear(&p, FRAME_STARTED);
    peer_hear_end(&p);
    assert_true(exited(peer_wait(&p), 3));
    peer_finish(&p);
}

static void a_handler_that_closes_descriptors_ends_its_child_only(void **state)
{
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("closing"));
    peer_call(&p, 1, "closing.all", "[]");
    peer_hear(&p, FRAME_STARTED);
    peer_hear_end(&p);
    assert_true(exited(peer_wait(&p), 1));
    peer_finish(&p);
}

static void programs_a_handler_starts_do_not_hold_the_socket(void **state)
{
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("closing"));
    peer_call(&p, 1, "closing.leave_program", "[]");
    peer_hear(&p, FRAME_STARTED);
    peer_hear_end(&p);
    kill(-p.pid, SIGKILL); /* the program stays in the child's group */
    peer_finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_inherits_nothing_but_its_socket),
        cmocka_unit_test(it_leads_its_own_group_and_ignores_an_interrupt),
        cmocka_unit_test(it_leaves_quietly_if_its_parent_is_another),
        cmocka_unit_test(it_dies_with_its_parent),
        cmocka_unit_test(it_reports_its_table),
        cmocka_unit_test(it_says_why_it_cannot_start),
        cmocka_unit_test(it_finishes_what_it_has_and_stops),
        cmocka_unit_test(it_leaves_when_the_socket_is_closed),
        cmocka_unit_test(it_leaves_when_it_hears_nonsense),
        cmocka_unit_test(a_crash_is_seen_after_started),
        cmocka_unit_test(an_exit_is_seen_after_started),
        cmocka_unit_test(a_handler_that_closes_descriptors_ends_its_child_only),
        cmocka_unit_test(programs_a_handler_starts_do_not_hold_the_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
