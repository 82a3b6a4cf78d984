/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored of chords is read back in slices, and what goes wrong is told or asked
 * again. */
#include "chord_story.h"
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct real_redis server;

/* ---- reading -------------------------------------------------------------------- */

static void on_read(void *ctx, const struct str *documents, size_t n, bool last,
                    const char *why)
{
    struct chord_story *s = ctx;
    assert_false(s->last);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        s->documents[s->n++] =
            documents[i].p ? strndup(documents[i].p, documents[i].n) : NULL;
        bytes += documents[i].n;
    }
    if (n > 1 && bytes > s->largest_slice)
        s->largest_slice = bytes;
    s->last = last;
    if (last)
        chord_story_answered(s, why);
}

static void read_all(struct chord_story *s, enum backend_read what,
                     const struct str *ids, size_t n)
{
    s->last = false;
    s->ops->read(s->backend, what, ids, n, on_read, s);
    chord_story_await(s, s->answers + 1);
}

static void results_are_read_in_order_with_gaps(void **state)
{
    const struct str ids[] = {STR("1"), STR("missing"), STR("2")};
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    real_redis_ask(&server, "SET celery-task-meta-1 {\"status\":1}");
    real_redis_ask(&server, "SET celery-task-meta-2 \x84\xa6not_json");
    read_all(s, READ_RESULTS, ids, 3);
    assert_int_equal(s->n, 3);
    assert_string_equal(s->documents[0], "{\"status\":1}");
    assert_null(s->documents[1]);
    assert_string_equal(s->documents[2], "\x84\xa6not_json");
    chord_story_end(s);
}

static void many_large_results_come_in_bounded_slices(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    struct str ids[600];
    char names[600][8];
    char *large = calloc(1, 40001);
    (void)state;
    memset(large, 'x', 40000);
    for (int i = 0; i < 600; i++) {
        ids[i] = (struct str){names[i], (size_t)snprintf(names[i], 8, "%d", i)};
        real_redis_ask(&server, "SET celery-task-meta-%s %s", names[i], large);
    }
    read_all(s, READ_RESULTS, ids, 600);
    assert_int_equal(s->n, 600);
    for (int i = 0; i < 600; i++)
        assert_int_equal(strlen(s->documents[i]), 40000);
    assert_true(s->largest_slice <= 1 << 20);
    free(large);
    chord_story_end(s);
}

static void parts_are_read_in_the_order_of_the_header(void **state)
{
    const struct str group = STR("g");
    struct chord_story *s = chord_story_begin(&server);
    char id[16], expected[64];
    (void)state;
    for (int i = 9999; i >= 0; i--) {
        snprintf(id, sizeof(id), "t%d", i);
        snprintf(expected, sizeof(expected), "[1, \"%s\", \"SUCCESS\", %d]", id, i);
        chord_ask_part(s, id, i, expected);
    }
    chord_story_await(s, 10000);
    read_all(s, READ_PARTS, &group, 1);
    assert_int_equal(s->n, 10000);
    for (int i = 0; i < 10000; i++) {
        snprintf(expected, sizeof(expected), "[1, \"t%d\", \"SUCCESS\", %d]", i, i);
        assert_string_equal(s->documents[i], expected);
    }
    chord_story_end(s);
}

static void parts_without_order_come_as_they_were_added(void **state)
{
    const struct str group = STR("g");
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    s->config.result_chord_ordered = false;
    chord_part_as(s, "b", 1, PART("b", "SUCCESS", "2"));
    chord_part_as(s, "a", 0, PART("a", "SUCCESS", "1"));
    read_all(s, READ_PARTS, &group, 1);
    assert_int_equal(s->n, 2);
    assert_string_equal(s->documents[0], PART("b", "SUCCESS", "2"));
    chord_story_end(s);
}

static void a_chord_without_parts_is_read_as_none(void **state)
{
    const struct str group = STR("g");
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    read_all(s, READ_PARTS, &group, 1);
    assert_int_equal(s->n, 0);
    assert_string_equal(s->why, "");
    chord_story_end(s);
}

