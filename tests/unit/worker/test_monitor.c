/* SPDX-License-Identifier: Apache-2.0 */
/* The view of `petiole events` without a terminal: what it keeps of events, how it
 * draws them at any size, and that no event can garble it. */
#include "../../../protocol/json.h"
#include "../../../src/command/progress.h"
#include "../../../src/monitor/dump.h"
#include "../../../src/monitor/monitor.h"
#include "../../../src/monitor/text.h"
#include "../protocol/cmocka_all.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct monitor *m;
static uv_loop_t loop;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    uv_loop_init(&loop);
    arena_init(&arena, (size_t)64 << 20);
    m = calloc(1, sizeof(*m));
    if (!m || !seen_init(&m->seen))
        return -1;
    m->loop = &loop;
    screen_init(&m->screen, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    monitor_finish(m);
    free(m);
    arena_finish(&arena);
    return uv_loop_close(&loop);
}

static const ptl_value *read_json(const char *text)
{
    struct json_error e;
    const ptl_value *v =
        json_read(&arena, str_of(text), JSON_COPY_STRINGS, &json_default_limits, &e);
    assert_non_null(v);
    return v;
}

static void hear(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    seen_event(&m->seen, read_json(text), monitor_now_s(m));
    arena_reset(&arena);
}

static void task(const char *type, const char *uuid)
{
    hear("{\"type\": \"task-%s\", \"uuid\": \"%s\", \"name\": \"demo.add\", "
         "\"hostname\": "
         "\"w1@h1\", \"timestamp\": 1795357937.5}",
         type, uuid);
}

static enum seen_state state_of(const char *uuid)
{
    struct seen_task *t = seen_find(&m->seen, str_of(uuid));
    assert_non_null(t);
    return t->state;
}

static void in_order(const char *uuids)
{
    char found[1024] = "";
    size_t n = 0;
    const struct seen_task *last = NULL;
    for (struct seen_task *t = seen_first(&m->seen); t; t = seen_next(&m->seen, t)) {
        assert_ptr_equal(seen_before(&m->seen, t), last);
        last = t;
        n += (size_t)snprintf(found + n, sizeof(found) - n, STR_FMT " ",
                              STR_ARG(t->fields[SEEN_UUID]));
    }
    assert_string_equal(found, uuids);
}

/* ---- what is kept ------------------------------------------------------------------
 */

static void test_those_that_run_come_first_and_the_last_heard_of_next(void **state)
{
    (void)state;
    task("received", "a");
    task("received", "b");
    task("received", "c");
    in_order("c b a ");
    task("started", "a");
    task("started", "b");
    in_order("a b c ");
    task("succeeded", "a");
    in_order("b a c ");
    assert_int_equal(m->seen.nrunning, 1);
}

static void test_an_event_that_comes_late_does_not_turn_back(void **state)
{
    (void)state;
    task("succeeded", "a");
    task("started", "a");
    assert_int_equal(state_of("a"), SEEN_SUCCESS);
    hear("{\"type\": \"task-received\", \"uuid\": \"a\", \"args\": \"(2, 3)\", "
         "\"name\": \"x\"}");
    assert_int_equal(state_of("a"), SEEN_SUCCESS);
    struct seen_task *t = seen_find(&m->seen, STR("a"));
    assert_true(str_is(t->fields[SEEN_ARGS], "(2, 3)"));
    assert_true(str_is(t->fields[SEEN_NAME], "demo.add"));
    task("retried", "a");
    task("started", "a");
    assert_int_equal(state_of("a"), SEEN_STARTED);
}

static void test_tasks_are_bounded_and_those_that_run_are_kept(void **state)
{
    char uuid[32];
    (void)state;
    task("started", "runs");
    for (int i = 0; i < SEEN_TASKS + 500; i++) {
        snprintf(uuid, sizeof(uuid), "t%d", i);
        task("received", uuid);
    }
    assert_int_equal(m->seen.ntasks, SEEN_TASKS);
    assert_int_equal(m->seen.forgotten, 501);
    assert_int_equal(state_of("runs"), SEEN_STARTED);
    assert_null(seen_find(&m->seen, STR("t0")));
    assert_non_null(seen_find(&m->seen, str_of(uuid)));
}

