/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context in headers: what the W3C's specifications allow is taken, all else is
 * as good as absent. */
#include "../../../protocol/json.h"
#include "../../../protocol/trace.h"
#include "cmocka_all.h"

#include <stdio.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define PARENT "00-" ID "-" SPAN "-01"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 22);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct trace read_as(const char *name, struct str text)
{
    struct trace t;
    ptl_value *headers = value_map(&arena, 2);

    value_map_set(&arena, headers, STR("traceparent"), value_text(&arena, PARENT));
    value_map_set(&arena, headers, str_of(name), value_str(&arena, text));
    trace_read(&t, headers);
    return t;
}

static bool is_parent(const char *text)
{
    return read_as("traceparent", str_of(text)).parent.n > 0;
}

static bool is_state(const char *text)
{
    return read_as("tracestate", str_of(text)).state.n > 0;
}

static bool is_baggage(const char *text)
{
    return read_as("baggage", str_of(text)).baggage.n > 0;
}

static void a_parent_has_an_id_and_a_span(void **state)
{
    struct trace t = read_as("traceparent", STR(PARENT));
    (void)state;
    assert_str(t.parent, STR(PARENT));
    assert_str(t.id, STR(ID));
    assert_str(t.span, STR(SPAN));
}

static void a_parent_of_a_later_version_may_say_more(void **state)
{
    (void)state;
    assert_true(is_parent("cc-" ID "-" SPAN "-01"));
    assert_true(is_parent("cc-" ID "-" SPAN "-01-what-the-future-brings"));
    assert_false(is_parent("cc-" ID "-" SPAN "-01.what"));
    assert_false(is_parent("00-" ID "-" SPAN "-01-more"));
}

static void a_parent_that_is_not_as_specified_is_none(void **state)
{
    (void)state;
    assert_false(is_parent(""));
    assert_false(is_parent("00-" ID "-" SPAN "-0"));
    assert_false(is_parent("00-" ID "-" SPAN "-0g"));
    assert_false(is_parent("ff-" ID "-" SPAN "-01"));
    assert_false(is_parent("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"));
    assert_false(is_parent("00-00000000000000000000000000000000-" SPAN "-01"));
    assert_false(is_parent("00-" ID "-0000000000000000-01"));
    assert_false(is_parent("00_" ID "-" SPAN "-01"));
    assert_false(is_parent(" 00-" ID "-" SPAN "-01"));
}

static void a_state_is_a_list_of_vendors_pairs(void **state)
{
    (void)state;
    assert_true(is_state("congo=t61rcWkgMzE"));
    assert_true(is_state("rojo=00f067aa0ba902b7 , ,\tcongo=a b!"));
    assert_true(is_state("fw529a3039@dt=FfAAAAAAAAA"));
    assert_false(is_state(""));
    assert_false(is_state(" , "));
    assert_false(is_state("congo"));
    assert_false(is_state("congo="));
    assert_false(is_state("Congo=1"));
    assert_false(is_state("a=b=c"));
    assert_false(is_state("a=\x01"));
    assert_false(is_state("a=\xc3\xa9"));
}

static void a_state_has_at_most_thirty_two_members(void **state)
{
    char text[33 * 6 + 1] = "";
    (void)state;
    for (int i = 0; i < 32; i++)
        snprintf(text + strlen(text), 7, "a%02d=b,", i);
    assert_true(is_state(text));
    strcat(text, "z=b");
    assert_false(is_state(text));
}

static void a_state_means_nothing_without_its_parent(void **state)
{
    struct trace t;
    ptl_value *headers = value_map(&arena, 2);
    (void)state;
    value_map_set(&arena, headers, STR("tracestate"), value_text(&arena, "a=b"));
    value_map_set(&arena, headers, STR("baggage"), value_text(&arena, "c=d"));
    trace_read(&t, headers);
    assert_int_equal(t.state.n, 0);
    assert_str(t.baggage, STR("c=d"));
}

