/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for a task: settings, then its row, then task_annotations. */
#include "../../../protocol/json.h"
#include "../../../src/attributes.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>

static struct arena arena;

static const ptl_value *json(const char *text)
{
    struct json_error e;
    arena_reset(&arena);
    const ptl_value *v = json_read(&arena, str_of(text), 0, NULL, &e);
    assert_non_null(v);
    return v;
}

static struct attributes annotated(struct attributes a, const char *text)
{
    attributes_annotate(&a, json(text), STR("a.b"));
    return a;
}

static const struct attributes defaults = ATTRIBUTES_DEFAULTS;

static void a_row_goes_over_the_settings(void **state)
{
    struct attributes a = defaults;
    (void)state;
    a.time_limit_s = 60;
    a.rate_per_s = 1;
    const ptl_def row = {.name = "a.b",
                         .soft_limit_ms = 1500,
                         .rate_limit = "30/m",
                         .max_retries = PTL_NO_RETRIES,
                         .retry_delay_ms = 250,
                         .flags = PTL_ACKS_LATE | PTL_NO_ACK_ON_TIMEOUT |
                                  PTL_STORE_ERRORS | PTL_TRACK_STARTED};
    assert_true(attributes_apply_row(&a, &row, NULL));
    assert_true(a.acks_late && a.acks_on_failure && !a.acks_on_timeout);
    assert_true(a.store_errors_even_if_ignored && a.track_started);
    assert_false(a.ignore_result || a.reject_on_worker_lost);
    assert_true(a.time_limit_s == 60 && a.soft_time_limit_s == 1.5);
    assert_true(a.rate_per_s == 0.5 && a.default_retry_delay_s == 0.25);
    assert_int_equal(a.max_retries, 0);
}

static void an_empty_row_leaves_the_settings(void **state)
{
    struct attributes a = {.acks_late = true, .rate_per_s = 2, .ignore_result = true};
    const ptl_def row = {.name = "a.b"};
    (void)state;
    assert_true(attributes_apply_row(&a, &row, NULL));
    assert_true(a.acks_late && a.ignore_result && a.rate_per_s == 2);
    assert_int_equal(a.max_retries, 3);
    assert_true(a.default_retry_delay_s == 180);
}

static void a_row_with_an_impossible_rate_is_refused_in_words(void **state)
{
    struct attributes a = defaults;
    const ptl_def row = {.name = "a.b", .rate_limit = "10/day"};
    struct wr why;
    (void)state;
    wr_init(&why, 1000);
    assert_false(attributes_apply_row(&a, &row, &why));
    assert_non_null(memmem(why.p, why.len, "10/day", 6));
    wr_finish(&why);
}

static void a_name_is_stronger_than_the_star(void **state)
{
    (void)state;
    struct attributes a = annotated(
        defaults,
        "{\"*\": {\"rate_limit\": \"1/s\", \"time_limit\": 9, \"acks_late\": true}, "
        "\"a.b\": {\"rate_limit\": 5, \"acks_late\": false}, "
        "\"a.c\": {\"rate_limit\": 7}}");
    assert_true(a.rate_per_s == 5 && a.time_limit_s == 9 && !a.acks_late);
}

static void every_attribute_can_be_annotated(void **state)
{
    (void)state;
    struct attributes a = annotated(
        defaults,
        "{\"a.b\": {\"acks_late\": true, \"acks_on_failure\": false, "
        "\"acks_on_timeout\": "
        "false, \"reject_on_worker_lost\": true, \"ignore_result\": true, "
        "\"store_errors_even_if_ignored\": true, \"track_started\": true, "
        "\"time_limit\": 3, "
        "\"soft_time_limit\": 2.5, \"rate_limit\": \"60/m\", \"max_retries\": null, "
        "\"default_retry_delay\": 0}}");
    assert_true(a.acks_late && !a.acks_on_failure && !a.acks_on_timeout);
    assert_true(a.reject_on_worker_lost && a.ignore_result && a.track_started);
    assert_true(a.store_errors_even_if_ignored && a.time_limit_s == 3);
    assert_true(a.soft_time_limit_s == 2.5 && a.rate_per_s == 1);
    assert_true(a.max_retries == ATTRIBUTES_RETRY_FOREVER);
    assert_true(a.default_retry_delay_s == 0);
}

static void null_takes_a_limit_away(void **state)
{
    struct attributes a = defaults;
    (void)state;
    a.time_limit_s = 5;
    a.rate_per_s = 5;
    a = annotated(a, "{\"a.b\": {\"time_limit\": null, \"rate_limit\": null, "
                     "\"default_retry_delay\": null}}");
    assert_true(a.time_limit_s == 0 && a.rate_per_s == 0);
    assert_true(a.default_retry_delay_s == 180);
}

static void the_halves_win_over_the_whole(void **state)
{
    (void)state;
    struct attributes a =
        annotated(defaults, "{\"a.b\": {\"acks_on_timeout\": true, "
                            "\"acks_on_failure_or_timeout\": false}}");
    assert_true(!a.acks_on_failure && a.acks_on_timeout);
}

static size_t place_of(const char *name)
{
    for (size_t i = 0; attributes_name(i); i++)
        if (strcmp(attributes_name(i), name) == 0)
            return i;
    fail_msg("no attribute %s", name);
    return 0;
}

static void what_cannot_be_is_told_and_passed_over(void **state)
{
    static const char *const wrong[][2] = {
        {"acks_late", "1"},        {"acks_late", "\"yes\""},
        {"acks_late", "null"},     {"time_limit", "-1"},
        {"time_limit", "\"10\""},  {"time_limit", "1e300"},
        {"soft_time_limit", "[]"}, {"soft_time_limit", "NaN"},
        {"rate_limit", "-5"},      {"rate_limit", "\"x/s\""},
        {"rate_limit", "true"},    {"rate_limit", "1e300"},
        {"max_retries", "-1"},     {"max_retries", "\"3\""},
        {"max_retries", "1.5"},    {"default_retry_delay", "-0.1"},
        {"ignore_result", "{}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[200];
        size_t place = place_of(wrong[i][0]);
        assert_non_null(attributes_check(place, json(wrong[i][1])));
        snprintf(text, sizeof(text), "{\"a.b\": {\"%s\": %s}}", wrong[i][0],
                 wrong[i][1]);
        struct attributes a = annotated(defaults, text);
        assert_memory_equal(&a, &defaults, sizeof(a));
    }
    assert_null(attributes_check(place_of("rate_limit"), json("\"10/s\"")));
    assert_null(attributes_check(place_of("max_retries"), json("null")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_goes_over_the_settings),
        cmocka_unit_test(an_empty_row_leaves_the_settings),
        cmocka_unit_test(a_row_with_an_impossible_rate_is_refused_in_words),
        cmocka_unit_test(a_name_is_stronger_than_the_star),
        cmocka_unit_test(every_attribute_can_be_annotated),
        cmocka_unit_test(null_takes_a_limit_away),
        cmocka_unit_test(the_halves_win_over_the_whole),
        cmocka_unit_test(what_cannot_be_is_told_and_passed_over),
    };
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
