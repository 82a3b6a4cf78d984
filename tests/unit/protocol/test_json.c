/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what the vectors recorded from Python do not say. Limits, ownership, depth. */
#include "../../../protocol/json.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    wr_init(&out, (size_t)1 << 28);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static const ptl_value *read_as(struct str text, unsigned flags)
{
    const ptl_value *v = json_read(&arena, text, flags, NULL, NULL);

    assert_non_null(v);
    return v;
}

static struct json_error refused(struct str text, const struct json_limits *limits)
{
    struct json_error e = {0};

    assert_null(json_read(&arena, text, 0, limits, &e));
    assert_non_null(e.what);
    return e;
}

static struct str written(const ptl_value *v)
{
    wr_reset(&out);
    json_write(&out, v);
    assert_false(out.bad);
    return wr_str(&out);
}

/* n times `opening`, then n times `closing`. Free .p. */
static struct str nested(size_t n, char opening, char closing)
{
    char *text = malloc(2 * n);

    memset(text, opening, n);
    memset(text + n, closing, n);
    return (struct str){text, 2 * n};
}

static void plain_strings_are_borrowed_from_the_text(void **state)
{
    struct str text = STR("[\"plain\", \"esc\\u0061ped\"]");
    const ptl_value *v = read_as(text, 0);
    (void)state;

    assert_ptr_equal(value_at(v, 0)->u.s.p, text.p + 2);
    assert_str(value_at(v, 1)->u.s, STR("escaped"));
}

static void copied_strings_end_with_a_nul(void **state)
{
    struct str text = STR("{\"key\": [\"plain\", 18446744073709551616]}");
    const ptl_value *v = read_as(text, JSON_COPY_STRINGS);
    const ptl_value *list = value_get(v, "key");
    (void)state;

    assert_string_equal(value_at(list, 0)->u.s.p, "plain");
    assert_string_equal(value_at(list, 1)->u.s.p, "18446744073709551616");
    assert_string_equal(v->u.map.pairs[0].key.p, "key");
}

static void nuls_and_lone_surrogates_pass_through(void **state)
{
    struct str text = STR("\"a\\u0000b\\ud800c\\udfff\\ud83d\\ude00\"");
    const ptl_value *v = read_as(text, 0);
    (void)state;

    assert_str(v->u.s, STR("a\0b\xed\xa0\x80"
                           "c\xed\xbf\xbf\xf0\x9f\x98\x80"));
    assert_str(written(v), text);
}

static void
the_integers_of_64_bits_are_numbers_and_the_next_keep_their_digits(void **state)
{
    const ptl_value *v = read_as(STR("[9223372036854775807, 9223372036854775808, "
                                     "-9223372036854775808, -9223372036854775809]"),
                                 0);
    (void)state;

    assert_int_equal(value_at(v, 0)->u.i, INT64_MAX);
    assert_int_equal(value_kind(value_at(v, 1)), PTL_BIGINT);
    assert_int_equal(value_at(v, 2)->u.i, INT64_MIN);
    assert_str(value_at(v, 3)->u.s, STR("-9223372036854775809"));
}

static void a_repeated_key_has_its_last_value_in_its_first_place(void **state)
{
    (void)state;
    assert_str(written(read_as(STR("{\"a\":1,\"b\":2,\"\\u0061\":3}"), 0)),
               STR("{\"a\": 3, \"b\": 2}"));
}

static void nesting_is_read_to_the_limit_and_not_one_level_deeper(void **state)
{
    struct str fits = nested(200, '[', ']'), deep = nested(201, '[', ']');
    (void)state;

    assert_str(written(read_as(fits, 0)), fits);
    struct json_error e = refused(deep, NULL);
    assert_string_equal(e.what, "too deeply nested");
    assert_int_equal(e.offset, 200);
    free((char *)fits.p);
    free((char *)deep.p);
}

static void a_hundred_thousand_levels_are_refused_at_the_two_hundredth(void **state)
{
    struct str lists = nested(100000, '[', ']');
    (void)state;

    assert_int_equal(refused(lists, NULL).offset, 200);
    free((char *)lists.p);
}

static void siblings_do_not_count_as_depth(void **state)
{
    struct json_limits two = {.max_depth = 2, .max_values = 1000};
    struct str text = STR("[[], {}, [1], {\"a\": 1}, []]");
    (void)state;

    assert_non_null(json_read(&arena, text, 0, &two, NULL));
    refused(STR("[[], [[]]]"), &two);
}

static void values_are_counted_to_the_limit(void **state)
{
    struct json_limits four = {.max_depth = 200, .max_values = 4};
    (void)state;

    assert_non_null(json_read(&arena, STR("[1, 2, 3]"), 0, &four, NULL));
    assert_string_equal(refused(STR("[1, 2, 3, 4]"), &four).what, "too many values");
}

