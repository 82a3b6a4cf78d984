/* SPDX-License-Identifier: Apache-2.0 */
/* Chords in Redis: each part counts once whoever adds it, and one part joins. */
#include "chord_story.h"
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct real_redis server;

static long long exists(const char *suffix)
{
    return real_redis_int(&server, "EXISTS " KEY "%s", suffix);
}

/* ---- counting ------------------------------------------------------------------ */

static void the_last_part_is_told_and_the_keys_are_celerys(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 2, false);
    assert_int_equal(chord_part(s, "a", 1), PART_WAITING);
    assert_int_equal(chord_part(s, "b", 0), PART_COMPLETE);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".s"), "2");
    assert_int_equal(real_redis_int(&server, "ZRANK " KEY ".j %s",
                                    PART("b", "SUCCESS", "\"of b\"")),
                     0);
    assert_int_equal(real_redis_int(&server, "SISMEMBER " KEY ".d b:0"), 1);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".c"), "petiole:b");
    assert_in_range(real_redis_int(&server, "TTL " KEY ".c"), 5, 6);
    for (size_t i = 0; i < 3; i++) {
        const char *const ends[] = {".j", ".s", ".d"};
        assert_in_range(real_redis_int(&server, "TTL " KEY "%s", ends[i]), 3590, 3600);
    }
    chord_story_end(s);
}

static void a_part_without_an_index_comes_last(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 2, false);
    assert_int_equal(chord_part(s, "a", INFINITY), PART_WAITING);
    assert_int_equal(real_redis_int(&server, "SISMEMBER " KEY ".d a:+inf"), 1);
    assert_int_equal(chord_part(s, "b", 7), PART_COMPLETE);
    assert_int_equal(real_redis_int(&server, "ZRANK " KEY ".j %s",
                                    PART("a", "SUCCESS", "\"of a\"")),
                     1);
    chord_story_end(s);
}

static void a_part_that_is_delivered_again_counts_once_whatever_its_result(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 2, false);
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    assert_int_equal(chord_part_as(s, "a", 0, PART("a", "SUCCESS", "2")), PART_WAITING);
    assert_int_equal(real_redis_int(&server, "ZCARD " KEY ".j"), 1);
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE);
    chord_story_end(s);
}

static void parts_before_the_size_wait_for_it(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    assert_int_equal(chord_part(s, "b", 1), PART_WAITING);
    chord_size_of(s, 3, false);
    assert_int_equal(chord_part(s, "c", 2), PART_COMPLETE);
    chord_story_end(s);
}

static void a_chord_that_grows_waits_for_the_part_that_was_added(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 1, false);
    s->ops->chord_grow(s->backend, STR("g"), chord_story_done, s);
    chord_story_await(s, 2);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".t"), "1");
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    assert_int_equal(chord_part(s, "added", 0), PART_COMPLETE);
    loop_for(&s->loop, 20);
    /* .t .s .j .d .c, and no marker */
    assert_int_equal(real_redis_int(&server, "DBSIZE"), 5);
    chord_story_end(s);
}

static void a_size_is_never_lowered(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 3, false);
    chord_size_of(s, 2, false);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".s"), "3");
    chord_size_of(s, 5, false);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".s"), "5");
    chord_story_end(s);
}

static void thousands_of_parts_in_one_turn_are_one_round_trip(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    char id[16], text[64];
    unsigned complete = 0;
    (void)state;
    chord_size_of(s, 5000, false);
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof(id), "t%d", i);
        snprintf(text, sizeof(text), "[1, \"%s\", \"SUCCESS\", %d]", id, i);
        chord_ask_part(s, id, i, text);
    }
    uv_run(&s->loop, UV_RUN_NOWAIT); /* written whole before anything was answered */
    chord_story_await(s, 5001);
    complete += s->state == PART_COMPLETE;
    assert_int_equal(complete, 1);
    assert_int_equal(real_redis_int(&server, "ZCARD " KEY ".j"), 5000);
    chord_story_end(s);
}

/* ---- beside older workers ------------------------------------------------------- */