static void test_texts_are_bounded_alone_and_together(void **state)
{
    char *big = malloc(100001);
    (void)state;
    assert_non_null(big);
    memset(big, 'x', 100000);
    big[100000] = '\0';
    for (int i = 0; i < 3000; i++) {
        char uuid[32];
        snprintf(uuid, sizeof(uuid), "t%d", i);
        ptl_value *event = value_map(&arena, 8);
        assert_true(
            value_map_set(&arena, event, STR("type"),
                          value_text(&arena, "task-failed")) &&
            value_map_set(&arena, event, STR("uuid"), value_text(&arena, uuid)) &&
            value_map_set(&arena, event, STR("traceback"),
                          value_str(&arena, str_of(big))));
        seen_event(&m->seen, event, 0);
        arena_reset(&arena);
    }
    assert_true(m->seen.bytes <= SEEN_BYTES);
    assert_true(m->seen.ntasks < 3000 && m->seen.ntasks > 1000);
    assert_int_equal(seen_first(&m->seen)->fields[SEEN_TRACEBACK].n, 16384);
    free(big);
}

static void test_workers_are_sorted_bounded_and_go_offline(void **state)
{
    (void)state;
    for (int i = 0; i < SEEN_WORKERS + 100; i++)
        hear("{\"type\": \"worker-heartbeat\", \"hostname\": \"w%d@h\", \"freq\": 2, "
             "\"active\": 3, "
             "\"processed\": 70, \"loadavg\": [0.5, 1, 2], \"sw_ident\": \"petiole\", "
             "\"sw_ver\": \"1\"}",
             (i * 7919) % (SEEN_WORKERS + 100));
    assert_int_equal(m->seen.nworkers, SEEN_WORKERS);
    for (size_t i = 1; i < m->seen.nworkers; i++)
        assert_true(strcmp(m->seen.workers[i - 1].name, m->seen.workers[i].name) < 0);
    struct seen_worker *w = &m->seen.workers[0];
    assert_int_equal(w->active, 3);
    assert_true(w->load[1] == 1);
    assert_string_equal(w->software, "petiole 1");
    assert_true(seen_is_online(w, w->heard_s + 4.9));
    assert_false(seen_is_online(w, w->heard_s + 5.1));
    hear("{\"type\": \"worker-offline\", \"hostname\": \"%s\"}", w->name);
    assert_false(seen_is_online(w, w->heard_s));
}