static void a_document_beyond_the_arena_is_told_from_a_wrong_one(void **state)
{
    struct arena small;
    struct json_error e = {0};
    (void)state;

    arena_init(&small, 256);
    assert_null(json_read(&small, STR("[1,2,3,4,5,6,7,8,9,10,11,12]"), 0, NULL, &e));
    assert_true(e.out_of_memory);
    arena_finish(&small);
    assert_false(refused(STR("[1,]"), NULL).out_of_memory);
}

static void a_large_object_is_not_quadratic_and_the_last_of_its_keys_count(void **state)
{
    enum { KEYS = 100000 };
    (void)state;

    wr_reset(&out);
    wr_text(&out, "{");
    for (int i = 0; i < 2 * KEYS; i++)
        wr_printf(&out, "%s\"key %d\": %d", i ? "," : "", i % KEYS, i);
    wr_text(&out, "}");
    struct str text = boxed(wr_str(&out));
    const ptl_value *v = read_as(text, 0);
    assert_int_equal(value_len(v), KEYS);
    assert_int_equal(value_as_int(value_get(v, "key 99999"), 0), 2 * KEYS - 1);
    assert_str(v->u.map.pairs[0].key, STR("key 0"));
    free((char *)text.p);
}

static void every_byte_that_is_not_utf8_is_refused(void **state)
{
    static const char *const bad[] = {
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc3\"",
        "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\"",
        "\"a\xff\"",
        "\xef\xbb\xbf"
        "1",
        NULL,
    };
    (void)state;

    for (int i = 0; bad[i]; i++)
        refused(str_of(bad[i]), NULL);
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *text, *what;
        size_t offset;
    } cases[] = {
        {"", "Expecting value", 0},
        {"[1,]", "Expecting value", 3},
        {"[1 2]", "Expecting ',' delimiter", 3},
        {"{\"a\" 1}", "Expecting ':' delimiter", 5},
        {"{a: 1}", "Expecting property name enclosed in double quotes", 1},
        {"1 2", "Extra data", 2},
        {"\"ab", "Unterminated string starting at", 0},
        {"\"a\nb\"", "Invalid control character at", 2},
        {"\"\\x\"", "Invalid \\escape", 1},
        {"\"\\u12\"", "Invalid \\uXXXX escape", 2},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_error e = refused(str_of(cases[i].text), NULL);
        assert_string_equal(e.what, cases[i].what);
        assert_int_equal(e.offset, cases[i].offset);
    }
}

static void values_deeper_than_python_writes_make_the_writer_bad(void **state)
{
    const ptl_value *deep = value_list(&arena, 0);
    (void)state;

    for (int i = 1; i < 1000; i++) {
        ptl_value *outer = value_list(&arena, 1);
        value_list_add(&arena, outer, deep);
        deep = outer;
    }
    assert_int_equal(written(deep).n, 2000);
    for (int i = 0; i < 2; i++) {
        ptl_value *outer = value_list(&arena, 1);
        value_list_add(&arena, outer, deep);
        deep = outer;
    }
    wr_reset(&out);
    json_write(&out, deep);
    assert_true(out.bad);
}

static void single_floats_are_written_with_their_own_digits(void **state)
{
    char text[32];
    (void)state;

    json_format_float(text, json_shorten_float(0.1f), true);
    assert_string_equal(text, "0.1");
    json_format_float(text, json_shorten_float(-16777216.0f), true);
    assert_string_equal(text, "-16777216.0");
    json_format_float(text, json_shorten_float(3.4028235e38f), true);
    assert_string_equal(text, "3.4028235e+38");
    json_format_float(text, json_shorten_float(1e-45f), true);
    assert_string_equal(text, "1e-45");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_strings_are_borrowed_from_the_text),
        cmocka_unit_test(copied_strings_end_with_a_nul),
        cmocka_unit_test(nuls_and_lone_surrogates_pass_through),
        cmocka_unit_test(
            the_integers_of_64_bits_are_numbers_and_the_next_keep_their_digits),
        cmocka_unit_test(a_repeated_key_has_its_last_value_in_its_first_place),
        cmocka_unit_test(nesting_is_read_to_the_limit_and_not_one_level_deeper),
        cmocka_unit_test(a_hundred_thousand_levels_are_refused_at_the_two_hundredth),
        cmocka_unit_test(siblings_do_not_count_as_depth),
        cmocka_unit_test(values_are_counted_to_the_limit),
        cmocka_unit_test(a_document_beyond_the_arena_is_told_from_a_wrong_one),
        cmocka_unit_test(
            a_large_object_is_not_quadratic_and_the_last_of_its_keys_count),
        cmocka_unit_test(every_byte_that_is_not_utf8_is_refused),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(values_deeper_than_python_writes_make_the_writer_bad),
        cmocka_unit_test(single_floats_are_written_with_their_own_digits),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
