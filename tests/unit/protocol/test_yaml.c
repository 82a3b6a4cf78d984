/* SPDX-License-Identifier: Apache-2.0 */
/* YAML: what Python reads and writes, and texts that mean more than they hold. */
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../../../protocol/yaml_value.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 26);
    wr_init(&out, (size_t)1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static void compare_read(struct str hex, struct str json)
{
    struct serializer_error e = {.out_of_memory = false};
    struct str text = golden_from_hex(hex);
    const ptl_value *v = yaml_read(&arena, text, &e);

    wr_reset(&out);
    if (v)
        json_write(&out, v);
    else
        wr_text(&out, "!");
    if (!str_eq(wr_str(&out), json))
        fail_msg(STR_FMT "\n  got      " STR_FMT " (%s)\n  expected " STR_FMT,
                 STR_ARG(text), STR_ARG(wr_str(&out)), v ? "" : e.what, STR_ARG(json));
    free((char *)text.p);
    arena_reset(&arena);
}

/* Behind a lone scalar PyYAML writes "...", and it folds long texts elsewhere; what
 * counts is that all are read as the same, and that others are the same bytes. */
static int written, written_alike;

static void compare_write(struct str json, struct str hex)
{
    const ptl_value *v = json_read(&arena, json, JSON_KOMBU_TYPES, NULL, NULL), *again;
    struct serializer_error e;
    struct str text = golden_from_hex(hex);

    assert_non_null(v);
    wr_reset(&out);
    if (!yaml_write(&out, v))
        fail_msg("not written: " STR_FMT, STR_ARG(json));
    bool holds_others = value_kind(v) == PTL_LIST || value_kind(v) == PTL_MAP;
    written += holds_others;
    written_alike += holds_others && str_eq(wr_str(&out), text);
    again = yaml_read(&arena, wr_str(&out), &e);
    if (!str_eq(wr_str(&out), text) && !value_equal(v, again))
        fail_msg("written as something else: " STR_FMT, STR_ARG(json));
    free((char *)text.p);
    arena_reset(&arena);
}

static void everything_python_reads_is_read_alike(void **state)
{
    (void)state;
    assert_true(golden_each_pair("python/yaml_read.txt", compare_read) > 250);
}

static void nearly_everything_is_written_as_python_writes_it(void **state)
{
    (void)state;
    written = written_alike = 0;
    golden_each_pair("python/yaml_write.txt", compare_write);
    assert_true(written > 50);
    assert_true(written_alike * 10 >= written * 9);
}

static void a_recorded_body_is_written_byte_for_byte(void **state)
{
    struct str text = golden_read("messages/yaml.body.txt");
    struct str body = {text.p, text.n - 1}; /* the file's own line end */
    struct serializer_error e;
    const ptl_value *v = yaml_read(&arena, body, &e);
    (void)state;

    assert_non_null(v);
    wr_reset(&out);
    assert_true(yaml_write(&out, v));
    assert_str(wr_str(&out), body);
    free((char *)text.p);
}

static void refused(struct str text, const char *what)
{
    struct serializer_error e = {.out_of_memory = false};
    struct str exact = boxed(text);

    assert_null(yaml_read(&arena, exact, &e));
    assert_string_equal(e.what, what);
    free((char *)exact.p);
    arena_reset(&arena);
}

static void aliases_count_as_what_they_stand_for(void **state)
{
    struct wr bomb;
    (void)state;

    wr_init(&bomb, 10000);
    wr_text(&bomb, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        wr_printf(&bomb, "- &a%d [", i);
        for (int k = 0; k < 10; k++)
            wr_printf(&bomb, "*a%d,", i - 1);
        wr_text(&bomb, "]\n");
    }
    refused(wr_str(&bomb), "too many values in line 7");
    wr_finish(&bomb);
}

static void nesting_is_bounded(void **state)
{
    char deep[1000];
    (void)state;

    memset(deep, '[', sizeof(deep));
    refused((struct str){deep, sizeof(deep)}, "too deeply nested in line 1");
}

static void what_is_refused_is_said_with_its_line(void **state)
{
    (void)state;
    refused(STR("- 1\n- &x [*x]\n"), "found undefined alias in line 2");
    refused(STR("- &a 1\n- &a 2\n"), "found duplicate anchor in line 2");
    refused(STR("1: a\n"), "a map's key is no text in line 1");
    refused(STR("- !!set {a: null}\n"),
            "a tag that safe_load or this worker does not know in line 1");
    refused(STR("a: {<<: {b: c}}\n"), "a merge key or default value in line 1");
    refused(STR("--- 1\n--- 2\n"),
            "expected a single document in the stream in line 2");
}

static void every_prefix_of_a_body_is_read_or_refused(void **state)
{
    struct str text = golden_read("messages/yaml.body.txt");
    (void)state;

    for (size_t n = 0; n < text.n; n++) {
        struct serializer_error e = {.out_of_memory = false};
        struct str torn = boxed((struct str){text.p, n});
        const ptl_value *v = yaml_read(&arena, torn, &e);
        assert_true(v || e.what[0]);
        free((char *)torn.p);
        arena_reset(&arena);
    }
    free((char *)text.p);
}

static void a_full_arena_is_not_the_senders_fault(void **state)
{
    struct str text = golden_read("messages/yaml.body.txt");
    bool passed = false;
    (void)state;

    for (size_t bytes = 64; !passed; bytes += 16) {
        struct serializer_error e = {.out_of_memory = false};
        struct arena small;
        arena_init(&small, bytes);
        passed = yaml_read(&small, text, &e) != NULL;
        assert_true(passed || e.out_of_memory);
        arena_finish(&small);
    }
    free((char *)text.p);
}

static void what_safe_dump_refuses_is_not_written(void **state)
{
    static const char *const texts[] = {
        "[{\"__type__\": \"decimal\", \"__value__\": \"1.5\"}]",
        "[{\"__type__\": \"time\", \"__value__\": \"03:04:05\"}]",
        ("[{\"__type__\": \"uuid\", \"__value__\": {\"hex\": "
         "\"0123456789abcdef0123456789abcdef\"}}]"),
        "\"\\ud800\"",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const ptl_value *v =
            json_read(&arena, str_of(texts[i]), JSON_KOMBU_TYPES, NULL, NULL);
        wr_reset(&out);
        assert_non_null(v);
        assert_false(yaml_write(&out, v));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_python_reads_is_read_alike),
        cmocka_unit_test(nearly_everything_is_written_as_python_writes_it),
        cmocka_unit_test(a_recorded_body_is_written_byte_for_byte),
        cmocka_unit_test(aliases_count_as_what_they_stand_for),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(what_is_refused_is_said_with_its_line),
        cmocka_unit_test(every_prefix_of_a_body_is_read_or_refused),
        cmocka_unit_test(a_full_arena_is_not_the_senders_fault),
        cmocka_unit_test(what_safe_dump_refuses_is_not_written),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