static void a_groups_document_is_stored_and_read_back(void **state)
{
    const struct str group = STR("g");
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    s->ops->save_group(s->backend, group, STR("{\"result\": [[\"g\", null], []]}"),
                       chord_story_done, s);
    chord_story_await(s, 1);
    assert_in_range(real_redis_int(&server, "TTL " KEY), 3590, 3600);
    read_all(s, READ_GROUP, &group, 1);
    assert_int_equal(s->n, 1);
    assert_string_equal(s->documents[0], "{\"result\": [[\"g\", null], []]}");
    chord_story_end(s);
}

static void what_is_larger_than_a_message_may_be_is_refused(void **state)
{
    const struct str group = STR("g"), id = STR("1");
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    s->config.message_max_bytes = 10;
    real_redis_ask(&server, "SET celery-task-meta-1 12345678901");
    real_redis_int(&server, "ZADD " KEY ".j 0 12345678901");
    read_all(s, READ_RESULTS, &id, 1);
    assert_non_null(strstr(s->why, "message_max_bytes"));
    read_all(s, READ_PARTS, &group, 1);
    assert_non_null(strstr(s->why, "message_max_bytes"));
    chord_story_end(s);
}

/* ---- settings ------------------------------------------------------------------- */

static void every_key_has_the_prefix_of_results(void **state)
{
    struct chord_story *s = chord_story_begin_prefixed(&server, "app");
    (void)state;
    chord_complete(s);
    assert_int_equal(real_redis_int(&server, "EXISTS app_" KEY ".j app_" KEY
                                             ".s app_" KEY ".d app_" KEY ".c"),
                     4);
    assert_int_equal(real_redis_int(&server, "DBSIZE"), 4);
    chord_story_end(s);
}

static void chords_may_live_longer_or_shorter_than_results(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    static char hour[] = "60", never[] = "0";
    (void)state;
    s->config.result_chord_expires = hour;
    real_redis_ask(&server, "SET " KEY " {}");
    chord_complete(s);
    assert_in_range(real_redis_int(&server, "TTL " KEY ".j"), 50, 60);
    assert_in_range(real_redis_int(&server, "TTL " KEY), 3590, 3600);
    real_redis_ask(&server, "FLUSHALL");
    s->config.result_chord_expires = never;
    chord_complete(s);
    assert_int_equal(real_redis_int(&server, "TTL " KEY ".j"), -1);
    chord_story_end(s);
}

static void a_claim_lasts_twice_as_long_as_a_join_may(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    s->config.result_chord_join_timeout_s = 200;
    chord_complete(s);
    assert_in_range(real_redis_int(&server, "TTL " KEY ".c"), 395, 400);
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    assert_in_range(real_redis_int(&server, "TTL " KEY ".c"), 795, 800);
    chord_story_end(s);
}

/* ---- what goes wrong ------------------------------------------------------------ */

static void a_key_of_another_kind_is_told(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    real_redis_ask(&server, "SET " KEY ".j oops");
    chord_ask_part(s, "a", 0, "[]");
    chord_story_await(s, 1);
    assert_non_null(strstr(s->why, "WRONGTYPE"));
    real_redis_ask(&server, "DEL " KEY ".j");
    real_redis_ask(&server, "SET " KEY ".s oops");
    chord_ask_part(s, "a", 0, "[]");
    chord_story_await(s, 2);
    assert_non_null(strstr(s->why, "no number"));
    chord_story_end(s);
}

static void a_full_server_is_asked_again(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 1, false);
    real_redis_ask(&server, "CONFIG SET maxmemory 1");
    chord_ask_part(s, "a", 0, "[1, \"a\", \"SUCCESS\", 1]");
    loop_for(&s->loop, 100);
    assert_int_equal(s->answers, 1);
    real_redis_ask(&server, "CONFIG SET maxmemory 0");
    chord_story_await(s, 2);
    assert_int_equal(s->state, PART_COMPLETE);
    chord_story_end(s);
}

static void an_id_that_is_no_key_is_refused_at_once(void **state)
{
    static char longer[600];
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    memset(longer, 'x', sizeof(longer));
    const struct backend_part nameless = {STR(""), STR("a"), 0, STR("[]")},
                              endless = {{longer, sizeof(longer)},
                                         STR("a"),
                                         0,
                                         STR("")};
    s->ops->chord_part(s->backend, &nameless, chord_story_state, s);
    s->ops->chord_part(s->backend, &endless, chord_story_state, s);
    s->ops->chord_size(s->backend, endless.group, 1, false, chord_story_done, s);
    s->ops->read(s->backend, READ_PARTS, &endless.group, 1, on_read, s);
    assert_int_equal(s->refusals, 4);
    chord_story_end(s);
}