static void test_what_is_no_event_is_passed_over(void **state)
{
    static const char *const odd[] = {
        "{}",
        "[]",
        "3",
        "{\"type\": 3}",
        "{\"type\": \"task-received\"}",
        "{\"type\": \"task-received\", \"uuid\": 3}",
        "{\"type\": \"task-received\", \"uuid\": \"\"}",
        "{\"type\": \"worker-online\"}",
        "{\"type\": \"worker-online\", \"hostname\": \"a\\u0000b\"}",
        "{\"type\": \"task-\", \"uuid\": \"x\"}",
        "{\"type\": \"\", \"uuid\": \"x\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        hear("%s", odd[i]);
    assert_int_equal(m->seen.ntasks + m->seen.nworkers, 0);
    hear("{\"type\": \"task-started\", \"uuid\": \"x\", \"name\": [1, {\"a\": null}], "
         "\"timestamp\": "
         "\"soon\", \"runtime\": 1e999, \"hostname\": {}, \"args\": NaN}");
    hear("{\"type\": \"worker-heartbeat\", \"hostname\": \"w\", \"freq\": \"x\", "
         "\"active\": [], "
         "\"loadavg\": {\"0\": 1}, \"sw_ver\": 4}");
    assert_int_equal(m->seen.ntasks + m->seen.nworkers, 2);
}

/* ---- text
 * ---------------------------------------------------------------------------- */

static void field(const char *text, int columns, const char *shown)
{
    struct wr w;
    wr_init(&w, 4096);
    text_field(&w, str_of(text), columns);
    wr_u8(&w, 0);
    assert_string_equal(w.p, shown);
    wr_finish(&w);
}

static void test_a_field_is_as_wide_as_it_should(void **state)
{
    (void)state;
    field("abc", 5, "abc  ");
    field("abcde", 5, "abcde");
    field("abcdef", 5, "abcd…");
    field("", 3, "   ");
    field("äöü", 4, "äöü ");
    field("日本語", 6, "日本語");
    field("日本語", 5, "日本…");
    field("日本語", 4, "日 …");
    field("x", 0, "");
    field("xy", 1, "…");
}

static void test_nothing_that_moves_a_terminal_gets_through(void **state)
{
    (void)state;
    field("a\033[2Jb", 12, "a\\x1b[2Jb   ");
    field("\r\n\t\a", 12, "\\r\\n\\t\\x07  ");
    field("\xc2\x9b"
          "2J",
          8, "\\x9b2J  ");                 /* C1: CSI */
    field("\xe2\x80\xae", 8, "\\u202e  "); /* turns the direction */
    field("\xff\xfe", 8, "\\xff\\xfe");    /* no UTF-8 */
    field("e\xcc\x81", 8, "e\\u0301 ");    /* without a width */
    field("\x7f", 6, "\\x7f  ");
}

/* ---- dump
 * ---------------------------------------------------------------------------- */

static void dumped(struct dump *d, const char *event, const char *line)
{
    struct wr w;
    wr_init(&w, 65536);
    dump_event(d, read_json(event), 1795357937.25, &w);
    wr_u8(&w, 0);
    assert_string_equal(w.p, line);
    wr_finish(&w);
}

static void test_lines_are_those_of_celery_events_dump(void **state)
{
    struct dump *d = calloc(1, sizeof(*d));
    (void)state;
    assert_non_null(d);
    dumped(d,
           "{\"type\": \"worker-online\", \"hostname\": \"w1@h1\", \"timestamp\": "
           "1795357937.9377315, "
           "\"utcoffset\": 0, \"pid\": 7, \"loadavg\": [0.5, 1.25], \"sw_ident\": "
           "\"py-celery\"}",
           "w1@h1 [2026-11-22 14:32:17.937732+00:00] started: loadavg=[0.5, 1.25], "
           "local_received=1795357937.25, pid=7, sw_ident=py-celery, utcoffset=0\n");
    dumped(
        d,
        "{\"type\": \"task-started\", \"hostname\": \"h\", \"timestamp\": 1795357937, "
        "\"uuid\": \"u\"}",
        "h [2026-11-22 14:32:17+00:00] task started:  local_received=1795357937.25\n");
    dumped(d,
           "{\"type\": \"task-received\", \"hostname\": \"h\", \"timestamp\": "
           "1795357937, \"uuid\": \"u\", "
           "\"name\": \"demo.add\", \"args\": \"(2, 3)\", \"kwargs\": \"{}\", \"eta\": "
           "null}",
           "h [2026-11-22 14:32:17+00:00] task received: demo.add(u) args=(2, 3) "
           "kwargs={} eta=None, "
           "local_received=1795357937.25\n");
    dumped(d,
           "{\"type\": \"task-succeeded\", \"hostname\": \"h\", \"timestamp\": "
           "1795357937, \"uuid\": \"u\", "
           "\"result\": \"5\", \"runtime\": 0.001}",
           "h [2026-11-22 14:32:17+00:00] task succeeded: demo.add(u) args=(2, 3) "
           "kwargs={} "
           "local_received=1795357937.25, result=5, runtime=0.001\n");
    dump_finish(d);
    free(d);
}

static void test_a_dumped_event_is_one_line_whatever_it_holds(void **state)
{
    struct dump *d = calloc(1, sizeof(*d));
    (void)state;
    assert_non_null(d);
    dumped(d, "{}", "None [None] : local_received=1795357937.25\n");
    dumped(d,
           "{\"type\": \"task-\\u001bX\\n\", \"hostname\": \"a\\nb\", \"timestamp\": "
           "\"\\u001b[2J\", "
           "\"uuid\": 3, \"k\\nv\": \"x\\ny\"}",
           "a\\nb [\\x1b[2J] task \\x1bx\\n:  k\\nv=x\\ny, "
           "local_received=1795357937.25\n");
    dumped(d, "{\"type\": \"task-x\", \"timestamp\": 1e300}",
           "None [1e+300] task x:  local_received=1795357937.25\n");
    dump_finish(d);
    free(d);
}

/* ---- the screen
 * ---------------------------------------------------------------------- */

static void draw(int columns, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows,
                           .ws_col = (unsigned short)columns};
    int pty = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), before = dup(STDOUT_FILENO);
    char name[64], drain[65536];
    assert_true(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
    assert_int_equal(ptsname_r(pty, name, sizeof(name)), 0);
    int terminal = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(terminal >= 0 && ioctl(terminal, TIOCSWINSZ, &size) == 0);
    fflush(stdout);
    dup2(terminal, STDOUT_FILENO);
    monitor_draw(m);
    dup2(before, STDOUT_FILENO);
    (void)!read(pty, drain, sizeof(drain));
    close(terminal);
    close(pty);
    close(before);
}

