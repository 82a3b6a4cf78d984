/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: what is revoked outlives the worker, and a damaged file its use. */
#include "../../../src/request/statedb.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64], path[96];
static const struct statedb_times now = {.wall_s = 1700000000, .now_ms = 50000000};

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/petiole-statedb-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/state", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void save(const struct revoke *r, uint64_t clock, struct statedb_times t)
{
    struct error e;
    struct wr w;
    wr_init(&w, STATEDB_MAX_BYTES);
    assert_true(statedb_write_text(&w, r, clock, t));
    assert_int_equal(statedb_save(path, wr_str(&w), &e), 0);
    wr_finish(&w);
}

static const ptl_value text_value = {.kind = PTL_STR, .u.s = {"x\"y", 3}};
static const ptl_value int_value = {.kind = PTL_INT, .u.i = 7};

static void what_was_saved_is_read_in_its_order_and_as_old_as_it_is(void **state)
{
    struct revoke a, b;
    struct error e;
    uint64_t clock = 0;
    (void)state;
    revoke_init(&a);
    revoke_init(&b);
    revoke_id(&a, STR("old"), now.now_ms - 60000);
    revoke_id(&a, STR("quote\" and \xc3\xa9"), now.now_ms - 5000);
    revoke_stamp(&a, STR("who"), &text_value, now.now_ms - 60000);
    revoke_stamp(&a, STR("n"), &int_value, now.now_ms);
    save(&a, 4711, now);
    const struct statedb_times later = {now.wall_s + 100, 1000};
    assert_int_equal(statedb_read(path, &b, &clock, later, &e), 0);
    assert_int_equal(clock, 4711);
    assert_int_equal(b.ids.n, 2);
    const struct limited_item *item = limited_first(&b.ids);
    assert_string_equal(item->text, "old");
    assert_int_equal(item->at_ms, 1000 - 160000);
    item = limited_next(&b.ids, item);
    assert_string_equal(item->text, "quote\" and \xc3\xa9");
    assert_int_equal(item->at_ms, 1000 - 105000);
    assert_int_equal(b.stamps.n, 2);
    struct str name, value;
    revoke_split_stamp(limited_text(limited_first(&b.stamps)), &name, &value);
    assert_true(str_is(name, "who") && str_is(value, "\"x\\\"y\""));
    revoke_finish(&a);
    revoke_finish(&b);
}

static void a_clock_that_was_set_back_makes_nothing_older_than_now(void **state)
{
    struct revoke a, b;
    struct error e;
    uint64_t clock;
    (void)state;
    revoke_init(&a);
    revoke_init(&b);
    revoke_id(&a, STR("x"), now.now_ms);
    save(&a, 0, now);
    const struct statedb_times back = {now.wall_s - 3600, 1000};
    assert_int_equal(statedb_read(path, &b, &clock, back, &e), 0);
    assert_int_equal(limited_first(&b.ids)->at_ms, 1000);
    revoke_finish(&a);
    revoke_finish(&b);
}

static void a_missing_file_holds_nothing(void **state)
{
    struct revoke r;
    struct error e;
    uint64_t clock = 3;
    (void)state;
    revoke_init(&r);
    assert_int_equal(statedb_read(path, &r, &clock, now, &e), 0);
    assert_int_equal(r.ids.n, 0);
    assert_int_equal(clock, 3);
    revoke_finish(&r);
}

static void a_damaged_file_is_set_aside_with_one_line(void **state)
{
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"petiole_state\": 2}",
        "{\"revoked\": {}}",
        "{\"petiole_state\": 1, \"revoked\": [1]}",
        "{\"petiole_state\": 1, \"revoked_stamps\": {}}",
        "{\"petiole_state\": 1, \"clock\": -5}",
        "\x00\xff\x07shelve"};
    char aside[128];
    (void)state;
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct revoke r;
        struct error e = {0};
        uint64_t clock = 3;
        revoke_init(&r);
        write_file(damaged[i]);
        assert_true(statedb_read(path, &r, &clock, now, &e) < 0);
        assert_non_null(strstr(e.msg, "cannot use the state file"));
        assert_non_null(strstr(e.msg, "state.damaged"));
        assert_null(strchr(e.msg, '\n'));
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(aside, F_OK), 0);
        assert_int_equal(r.ids.n, 0);
        assert_int_equal(clock, 3);
        unlink(aside);
        revoke_finish(&r);
    }
}

static void strange_entries_are_passed_over(void **state)
{
    struct revoke r;
    struct error e;
    uint64_t clock;
    (void)state;
    revoke_init(&r);
    write_file(
        "{\"petiole_state\": 1, \"clock\": \"x\", \"revoked\": {\"\": 1, \"a\": null, "
        "\"b\": 1e400, \"c\": -7, \"d\": 1700000000}, "
        "\"revoked_stamps\": [1, [], [\"k\", 2], [3, 2, 1], [\"k\", [1], "
        "1700000000]]}");
    assert_int_equal(statedb_read(path, &r, &clock, now, &e), 0);
    assert_int_equal(r.ids.n, 4);
    assert_int_equal(r.stamps.n, 1);
    revoke_finish(&r);
}

static void what_cannot_be_written_is_told_and_leaves_the_old_file(void **state)
{
    struct revoke r;
    struct error e;
    uint64_t clock = 0;
    char fresh[128];
    (void)state;
    revoke_init(&r);
    save(&r, 5, now);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    assert_int_equal(mkdir(fresh, 0700), 0); /* in the way */
    assert_true(statedb_save(path, STR("{}"), &e) < 0);
    assert_non_null(strstr(e.msg, "cannot write the state file"));
    assert_int_equal(statedb_read(path, &r, &clock, now, &e), 0);
    assert_int_equal(clock, 5);
    revoke_finish(&r);
}

static void a_full_set_is_saved_and_read_whole(void **state)
{
    struct revoke a, b;
    struct error e;
    uint64_t clock;
    (void)state;
    revoke_init(&a);
    revoke_init(&b);
    for (int i = 0; i < REVOKES_MAX; i++) {
        char id[40];
        snprintf(id, sizeof(id), "00000000-0000-0000-0000-%012d", i);
        revoke_id(&a, str_of(id), now.now_ms);
    }
    save(&a, 1, now);
    assert_int_equal(statedb_read(path, &b, &clock, now, &e), 0);
    assert_int_equal(b.ids.n, REVOKES_MAX);
    revoke_finish(&a);
    revoke_finish(&b);
}

#define IN_A_FOLDER(test)                                                              \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_saved_is_read_in_its_order_and_as_old_as_it_is),
        IN_A_FOLDER(a_clock_that_was_set_back_makes_nothing_older_than_now),
        IN_A_FOLDER(a_missing_file_holds_nothing),
        IN_A_FOLDER(a_damaged_file_is_set_aside_with_one_line),
        IN_A_FOLDER(strange_entries_are_passed_over),
        IN_A_FOLDER(what_cannot_be_written_is_told_and_leaves_the_old_file),
        IN_A_FOLDER(a_full_set_is_saved_and_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
