/* SPDX-License-Identifier: Apache-2.0 */
/* Typed values: those that Python's constructors take, and what they say. */
#include "../../../protocol/json.h"
#include "../../../protocol/typed.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void compare(struct str input, struct str output)
{
    struct str text = boxed(input);
    struct json_error e = {.what = ""};
    const ptl_value *v = json_read(&arena, text, JSON_KOMBU_TYPES, NULL, &e);

    if (!v != str_is(output, "!"))
        fail_msg("%s: " STR_FMT " (%s)", v ? "accepted" : "refused", STR_ARG(input),
                 e.what);
    free((char *)text.p);
    arena_reset(&arena);
}

static void what_python_refuses_is_refused(void **state)
{
    (void)state;
    assert_true(golden_each_pair("python/typed_valid.txt", compare) > 55);
}

static const ptl_value *read(const char *text)
{
    const ptl_value *v = json_read(&arena, str_of(text), JSON_KOMBU_TYPES, NULL, NULL);

    assert_non_null(v);
    return v;
}

static void a_map_with_further_keys_is_only_a_map(void **state)
{
    const ptl_value *v =
        read("{\"__type__\": \"date\", \"__value__\": \"soon\", \"x\": 1}");
    (void)state;

    assert_int_equal(typed_kind_of(v), TYPED_NONE);
    assert_null(typed_text(v).p);
}

static void every_kind_comes_back_from_what_was_made(void **state)
{
    static const struct {
        enum typed_kind kind;
        const char *text;
    } made[] = {
        {TYPED_DATETIME, "2030-01-02T03:04:05+00:00"},
        {TYPED_DATE, "2030-01-02"},
        {TYPED_TIME, "03:04:05"},
        {TYPED_DECIMAL, "3.140"},
        {TYPED_UUID, "0123456789abcdef0123456789abcdef"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        const ptl_value *v = typed_make(&arena, made[i].kind, str_of(made[i].text));
        const char *why;
        assert_int_equal(typed_kind_of(v), made[i].kind);
        assert_str(typed_text(v), str_of(made[i].text));
        assert_true(typed_is_valid(v, &why));
    }
}

static void a_full_arena_makes_none(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 400; bytes += 8) {
        struct arena small;
        arena_init(&small, bytes);
        const ptl_value *v = typed_make(&small, TYPED_UUID, STR("x"));
        assert_true(!v || !small.failed);
        arena_finish(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_python_refuses_is_refused),
        cmocka_unit_test(a_map_with_further_keys_is_only_a_map),
        cmocka_unit_test(every_kind_comes_back_from_what_was_made),
        cmocka_unit_test(a_full_arena_makes_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