/* Columns of a drawn line, without the sequences that style it. */
static size_t width(const struct wr *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->len; i++)
        if (w->p[i] == '\033')
            while (w->p[i] != 'm')
                assert_true(++i < w->len);
        else if (((unsigned char)w->p[i] & 0xc0) != 0x80)
            n++;
    return n;
}

static bool shows(const char *text)
{
    for (int i = 0; i < m->screen.rows; i++) {
        const struct wr *w = &m->screen.shown[i];
        if (w->len && memmem(w->p, w->len, text, strlen(text)))
            return true;
    }
    return false;
}

static void fill(void)
{
    char uuid[64];
    for (int i = 0; i < 40; i++) {
        snprintf(uuid, sizeof(uuid), "%08x-aaaa-bbbb-cccc-121212121212", i);
        task(i < 3 ? "started" : "received", uuid);
        hear("{\"type\": \"worker-heartbeat\", \"hostname\": \"worker%02d@host\", "
             "\"freq\": 2, "
             "\"active\": %d, \"processed\": 12}",
             i, i);
    }
}

static void test_it_fits_into_every_size(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        for (int columns = 1; columns <= 200; columns += columns < 130 ? 1 : 35)
            for (int rows = 1; rows <= 60; rows += rows < 26 ? 1 : 17) {
                draw(columns, rows);
                assert_int_equal(m->screen.rows, rows);
                for (int i = 0; i < rows; i++)
                    assert_true(width(&m->screen.shown[i]) <= (size_t)columns);
            }
        fill();
    }
}

static void test_what_must_be_there_is_there_at_80_by_24_and_at_20_columns(void **state)
{
    (void)state;
    fill();
    draw(80, 24);
    assert_true(shows("worker00@host") && shows("33 more workers") && shows("online"));
    assert_true(shows("STARTED") && shows("demo.add") && shows("w1@h1") &&
                shows("00000002"));
    assert_true(shows("q quit") && shows("running 3"));
    draw(20, 10);
    assert_true(shows("40/40 workers 3 run") && shows("STARTED") && shows("demo.add"));
    draw(140, 24);
    assert_true(shows("00000002-aaaa-bbbb-cccc-121212121212"));
}

static void test_keys_move_and_open_pages(void **state)
{
    (void)state;
    fill();
    draw(80, 24);
    monitor_keys(m, STR("j"));
    assert_true(str_is((struct str){m->selected, m->nselected},
                       "00000000-aaaa-bbbb-cccc-121212121212"));
    monitor_keys(m, STR("\033[Bjk\033OA\033OB"));
    assert_int_equal(m->selected[7], '1');
    monitor_keys(m, STR("i"));
    assert_true(m->page.open && shows("state: STARTED") && shows("name: demo.add"));
    monitor_keys(m, STR("x"));
    assert_false(m->page.open);
    monitor_keys(m, STR("\033[4~"));
    assert_true(m->top > 0 && shows("00000003"));
    monitor_keys(m, STR("t"));
    assert_true(shows("no traceback"));
    monitor_keys(m, STR("\033[1~R"));
    assert_true(shows("there is no connection"));
    monitor_keys(m, STR("L10/m\177"));
    assert_true(m->prompts && shows("New rate limit: 10/_"));
    monitor_keys(m, STR("\033"));
    assert_false(m->prompts);
    monitor_keys(m, STR("\033["));
    monitor_keys(m, STR("\033[999;999;999x\033[\xff"));
    monitor_keys(m, STR("q"));
    assert_true(m->quits);
}

