/* SPDX-License-Identifier: Apache-2.0 */
/* Everything Python does, as recorded in tests/golden/python. */
#include "../../../protocol/base64.h"
#include "../../../protocol/json.h"
#include "../../../protocol/pyrepr.h"
#include "../../../protocol/timestamp.h"
#include "cmocka_all.h"
#include "golden.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 24);
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

static bool is_refusal(struct str output)
{
    return str_is(output, "!");
}

/* What was written must be what Python wrote; NULL values stand for a refusal. */
static void compare(struct str input, struct str output, bool refused)
{
    assert_false(out.bad);
    if (refused != is_refusal(output))
        fail_msg("%s: " STR_FMT, refused ? "refused" : "accepted", STR_ARG(input));
    if (!refused && !str_eq(wr_str(&out), output))
        fail_msg(STR_FMT "\n  got      " STR_FMT "\n  expected " STR_FMT,
                 STR_ARG(input), STR_ARG(wr_str(&out)), STR_ARG(output));
    wr_reset(&out);
    arena_reset(&arena);
}

static void compare_json(struct str input, struct str output, unsigned flags,
                         void (*print)(const ptl_value *v))
{
    struct str text = boxed(input);
    const ptl_value *v = json_read(&arena, text, flags, NULL, NULL);

    if (v)
        print(v);
    compare(input, output, !v);
    free((char *)text.p);
}

static void print_json(const ptl_value *v)
{
    json_write(&out, v);
}

static void print_repr(const ptl_value *v)
{
    pyrepr(&out, v);
}

static void print_cut(const ptl_value *v)
{
    pyrepr_cut(&out, v, 40);
}

static void print_args(const ptl_value *v)
{
    pyrepr_args(&out, v, 1024);
}

static void visit_float(struct str input, struct str output)
{
    uint64_t bits = strtoull(input.p, NULL, 16);
    double d;
    char text[32];

    memcpy(&d, &bits, sizeof(d));
    wr_put(&out, (struct str){text, json_format_float(text, d, false)});
    compare(input, output, false);
}

static void visit_json(struct str input, struct str output)
{
    compare_json(input, output, 0, print_json);
}

static void visit_typed(struct str input, struct str output)
{
    compare_json(input, output, JSON_KOMBU_TYPES, print_json);
}

static void visit_repr(struct str input, struct str output)
{
    compare_json(input, output, JSON_COPY_STRINGS, print_repr);
}

static void visit_cut(struct str input, struct str output)
{
    compare_json(input, output, 0, print_cut);
}

static void visit_args(struct str input, struct str output)
{
    compare_json(input, output, 0, print_args);
}

static void visit_base64(struct str input, struct str output)
{
    struct str text = boxed(input), bytes = base64_decode(&arena, text);

    for (size_t i = 0; i < bytes.n; i++)
        wr_printf(&out, "%02x", (unsigned char)bytes.p[i]);
    compare(input, output, !bytes.p);
    free((char *)text.p);
}

static void visit_isoformat(struct str input, struct str output)
{
    char text[TIMESTAMP_TEXT];

    timestamp_format(text, strtoll(input.p, NULL, 10));
    wr_text(&out, text);
    compare(input, output, false);
}

static void visit_fromisoformat(struct str input, struct str output)
{
    struct str text = boxed(input);
    int64_t us;
    bool ok = timestamp_parse(text, &us);

    if (ok)
        wr_printf(&out, "%" PRId64, us);
    compare(input, output, !ok);
    free((char *)text.p);
}

static void floats_print_as_repr_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/float_repr.txt", visit_float), 5113);
}

static void json_is_read_and_written_as_pythons_json_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/json_numbers.txt", visit_json), 1025);
    assert_int_equal(golden_each_pair("python/json_values.txt", visit_json), 1500);
}

static void broken_json_is_refused_where_python_refuses_it(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/json_broken.txt", visit_json), 1500);
}

static void typed_values_are_read_and_written_as_kombu_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/json_typed.txt", visit_typed), 500);
}

static void values_print_as_repr_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/repr.txt", visit_repr), 1000);
}

static void cut_values_print_as_saferepr_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/saferepr_40.txt", visit_cut), 1000);
    assert_int_equal(golden_each_pair("python/saferepr_args.txt", visit_args), 300);
}

static void base64_is_read_as_b64decode_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/base64.txt", visit_base64), 800);
}

static void times_are_written_and_read_as_datetime_does(void **state)
{
    (void)state;
    assert_int_equal(golden_each_pair("python/isoformat.txt", visit_isoformat), 800);
    assert_int_equal(golden_each_pair("python/fromisoformat.txt", visit_fromisoformat),
                     800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_print_as_repr_does),
        cmocka_unit_test(json_is_read_and_written_as_pythons_json_does),
        cmocka_unit_test(broken_json_is_refused_where_python_refuses_it),
        cmocka_unit_test(typed_values_are_read_and_written_as_kombu_does),
        cmocka_unit_test(values_print_as_repr_does),
        cmocka_unit_test(cut_values_print_as_saferepr_does),
        cmocka_unit_test(base64_is_read_as_b64decode_does),
        cmocka_unit_test(times_are_written_and_read_as_datetime_does),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