/* By their places among the scripts that are loaded. */
#define COUNT "EVALSHA 1x"
#define STRINGS "EVALSHA 6x"

static void a_lost_connection_asks_again(void **state)
{
    static const struct fake_rule rules[] = {{COUNT, NULL, FAKE_HANG_UP, 2},
                                             {COUNT, "*2\r\n:1\r\n:0\r\n", FAKE_GO_ON,
                                              0},
                                             {0}};
    struct chord_story *s = chord_story_begin_fake(rules);
    (void)state;
    chord_ask_part(s, "a", 0, "[]");
    chord_story_await(s, 1);
    assert_int_equal(s->state, PART_COMPLETE);
    assert_true(s->downs >= 2);
    chord_story_end(s);
}

static void an_answer_that_makes_no_sense_is_asked_again(void **state)
{
    static const char *const answers[] = {"*0\r\n",
                                          ":1\r\n",
                                          "$-1\r\n",
                                          "*2\r\n:9\r\n:0\r\n",
                                          "*2\r\n:1\r\n$1\r\nx\r\n",
                                          "*2\r\n:-1\r\n:0\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct fake_rule rules[] = {{COUNT, answers[i], FAKE_GO_ON, 1},
                                          {COUNT, "*2\r\n:0\r\n:0\r\n", FAKE_GO_ON, 0},
                                          {0}};
        struct chord_story *s = chord_story_begin_fake(rules);
        chord_ask_part(s, "a", 0, "[]");
        chord_story_await(s, 1);
        assert_int_equal(s->state, PART_WAITING);
        assert_int_equal(s->refusals, 0);
        chord_story_end(s);
    }
}

static void more_documents_than_were_asked_for_are_not_taken(void **state)
{
    static const struct fake_rule rules[] = {{STRINGS, "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
                                              FAKE_GO_ON, 1},
                                             {STRINGS, "*1\r\n:1\r\n", FAKE_GO_ON, 1},
                                             {STRINGS, "*1\r\n$1\r\nc\r\n", FAKE_GO_ON,
                                              0},
                                             {0}};
    const struct str id = STR("1");
    struct chord_story *s = chord_story_begin_fake(rules);
    (void)state;
    read_all(s, READ_RESULTS, &id, 1);
    assert_int_equal(s->n, 1);
    assert_string_equal(s->documents[0], "c");
    chord_story_end(s);
}

static void what_a_worker_leaves_unasked_is_told(void **state)
{
    static const struct fake_rule rules[] = {{COUNT, NULL, FAKE_HANG_UP, 0}, {0}};
    struct chord_story *s = chord_story_begin_fake(rules);
    (void)state;
    chord_ask_part(s, "a", 0, "[]");
    s->ops->save_group(s->backend, STR("g"), STR("{}"), chord_story_done, s);
    chord_story_end(s); /* frees both: the sanitizers look */
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_read_in_order_with_gaps),
        cmocka_unit_test(many_large_results_come_in_bounded_slices),
        cmocka_unit_test(parts_are_read_in_the_order_of_the_header),
        cmocka_unit_test(parts_without_order_come_as_they_were_added),
        cmocka_unit_test(a_chord_without_parts_is_read_as_none),
        cmocka_unit_test(a_groups_document_is_stored_and_read_back),
        cmocka_unit_test(what_is_larger_than_a_message_may_be_is_refused),
        cmocka_unit_test(every_key_has_the_prefix_of_results),
        cmocka_unit_test(chords_may_live_longer_or_shorter_than_results),
        cmocka_unit_test(a_claim_lasts_twice_as_long_as_a_join_may),
        cmocka_unit_test(a_key_of_another_kind_is_told),
        cmocka_unit_test(a_full_server_is_asked_again),
        cmocka_unit_test(an_id_that_is_no_key_is_refused_at_once),
        cmocka_unit_test(a_lost_connection_asks_again),
        cmocka_unit_test(an_answer_that_makes_no_sense_is_asked_again),
        cmocka_unit_test(more_documents_than_were_asked_for_are_not_taken),
        cmocka_unit_test(what_a_worker_leaves_unasked_is_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
