/* SPDX-License-Identifier: Apache-2.0 */
/* Values: lists and maps grow, keys are found, equality is Python's. */
#include "../../../protocol/json.h"
#include "../../../protocol/value.h"
#include "cmocka_all.h"

#include <stdio.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const ptl_value *json(const char *text)
{
    const ptl_value *v = json_read(&arena, str_of(text), 0, NULL, NULL);

    assert_non_null(v);
    return v;
}

static void a_map_keeps_order_and_a_repeated_key_its_first_place(void **state)
{
    ptl_value *map = value_map(&arena, 0);
    (void)state;

    assert_true(value_map_set(&arena, map, STR("b"), value_int(&arena, 1)));
    assert_true(value_map_set(&arena, map, STR("a"), value_int(&arena, 2)));
    assert_true(value_map_set(&arena, map, STR("b"), value_int(&arena, 3)));
    assert_int_equal(value_len(map), 2);
    assert_str(map->u.map.pairs[0].key, STR("b"));
    assert_int_equal(value_as_int(value_get(map, "b"), 0), 3);
    assert_null(value_get(map, "c"));
}

static void a_hundred_thousand_keys_are_all_found_again(void **state)
{
    enum { KEYS = 100000 };
    ptl_value *map = value_map(&arena, 0);
    char key[16];
    (void)state;

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof(key), "k%d", i);
            struct str kept = arena_copy(&arena, str_of(key));
            assert_true(value_map_set(&arena, map, kept, value_int(&arena, i * round)));
        }
    assert_int_equal(value_len(map), KEYS);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(value_as_int(value_get(map, key), -1), i);
    }
    assert_null(value_get(map, "k100000"));
}

static void keys_that_differ_behind_a_nul_are_two(void **state)
{
    ptl_value *map = value_map(&arena, 0);
    (void)state;

    value_map_set(&arena, map, STR("a\0b"), value_int(&arena, 1));
    value_map_set(&arena, map, STR("a\0c"), value_int(&arena, 2));
    assert_int_equal(value_len(map), 2);
    assert_int_equal(value_as_int(value_find(map, STR("a\0c")), 0), 2);
    assert_null(value_get(map, "a"));
}

static void adding_what_could_not_be_made_changes_nothing(void **state)
{
    ptl_value *list = value_list(&arena, 0), *map = value_map(&arena, 0);
    (void)state;

    assert_false(value_list_add(&arena, list, NULL));
    assert_false(value_map_set(&arena, map, STR("a"), NULL));
    assert_false(value_list_add(&arena, map, list));
    assert_false(value_map_set(&arena, list, STR("a"), map));
    assert_int_equal(value_len(list) + value_len(map), 0);
}

static void readers_take_what_is_absent_or_of_another_kind(void **state)
{
    (void)state;
    assert_null(value_get(NULL, "a"));
    assert_null(value_get(json("[1]"), "a"));
    assert_null(value_at(json("[1]"), 1));
    assert_null(value_at(json("{}"), 0));
    assert_null(value_as_str(json("1")).p);
    assert_int_equal(value_as_int(json("\"1\""), 7), 7);
    assert_int_equal(value_as_int(json("true"), 7), 7);
    assert_int_equal(value_len(json("5")), 0);
}

static void truth_is_pythons(void **state)
{
    static const char *const lies[] = {"null", "false", "0",  "0.0", "-0.0",
                                       "\"\"", "[]",    "{}", NULL};
    static const char *const truths[] = {"true",      "1",
                                         "NaN",       "1e-300",
                                         "\" \"",     "[0]",
                                         "{\"\": 0}", "18446744073709551616",
                                         NULL};
    (void)state;

    for (int i = 0; lies[i]; i++)
        assert_false(value_truth(json(lies[i])));
    for (int i = 0; truths[i]; i++)
        assert_true(value_truth(json(truths[i])));
    assert_false(value_truth(NULL));
}

static void equality_is_pythons(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"1", "1.0", true},
        {"1", "true", true},
        {"0.0", "false", true},
        {"9007199254740993", "9007199254740992.0", false},
        {"18446744073709551616", "1.8446744073709552e19", true},
        {"18446744073709551617", "1.8446744073709552e19", false},
        {"18446744073709551616", "Infinity", false},
        {"1", "1e300", false},
        {"NaN", "NaN", false},
        {"null", "0", false},
        {"\"1\"", "1", false},
        {"[1, [2, {}]]", "[1.0, [2, {}]]", true},
        {"[1, 2]", "[2, 1]", false},
        {"[1]", "[1, 1]", false},
        {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", true},
        {"{\"a\": 1}", "{\"b\": 1}", false},
        {"{\"a\": [1]}", "{\"a\": [2]}", false},
        {"{}", "[]", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (value_equal(json(cases[i].a), json(cases[i].b)) != cases[i].equal)
            fail_msg("%s == %s", cases[i].a, cases[i].b);
        assert_int_equal(value_equal(json(cases[i].b), json(cases[i].a)),
                         cases[i].equal);
    }
}

static void values_too_deep_to_compare_are_not_equal(void **state)
{
    const ptl_value *deep = value_list(&arena, 0);
    (void)state;

    for (int i = 0; i < 100000; i++) {
        ptl_value *outer = value_list(&arena, 1);
        assert_true(value_list_add(&arena, outer, deep));
        deep = outer;
    }
    assert_false(value_equal(deep, deep));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_keeps_order_and_a_repeated_key_its_first_place),
        cmocka_unit_test(a_hundred_thousand_keys_are_all_found_again),
        cmocka_unit_test(keys_that_differ_behind_a_nul_are_two),
        cmocka_unit_test(adding_what_could_not_be_made_changes_nothing),
        cmocka_unit_test(readers_take_what_is_absent_or_of_another_kind),
        cmocka_unit_test(truth_is_pythons),
        cmocka_unit_test(equality_is_pythons),
        cmocka_unit_test(values_too_deep_to_compare_are_not_equal),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