static void baggage_is_a_list_of_pairs_with_properties(void **state)
{
    (void)state;
    assert_true(is_baggage("userId=alice"));
    assert_true(
        is_baggage("userId=Am%C3%A9lie,serverNode=DF%2028 , isProduction=false"));
    assert_true(is_baggage("key1=value1;property1;property2 = x, key2 = a=b"));
    assert_true(is_baggage("empty="));
    assert_false(is_baggage(""));
    assert_false(is_baggage("alone"));
    assert_false(is_baggage("a b=c"));
    assert_false(is_baggage("=c"));
    assert_false(is_baggage("a=b c"));
    assert_false(is_baggage("a=\"b\""));
    assert_false(is_baggage("a=b;=x"));
    assert_false(is_baggage("a=\r\nSet-Cookie: x"));
}

static void baggage_beyond_8192_bytes_is_none(void **state)
{
    static char text[8194];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[1] = '=';
    assert_false(is_baggage(text));
    text[8192] = '\0';
    assert_true(is_baggage(text));
}

static void what_is_no_text_is_none(void **state)
{
    struct trace t;
    ptl_value *headers = value_map(&arena, 2);
    (void)state;
    value_map_set(&arena, headers, STR("traceparent"), value_int(&arena, 1));
    value_map_set(&arena, headers, STR("baggage"), value_null(&arena));
    trace_read(&t, headers);
    assert_int_equal(t.parent.n + t.baggage.n, 0);
    trace_read(&t, NULL);
    assert_int_equal(t.parent.n, 0);
}

/* ---- Passing on ----------------------------------------------------------------- */

static const char *passed_on(const char *own_json)
{
    static struct wr w;
    static const struct trace t = {.parent = {PARENT, sizeof(PARENT) - 1},
                                   .state = {"a=b", 3},
                                   .baggage = {"c=d", 3}};
    struct json_error e;
    const ptl_value *own = json_read(&arena, str_of(own_json), 0, &json_default_limits,
                                     &e),
                    *headers;

    assert_true(trace_pass_on(&arena, &t, value_is_null(own) ? NULL : own, &headers));
    wr_finish(&w);
    wr_init(&w, 65536);
    json_write(&w, headers);
    struct str text = arena_copy(&arena, wr_str(&w));
    wr_finish(&w);
    return text.p;
}

static void all_three_are_added_to_what_a_handler_says(void **state)
{
    (void)state;
    assert_string_equal(passed_on("null"), "{\"traceparent\": \"" PARENT
                                           "\", \"tracestate\": \"a=b\", \"baggage\": "
                                           "\"c=d\"}");
    assert_string_equal(passed_on("{\"x\": 1}"),
                        "{\"x\": 1, \"traceparent\": \"" PARENT
                        "\", \"tracestate\": \"a=b\", \"baggage\": \"c=d\"}");
}

static void a_parent_of_its_own_comes_without_the_others_state(void **state)
{
    (void)state;
    assert_string_equal(passed_on("{\"traceparent\": \"mine\", \"baggage\": \"e=f\"}"),
                        "{\"traceparent\": \"mine\", \"baggage\": \"e=f\"}");
    assert_string_equal(passed_on("{\"traceparent\": \"mine\"}"),
                        "{\"traceparent\": \"mine\", \"baggage\": \"c=d\"}");
}

static void without_a_trace_nothing_is_copied(void **state)
{
    static const struct trace none;
    const ptl_value *own = value_map(&arena, 1), *headers;
    (void)state;
    assert_true(trace_pass_on(&arena, &none, own, &headers));
    assert_ptr_equal(headers, own);
    assert_true(trace_pass_on(&arena, &none, NULL, &headers));
    assert_null(headers);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_parent_has_an_id_and_a_span),
        T(a_parent_of_a_later_version_may_say_more),
        T(a_parent_that_is_not_as_specified_is_none),
        T(a_state_is_a_list_of_vendors_pairs),
        T(a_state_has_at_most_thirty_two_members),
        T(a_state_means_nothing_without_its_parent),
        T(baggage_is_a_list_of_pairs_with_properties),
        T(baggage_beyond_8192_bytes_is_none),
        T(what_is_no_text_is_none),
        T(all_three_are_added_to_what_a_handler_says),
        T(a_parent_of_its_own_comes_without_the_others_state),
        T(without_a_trace_nothing_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