static void test_a_page_of_a_long_text_is_wrapped_and_scrolls(void **state)
{
    (void)state;
    char text[4000] = "";
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "line %02d of the traceback\\n", i);
    hear("{\"type\": \"task-failed\", \"uuid\": \"f\", \"exception\": "
         "\"E\\u001b[31m(1)\", \"traceback\": \"%s\"}",
         text);
    draw(80, 24);
    monitor_keys(m, STR("jt"));
    draw(80, 24);
    assert_true(shows("line 00 of") && shows("line 21 of") && !shows("line 22 of"));
    monitor_keys(m, STR("jj"));
    draw(80, 24);
    assert_true(!shows("line 01 of") && shows("line 23 of"));
    monitor_keys(m, STR("\033[4~"));
    draw(80, 24);
    assert_true(shows("line 59 of"));
    monitor_keys(m, STR("xr"));
    draw(80, 24);
    assert_true(shows("E\\x1b[31m(1)"));
}

/* ---- the line of `petiole call --wait`
 * ------------------------------------------------ */

static void progress(const char *state, const char *meta, int columns, const char *line)
{
    struct wr w;
    const struct progress p = {.state = str_of(state),
                               .meta = read_json(meta),
                               .nparts = 1,
                               .waited_s = 7};
    wr_init(&w, 65536);
    progress_write(&w, &p, columns);
    assert_int_equal(width(&w), columns);
    wr_u8(&w, 0);
    assert_string_equal(w.p, line);
    wr_finish(&w);
}

static void test_progress_is_a_share_counts_and_words(void **state)
{
    (void)state;
    progress("PROGRESS", "{\"current\": 21, \"total\": 50, \"message\": \"page 3\"}",
             70,
             "PROGRESS  42% [########------------] 21/50 page 3                   7s");
    progress("PROGRESS", "{\"current\": 21, \"total\": 50}", 30,
             "PROGRESS  42% 21/50         7s");
    progress("PROGRESS", "{\"current\": 21, \"total\": 50}", 12, "PROGRESS  4…");
    progress("PROCESSING", "{\"percent\": 250.5}", 30,
             "PROCESSING 100%             7s");
    progress("PENDING", "null", 20, "PENDING           7s");
    progress("STARTED", "{\"pid\": 3, \"hostname\": \"w1@h1\"}", 30,
             "STARTED on w1@h1            7s");
    progress("MINE", "{\"a\": 1}", 30, "MINE {\"a\": 1}               7s");
    progress("MINE", "{\"current\": 1, \"total\": 0}", 30,
             "MINE 1/0 {\"current\": 1, \"t… 7s");
    progress("P\033[2J", "{\"percent\": 1, \"message\": \"a\\r\\u001b]0;x\"}", 40,
             "P\\x1b[2J   1% a\\r\\x1b]0;x             7s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_those_that_run_come_first_and_the_last_heard_of_next, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_an_event_that_comes_late_does_not_turn_back, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_tasks_are_bounded_and_those_that_run_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts_are_bounded_alone_and_together,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_workers_are_sorted_bounded_and_go_offline,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_event_is_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_field_is_as_wide_as_it_should, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_that_moves_a_terminal_gets_through,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_are_those_of_celery_events_dump,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_dumped_event_is_one_line_whatever_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_fits_into_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_what_must_be_there_is_there_at_80_by_24_and_at_20_columns, setup,
            teardown),
        cmocka_unit_test_setup_teardown(test_keys_move_and_open_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_page_of_a_long_text_is_wrapped_and_scrolls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress_is_a_share_counts_and_words,
                                        setup, teardown),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
