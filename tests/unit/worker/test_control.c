/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the remote control: whom they concern, what is answered, and what nobody
 * should have sent. */
#include "../../../src/glob.h"
#include "../protocol/cmocka_all.h"
#include "panel.h"

#include <stdio.h>
#include <time.h>

static struct panel p;

static int begin(void **state)
{
    (void)state;
    panel_start(&p);
    return 0;
}

static int end(void **state)
{
    (void)state;
    panel_finish(&p);
    return 0;
}

#define REPLY_TO "\"reply_to\": {\"exchange\": \"e\", \"routing_key\": \"k\"}"

static void assert_answer(const char *method, const char *arguments, const char *body)
{
    char text[2048];
    assert_int_equal(panel_call(&p, method, arguments), 1);
    snprintf(text, sizeof(text), "{\"w1@h1\": %s}", body);
    assert_string_equal(p.body, text);
}

/* ---- the core ----------------------------------------------------------------- */

static void test_ping_is_answered_where_the_request_says(void **state)
{
    (void)state;
    assert_answer("ping", "{}", "{\"ok\": \"pong\"}");
    assert_string_equal(p.routing_key, "reply.celery.pidbox/oid");
    assert_string_equal(p.ticket, "t1");
}

static void test_the_clock_follows_the_clients(void **state)
{
    (void)state;
    struct value_pair pair = {STR("clock"), &(ptl_value){.kind = PTL_INT, .u.i = 1000}};
    ptl_value headers = {.kind = PTL_MAP, .u.map = {&pair, 1, 1}};
    struct bus_message m = {.arena = &p.arena,
                            .headers = &headers,
                            .body = value_map(&p.arena, 0)};
    control_heard(&p.w, &m);
    assert_int_equal(p.w.clock, 1001);
    assert_answer("clock", "{}", "{\"clock\": 1002}");
    assert_int_equal(p.clock, 1003);
}

static void test_who_wants_no_reply_gets_none(void **state)
{
    (void)state;
    assert_int_equal(panel_hear(&p, "{\"method\": \"ping\"}"), 0);
    assert_int_equal(panel_hear(&p, "{\"method\": \"enable_events\"}"), 0);
    assert_true(p.w.events.tasks_on);
}

static void test_destination_names_the_node(void **state)
{
    (void)state;
#define PING_TO(to)                                                                    \
    panel_hear(&p, "{\"method\": \"ping\", \"destination\": " to ", " REPLY_TO "}")
    assert_int_equal(PING_TO("[\"w1@h1\"]"), 1);
    assert_int_equal(PING_TO("[\"w2@h1\", \"w1@h1\"]"), 1);
    assert_int_equal(PING_TO("[\"w2@h1\"]"), 0);
    assert_int_equal(PING_TO("[]"), 1);
    assert_int_equal(PING_TO("null"), 1);
    assert_int_equal(PING_TO("\"w1@h1\""), 1);
    assert_int_equal(PING_TO("\"w2@h1\""), 0);
    assert_int_equal(PING_TO("[17, null, {}]"), 0);
    assert_int_equal(PING_TO("17"), 0);
    assert_int_equal(PING_TO("{\"w1@h1\": 1}"), 0);
}

static void test_a_pattern_matches_the_node(void **state)
{
    (void)state;
#define PING_AT(pattern, matcher)                                                      \
    panel_hear(&p, "{\"method\": \"ping\", \"pattern\": " pattern                      \
                   ", \"matcher\": " matcher ", " REPLY_TO "}")
    assert_int_equal(PING_AT("\"w?@*\"", "\"glob\""), 1);
    assert_int_equal(PING_AT("\"w[2-9]@*\"", "\"glob\""), 0);
    assert_int_equal(PING_AT("\"w\"", "\"glob\""), 0);
    assert_int_equal(PING_AT("\"w\"", "\"pcre\""), 1); /* as re.match, not fullmatch */
    assert_int_equal(PING_AT("\"w\\\\d@h1$\"", "\"pcre\""), 1);
    assert_int_equal(PING_AT("\"h1\"", "\"pcre\""), 0);
    assert_int_equal(PING_AT("\"x\"", "null"), 1); /* a pattern alone says nothing */
    assert_int_equal(PING_AT("\"w(\"", "\"pcre\""), 0);
    assert_int_equal(PING_AT("\"w*\"", "\"fuzzy\""), 0);
    assert_int_equal(PING_AT("7", "\"glob\""), 0);
}

static void test_a_pattern_without_end_stops_nobody(void **state)
{
    (void)state;
    static char name[300];
    struct timespec from, to;
    memset(name, 'a', sizeof(name) - 1);
    p.config.hostname = name;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(PING_AT("\"(a+)+$x\"", "\"pcre\""), 0);
    assert_int_equal(PING_AT("\"(a|aa)+b\"", "\"pcre\""), 0);
    assert_int_equal(PING_AT("\"a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\"", "\"glob\""), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec < 2);
}

static void test_globs_are_pythons(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"", "", true},
        {"?", "", false},
        {"a*c", "abbc", true},
        {"a*c", "abbd", false},
        {"*@h", "a/b@h", true},
        {"[!a]", "b", true},
        {"[!a]", "a", false},
        {"[]]", "]", true},
        {"[a", "[a", true},
        {"[^a]", "^", true},
        {"[a-c-e]", "-", true},
        {"[c-a]", "b", false},
        {"?", "\xc3\xa9", true},
        {"\\*", "\\x", true},
        {"*a*b*", "xaxbx", true},
        {"[[:alpha:]]", ":]", true},
        {"**", "x", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (glob_matches(str_of(cases[i].pattern), str_of(cases[i].name)) !=
            cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].name);
}

