/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a few bytes: base64, UUIDs, times, repr. */
#include "../../../protocol/base64.h"
#include "../../../protocol/json.h"
#include "../../../protocol/pyrepr.h"
#include "../../../protocol/sha256.h"
#include "../../../protocol/timestamp.h"
#include "../../../protocol/utf8.h"
#include "../../../protocol/uuid.h"
#include "cmocka_all.h"

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 24);
    wr_init(&out, (size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static void base64_restores_bytes_of_every_length(void **state)
{
    char bytes[100];
    (void)state;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 37);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        wr_reset(&out);
        base64_encode(&out, (struct str){bytes, n});
        assert_int_equal(out.len, (n + 2) / 3 * 4);
        assert_str(base64_decode(&arena, wr_str(&out)), ((struct str){bytes, n}));
    }
}

static void the_alphabet_is_the_standard_one(void **state)
{
    (void)state;
    wr_reset(&out);
    base64_encode(&out, STR("\xfb\xff\xfe?"));
    assert_str(wr_str(&out), STR("+//+Pw=="));
    assert_str(base64_decode(&arena, STR("+//+Pw==")), STR("\xfb\xff\xfe?"));
}

static void a_uuid_is_version_4_of_rfc_4122(void **state)
{
    static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t count[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                      8, 9, 10, 11, 12, 13, 14, 15};
    char text[UUID_TEXT];
    (void)state;

    uuid_format(text, ones);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    uuid_format(text, count);
    assert_string_equal(text, "00010203-0405-4607-8809-0a0b0c0d0e0f");
}

static void times_beyond_pythons_calendar_are_held_at_its_ends(void **state)
{
    char text[TIMESTAMP_TEXT];
    (void)state;

    timestamp_format(text, INT64_MIN);
    assert_string_equal(text, "0001-01-01T00:00:00+00:00");
    timestamp_format(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999999+00:00");
}

static void times_come_in_several_forms(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:01Z", 1000000},
        {"1970-01-01 00:00:01.5", 1500000},
        {"1970-01-02", 86400000000},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1970-01-01T00:00:00-00:00:30", 30000000},
        {"19700101T000001", 1000000},
        {"1970-01-01T00:00:00.1234567", 123456},
        {"2026-11-22T14:24:43.115586+00:00", 1795357483115586},
    };
    static const char *const bad[] = {
        "",
        "tomorrow",
        "1970",
        "1970-1-1",
        "1970-02-29",
        "1970-13-01",
        "0000-01-01",
        "1970-01-01T24:00",
        "1970-01-01T00:00:60",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00.",
        "1970-01-01T",
        "1970-01-01T00:00:00Zx",
        "1970-0101",
    };
    int64_t us;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!timestamp_parse(str_of(cases[i].text), &us))
            fail_msg("%s", cases[i].text);
        assert_int_equal(us, cases[i].us);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (timestamp_parse(str_of(bad[i]), &us))
            fail_msg("accepted %s", bad[i]);
}

static struct str cut(const char *json, size_t max_chars)
{
    wr_reset(&out);
    pyrepr_cut(&out, json_read(&arena, str_of(json), 0, NULL, NULL), max_chars);
    assert_false(out.bad);
    return wr_str(&out);
}

static void a_cut_repr_closes_what_it_opened(void **state)
{
    (void)state;
    assert_str(cut("[1, 2, 3, 4]", 4), STR("[1, , ...]"));
    assert_str(cut("{\"a\": [1, 2, 3]}", 8), STR("{'a': [1..., ...]}"));
    assert_str(cut("[[[[1]]]]", 100), STR("[[[[...]]]]"));
    assert_str(cut("\"abcdefghij\"", 5), STR("'abcde...'"));
    assert_str(cut("\"abc def ghi\"", 9), STR("'abc def...'"));
    assert_str(cut("12345678901234567890", 5), STR("12345..."));
}

static void a_cut_repr_stays_on_one_line(void **state)
{
    (void)state;
    assert_str(cut("\"a\\nb\\u001b\\ud800\"", 100), STR("'a\\nb\\x1b\\ud800'"));
    assert_str(cut("\"\\u202e\"", 100), STR("'\\u202e'"));
}

static void the_work_of_a_cut_repr_does_not_grow_with_the_value(void **state)
{
    ptl_value *list = value_list(&arena, 0);
    (void)state;

    for (int i = 0; i < 100000; i++)
        value_list_add(&arena, list, value_int(&arena, i));
    wr_reset(&out);
    pyrepr_args(&out, list, 10);
    assert_str(wr_str(&out), STR("(0, 1, 2, , ...)"));
    assert_true(out.cap <= 256);
}

static void values_deeper_than_pythons_limit_still_print(void **state)
{
    const ptl_value *deep = value_list(&arena, 0);
    (void)state;

    for (int i = 0; i < 100000; i++) {
        ptl_value *outer = value_list(&arena, 1);
        value_list_add(&arena, outer, deep);
        deep = outer;
    }
    wr_reset(&out);
    pyrepr(&out, deep);
    assert_false(out.bad);
    assert_int_equal(out.len, 2 * 1001 + 3);
}

static void bytes_print_as_python_prints_them(void **state)
{
    ptl_value *bytes = value_bytes(&arena, STR("a'\n\xff\\"));
    (void)state;

    wr_reset(&out);
    pyrepr(&out, bytes);
    assert_str(wr_str(&out), STR("b\"a'\\n\\xff\\\\\""));
}

static void utf8_is_checked_strictly(void **state)
{
    (void)state;
    assert_true(utf8_valid(STR("")));
    assert_true(utf8_valid(STR("abcdefghijk\xc3\xa5\xe6\xbc\xa2\xf0\x9f\x98\x80z")));
    assert_false(utf8_valid(STR("\xed\xa0\x80")));
    assert_false(utf8_valid(STR("\xe6\xbc")));
    assert_false(utf8_valid(STR("\xf4\x90\x80\x80")));
    assert_false(utf8_valid(STR("\xc1\xbf")));
}

static void a_digest_is_the_one_of_the_standard(void **state)
{
    static const struct {
        size_t n; /* so many times `a`, around the length of a block */
        uint8_t first;
    } known[] = {{0, 0xe3},  {1, 0xca},  {55, 0x9f},  {56, 0xb3},  {63, 0x7d},
                 {64, 0xff}, {65, 0x63}, {119, 0x31}, {120, 0x2f}, {128, 0x68}};
    uint8_t digest[SHA256_BYTES];
    char bytes[128];

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        sha256(digest, (struct str){bytes, known[i].n});
        assert_int_equal(digest[0], known[i].first);
    }
    sha256(digest, STR("abc"));
    assert_memory_equal(digest,
                        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d"
                        "\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10"
                        "\xff\x61\xf2\x00\x15\xad",
                        SHA256_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_the_one_of_the_standard),
        cmocka_unit_test(base64_restores_bytes_of_every_length),
        cmocka_unit_test(the_alphabet_is_the_standard_one),
        cmocka_unit_test(a_uuid_is_version_4_of_rfc_4122),
        cmocka_unit_test(times_beyond_pythons_calendar_are_held_at_its_ends),
        cmocka_unit_test(times_come_in_several_forms),
        cmocka_unit_test(a_cut_repr_closes_what_it_opened),
        cmocka_unit_test(a_cut_repr_stays_on_one_line),
        cmocka_unit_test(the_work_of_a_cut_repr_does_not_grow_with_the_value),
        cmocka_unit_test(values_deeper_than_pythons_limit_still_print),
        cmocka_unit_test(bytes_print_as_python_prints_them),
        cmocka_unit_test(utf8_is_checked_strictly),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