/* As Celery 5.3.4: neither .d nor .c. */
static void old_part(const char *id, int index, const char *state)
{
    char text[200];
    snprintf(text, sizeof(text), PART("%s", "%s", "\"old %s\""), id, state, id);
    real_redis_int(&server, "ZADD " KEY ".j %d %s", index, text);
}

static void what_an_older_worker_added_counts_by_its_task(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 3, false);
    old_part("a", 0, "SUCCESS");
    old_part("b", 1, "SUCCESS");
    assert_int_equal(chord_part(s, "c", 2), PART_COMPLETE);
    chord_story_end(s);
}

static void what_it_added_twice_counts_once_and_the_success_stays(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 3, false);
    old_part("a", 0, "FAILURE");
    old_part("a", 0, "SUCCESS");
    assert_int_equal(chord_part(s, "b", 1), PART_WAITING);
    assert_int_equal(real_redis_int(&server, "ZCARD " KEY ".j"), 2);
    assert_int_equal(real_redis_int(&server, "ZRANK " KEY ".j %s",
                                    PART("a", "SUCCESS", "\"old a\"")),
                     0);
    assert_int_equal(chord_part(s, "c", 2), PART_COMPLETE);
    chord_story_end(s);
}

static void a_part_that_it_ran_first_is_not_added_again(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 2, false);
    old_part("a", 0, "SUCCESS");
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    assert_int_equal(real_redis_int(&server, "ZCARD " KEY ".j"), 1);
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE);
    chord_story_end(s);
}

static void parts_in_msgpack_and_yaml_are_known_by_their_tasks_too(void **state)
{
    static const char *const twice[] = {"\x94\x01\xd9\x01"
                                        "m\xa7SUCCESS\x05",
                                        "\x94\x01\xd9\x01"
                                        "m\xa7SUCCESS\x06",
                                        "\x94\x01\xa1m\xa7SUCCESS\x07",
                                        "- 1\n- m\n- SUCCESS\n- 1\n",
                                        "- 1\n- m\n- SUCCESS\n- 2\n"};
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_size_of(s, 2, false);
    for (size_t i = 0; i < 5; i++)
        real_redis_int(&server, "ZADD " KEY ".j 0 %s", twice[i]);
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE);
    assert_int_equal(real_redis_int(&server, "ZCARD " KEY ".j"), 2);
    chord_story_end(s);
}

static void without_order_the_parts_are_a_list(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    s->config.result_chord_ordered = false;
    chord_size_of(s, 3, false);
    real_redis_int(&server, "RPUSH " KEY ".j %s", PART("a", "SUCCESS", "1"));
    real_redis_int(&server, "RPUSH " KEY ".j %s", PART("a", "SUCCESS", "1"));
    assert_int_equal(chord_part_as(s, "a", 0, PART("a", "SUCCESS", "1")), PART_WAITING);
    assert_int_equal(chord_part_as(s, "b", 1, PART("b", "SUCCESS", "2")), PART_WAITING);
    assert_int_equal(chord_part_as(s, "b", 1, PART("b", "SUCCESS", "2")), PART_WAITING);
    assert_int_equal(chord_part_as(s, "c", 2, PART("c", "SUCCESS", "3")),
                     PART_COMPLETE);
    assert_string_equal(real_redis_list(&server, KEY ".j"),
                        PART("a", "SUCCESS", "1") " " PART("b", "SUCCESS",
                                                           "2") " " PART("c", "SUCCESS",
                                                                         "3"));
    chord_story_end(s);
}

/* ---- claiming ------------------------------------------------------------------- */

static void a_claim_is_its_parts_own_until_it_lapses(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    assert_int_equal(chord_part(s, "a", 0), PART_CLAIMED);
    assert_true(s->retry_s > 4 && s->retry_s <= 6);
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE); /* delivered again */
    real_redis_ask(&server, "DEL " KEY ".c");
    assert_int_equal(chord_part(s, "a", 0), PART_COMPLETE);
    assert_int_equal(chord_sending(s, "b"), PART_CLAIMED);
    chord_story_end(s);
}