/* ---- errors ------------------------------------------------------------------- */

static void test_an_unknown_method_is_a_key_error(void **state)
{
    (void)state;
    assert_answer("nosuchcommand", "{}", "{\"error\": \"KeyError('nosuchcommand')\"}");
    assert_int_equal(panel_hear(&p, "{\"method\": 5, " REPLY_TO "}"), 1);
    assert_string_equal(p.body, "{\"w1@h1\": {\"error\": \"KeyError(5)\"}}");
    assert_int_equal(panel_hear(&p, "{\"method\": [], " REPLY_TO "}"), 1);
    assert_string_equal(
        p.body,
        "{\"w1@h1\": {\"error\": \"TypeError(\\\"unhashable type: 'list'\\\")\"}}");
}

static void test_wrong_arguments_are_a_type_error(void **state)
{
    (void)state;
    assert_answer(
        "enable_events", "{\"x\": 1}",
        "{\"error\": \"TypeError(\\\"enable_events() got an unexpected keyword "
        "argument 'x'\\\")\"}");
    assert_answer("ping", "{\"state\": 1}",
                  "{\"error\": \"TypeError(\\\"ping() got multiple values for argument "
                  "'state'\\\")\"}");
    assert_answer("ping", "{\"anything\": 1}", "{\"ok\": \"pong\"}");
}

static void fit(const char *arguments, const char *spec, const char *expected)
{
    struct control_command command = {.name = "f", .arguments = spec};
    struct wr reply;
    struct control_call c = {.worker = &p.w, .arena = &p.arena, .reply = &reply};
    struct value_pair pair = {str_of(arguments), &(ptl_value){.kind = PTL_NULL}};
    ptl_value map = {.kind = PTL_MAP, .u.map = {&pair, *arguments ? 1 : 0, 1}};
    c.arguments = &map;
    wr_init(&reply, 1024);
    assert_int_equal(control_bind(&c, &command), !*expected);
    assert_str(wr_str(&reply), str_of(expected));
    wr_finish(&reply);
}

static void test_missing_arguments_are_named(void **state)
{
    (void)state;
    fit("", "a [b]",
        "{\"error\": \"TypeError(\\\"f() missing 1 required positional argument: "
        "'a'\\\")\"}");
    fit("wrong", "a b *",
        "{\"error\": \"TypeError(\\\"f() missing 2 required positional arguments: 'a' "
        "and "
        "'b'\\\")\"}");
    fit("b", "a b c d",
        "{\"error\": \"TypeError(\\\"f() missing 3 required positional arguments: 'a', "
        "'c', and 'd'\\\")\"}");
    fit("a", "a [b]", "");
    fit("b", "[a] [b]", "");
}

static void test_what_is_no_request_is_left(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"method\": null}",
        "{\"arguments\": {}, " REPLY_TO "}",
        "{\"method\": \"ping\", \"arguments\": [1], " REPLY_TO "}",
        "{\"method\": \"ping\", \"arguments\": \"x\", " REPLY_TO "}",
        "{\"method\": \"ping\", \"reply_to\": \"k\"}",
        "{\"method\": \"ping\", \"reply_to\": {\"exchange\": 1, \"routing_key\": 2}}",
        "{\"method\": \"ping\", \"reply_to\": {\"exchange\": \"e\"}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (panel_hear(&p, bad[i]) != 0)
            fail_msg("%s was answered: %s", bad[i], p.body);
}

static void test_lists_are_cut_at_whole_items(void **state)
{
    (void)state;
    struct wr reply;
    struct control_call c = {.worker = &p.w, .arena = &p.arena, .reply = &reply};
    struct control_items l;
    wr_init(&reply, 120);
    control_items_begin(&l, &c, '[');
    for (int i = 0; i < 50; i++) {
        if (!control_item_begin(&l))
            continue;
        wr_printf(&reply, "\"%016d\"", i);
        control_item_end(&l);
    }
    control_items_end(&l);
    assert_str(wr_str(&reply), STR("[\"0000000000000000\", \"0000000000000001\"]"));
    assert_int_equal(l.left_out, 48);
    wr_finish(&reply);
}

static void test_events_are_switched(void **state)
{
    (void)state;
    assert_answer("enable_events", "{}", "{\"ok\": \"task events enabled\"}");
    assert_answer("enable_events", "null", "{\"ok\": \"task events already enabled\"}");
    assert_answer("disable_events", "{}", "{\"ok\": \"task events disabled\"}");
    assert_answer("disable_events", "{}", "{\"ok\": \"task events already disabled\"}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ping_is_answered_where_the_request_says),
        T(test_the_clock_follows_the_clients),
        T(test_who_wants_no_reply_gets_none),
        T(test_destination_names_the_node),
        T(test_a_pattern_matches_the_node),
        T(test_a_pattern_without_end_stops_nobody),
        T(test_globs_are_pythons),
        T(test_an_unknown_method_is_a_key_error),
        T(test_wrong_arguments_are_a_type_error),
        T(test_missing_arguments_are_named),
        T(test_what_is_no_request_is_left),
        T(test_lists_are_cut_at_whole_items),
        T(test_events_are_switched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