static void a_claim_of_celery_5_7_is_respected(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    real_redis_ask(&server, "SET " KEY ".c 0123456789abcdef EX 6");
    assert_int_equal(chord_part(s, "b", 1), PART_CLAIMED);
    real_redis_ask(&server, "SET " KEY ".c done EX 300");
    assert_int_equal(chord_part(s, "b", 1), PART_DONE);
    assert_int_equal(chord_sending(s, "b"), PART_DONE);
    chord_story_end(s);
}

static void once_the_body_is_being_sent_no_other_part_joins(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    assert_int_equal(chord_part(s, "a", 0), PART_DONE);
    assert_int_equal(chord_sending(s, "a"), PART_DONE);
    /* The worker dies, and the part is delivered again. */
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE);
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    chord_end(s, "b", true);
    chord_story_end(s);
}

static void a_claim_that_has_lapsed_is_taken_anew_while_nobody_else_has_it(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    real_redis_ask(&server, "DEL " KEY ".c");
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    chord_end(s, "b", true);
    real_redis_ask(&server, "DEL " KEY ".c");
    assert_int_equal(chord_sending(s, "b"), PART_DONE);
    chord_story_end(s);
}

static void a_chord_that_is_done_leaves_only_the_mark(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    chord_end(s, "b", true);
    assert_int_equal(real_redis_int(&server, "DBSIZE"), 1);
    assert_string_equal(real_redis_text(&server, "GET " KEY ".c"), "done");
    assert_in_range(real_redis_int(&server, "TTL " KEY ".c"), 290, 300);
    assert_int_equal(chord_part(s, "a", 0), PART_DONE);
    assert_int_equal(exists(".j"), 0);
    chord_size_of(s, 2, true); /* the publisher was delivered again, too */
    assert_int_equal(exists(".s"), 0);
    chord_size_of(s, 2, false); /* another run of the same */
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    chord_story_end(s);
}

static void a_chord_that_failed_keeps_its_parts_and_loses_its_size(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    assert_int_equal(chord_sending(s, "b"), PART_COMPLETE);
    chord_end(s, "b", false);
    assert_int_equal(exists(".s"), 0);
    assert_int_equal(exists(".j"), 1);
    assert_int_equal(chord_part(s, "a", 0), PART_DONE);
    chord_story_end(s);
}

static void only_the_claims_owner_ends_a_chord(void **state)
{
    struct chord_story *s = chord_story_begin(&server);
    (void)state;
    chord_complete(s);
    chord_end(s, "a", true);
    assert_int_equal(exists(".j"), 1);
    chord_story_end(s);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_part_is_told_and_the_keys_are_celerys),
        cmocka_unit_test(a_part_without_an_index_comes_last),
        cmocka_unit_test(
            a_part_that_is_delivered_again_counts_once_whatever_its_result),
        cmocka_unit_test(parts_before_the_size_wait_for_it),
        cmocka_unit_test(a_chord_that_grows_waits_for_the_part_that_was_added),
        cmocka_unit_test(a_size_is_never_lowered),
        cmocka_unit_test(thousands_of_parts_in_one_turn_are_one_round_trip),
        cmocka_unit_test(what_an_older_worker_added_counts_by_its_task),
        cmocka_unit_test(what_it_added_twice_counts_once_and_the_success_stays),
        cmocka_unit_test(a_part_that_it_ran_first_is_not_added_again),
        cmocka_unit_test(parts_in_msgpack_and_yaml_are_known_by_their_tasks_too),
        cmocka_unit_test(without_order_the_parts_are_a_list),
        cmocka_unit_test(a_claim_is_its_parts_own_until_it_lapses),
        cmocka_unit_test(a_claim_of_celery_5_7_is_respected),
        cmocka_unit_test(once_the_body_is_being_sent_no_other_part_joins),
        cmocka_unit_test(
            a_claim_that_has_lapsed_is_taken_anew_while_nobody_else_has_it),
        cmocka_unit_test(a_chord_that_is_done_leaves_only_the_mark),
        cmocka_unit_test(a_chord_that_failed_keeps_its_parts_and_loses_its_size),
        cmocka_unit_test(only_the_claims_owner_ends_a_chord),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
