/* SPDX-License-Identifier: Apache-2.0 */
/* Chains, groups and chords: what is sent, in which order, and at what cost. That it is
 * Celery's to the last option, test_canvas_apply replays. */
#include "cmocka_all.h"
#include "pretend.h"

#include <stdio.h>

static struct pretend p;

static int set_up(void **state)
{
    (void)state;
    pretend_start(&p);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pretend_finish(&p);
    return 0;
}

#define TASK(name) "{'task': '" name "'}"
#define GROUP(tasks)                                                                   \
    "{'task': 'celery.group', 'subtask_type': 'group', 'kwargs': {'tasks': [" tasks    \
    "]}}"
#define CHAIN(tasks)                                                                   \
    "{'task': 'celery.chain', 'subtask_type': 'chain', 'kwargs': {'tasks': [" tasks    \
    "]}}"
#define CHORD(header, body)                                                            \
    "{'task': 'celery.chord', 'subtask_type': 'chord', 'kwargs': {'header': [" header  \
    "], 'body': " body "}}"

/* ---- What is sent --------------------------------------------------------------- */

/* The lines that were noted, without options: "a [1] {}\n" */
static void assert_noted(const char *expected)
{
    struct wr lines;
    const char *line = pretend_noted(&p), *end, *options;

    wr_init(&lines, 1 << 20);
    for (; (end = strchr(line, '\n')); line = end + 1) {
        options = strstr(line, "} {");
        if (!options || options > end)
            options = end;
        wr_put(&lines, (struct str){line, (size_t)(options - line)});
        wr_text(&lines, options == end ? "\n" : "}\n");
    }
    assert_str(wr_str(&lines), str_of(expected));
    wr_finish(&lines);
}

static void
a_chain_sends_its_first_task_which_carries_the_others_in_reverse(void **state)
{
    (void)state;
    pretend_apply(&p, CHAIN(TASK("a") ", " TASK("b") ", " TASK("c")), "[1]", NULL);
    assert_noted("a [1] {}\n");
    const char *chain = strstr(pretend_noted(&p), "\"chain\": [{\"task\": \"c\"");
    assert_non_null(chain);
    assert_non_null(strstr(chain, "{\"task\": \"b\""));
    assert_str(p.canvas.applied, STR("id-1"));
}

static void an_empty_chain_sends_nothing_and_has_no_result(void **state)
{
    (void)state;
    assert_string_equal(pretend_apply(&p, CHAIN(""), NULL, NULL), "null");
    assert_noted("");
    assert_int_equal(p.canvas.applied.n, 0);
}

static void a_group_sends_its_members_with_its_id(void **state)
{
    (void)state;
    assert_string_equal(
        pretend_apply(&p, GROUP(TASK("a") ", " TASK("b")), "[1]", "{'task_id': 'g'}"),
        "[[\"g\", null], [[[\"id-2\", null], null], [[\"id-3\", null], null]]]");
    assert_noted("a [1] {}\nb [1] {}\n");
    assert_non_null(strstr(pretend_noted(&p), "\"group_id\": \"g\""));
    assert_non_null(strstr(pretend_noted(&p), "\"group_index\": 1"));
}

static void the_size_of_a_chord_is_told_before_its_last_part_is_sent(void **state)
{
    (void)state;
    pretend_apply(&p, CHORD(TASK("a") ", " TASK("b") ", " TASK("c"), TASK("sum")), NULL,
                  NULL);
    assert_noted("a [] {}\nb [] {}\nsize id-1 3\nc [] {}\n");
}

static void what_follows_a_group_in_a_chain_is_its_body(void **state)
{
    (void)state;
    pretend_apply(&p, CHAIN(GROUP(TASK("a") ", " TASK("b")) ", " TASK("sum")), NULL,
                  NULL);
    const char *noted = pretend_noted(&p);
    assert_int_equal(p.calls, 2);
    assert_non_null(strstr(noted, "\nsize "));
    assert_non_null(strstr(noted, "\"chord\": {\"task\": \"sum\""));
}

static void a_chord_without_a_header_sends_its_body_at_once(void **state)
{
    (void)state;
    pretend_apply(&p, CHORD("", TASK("sum")), NULL, NULL);
    assert_noted("sum [[]] {}\n");
}

static void a_header_that_ends_in_a_group_is_saved_for_its_shape(void **state)
{
    (void)state;
    pretend_apply(&p,
                  CHORD(CHAIN(TASK("a") ", " GROUP(TASK("b") ", " TASK("c"))),
                        TASK("sum")),
                  NULL, NULL);
    assert_memory_equal(pretend_noted(&p),
                        "save id-1 {\"result\": [[\"id-1\", null], [[[", 30);
    assert_non_null(strstr(pretend_noted(&p), "\nsize id-1 2\n"));
}

static void chunks_are_a_group_of_starmaps(void **state)
{
    (void)state;
    pretend_apply(&p,
                  "{'task': 'celery.chunks', 'subtask_type': 'chunks', 'kwargs': "
                  "{'task': {'task': 'add'}, 'it': [[1], [2], [3]], 'n': 2}}",
                  NULL, NULL);
    assert_noted(
        "celery.starmap [] {\"task\": {\"task\": \"add\"}, \"it\": [[1], [2]]}\n"
        "celery.starmap [] {\"task\": {\"task\": \"add\"}, \"it\": [[3]]}\n");
}

static void a_map_is_routed_as_its_task(void **state)
{
    (void)state;
    pretend_apply(&p,
                  "{'task': 'celery.map', 'subtask_type': 'xmap', 'kwargs': "
                  "{'task': {'task': 'add'}, 'it': [1, 2]}}",
                  NULL, NULL);
    assert_noted(
        "celery.map as add [] {\"task\": {\"task\": \"add\"}, \"it\": [1, 2]}\n");
}

static void a_group_takes_no_callback(void **state)
{
    (void)state;
    assert_string_equal(pretend_apply(&p, GROUP(TASK("a")), NULL, "{'link': [{}]}"),
                        "fault");
    assert_string_equal(p.canvas.fault_kind, "TypeError");
    assert_str(p.canvas.fault, STR("Cannot add link to group: use a chord"));
}

/* ---- Who is told of a failure --------------------------------------------------- */

#define FAILS(name, errback)                                                           \
    "{'task': '" name "', 'options': {'task_id': 'id of " name                         \
    "', 'link_error': [" TASK(errback) "]}}"

static void assert_errbacks(const char *sig, const char *id, const char *errbacks)
{
    struct str of;
    const ptl_value *list = canvas_errbacks(&p.canvas, pretend_value(&p, sig), &of);

    assert_non_null(list);
    assert_str(of, str_of(id));
    assert_true(value_equal(list, pretend_value(&p, errbacks)));
}

static void errbacks_are_the_bodys_and_the_chords_or_all_of_a_groups(void **state)
{
    (void)state;
    assert_errbacks(FAILS("a", "e"), "id of a", "[" TASK("e") "]");
    assert_errbacks("{'task': 'celery.chord', 'subtask_type': 'chord', 'kwargs': "
                    "{'header': [], 'body': " FAILS(
                        "a", "e") "}, 'options': "
                                  "{'task_id': 'header', 'link_error': " TASK("f") "}}",
                    "id of a", "[" TASK("f") ", " TASK("e") "]");
    assert_errbacks(GROUP(FAILS("a", "e") ", " FAILS("b", "f")), "",
                    "[" TASK("e") ", " TASK("f") "]");
}

/* ---- What it costs -------------------------------------------------------------- */

/* The part n times, with commas. */
static char *repeat(const char *part, size_t n)
{
    size_t each = strlen(part) + 1;
    char *all = arena_alloc(&p.arena, n * each + 1);

    assert_non_null(all);
    for (size_t i = 0; i < n; i++) {
        memcpy(all + i * each, part, each - 1);
        all[i * each + each - 1] = ',';
    }
    all[n * each - 1] = '\0';
    return all;
}

/* The text with n such parts in the place of its @. */
static char *with_parts(const char *text, const char *part, size_t n)
{
    char *parts = repeat(part, n);
    size_t room = strlen(text) + strlen(parts) + 1, at = strcspn(text, "@");
    char *all = arena_alloc(&p.arena, room);

    assert_non_null(all);
    snprintf(all, room, "%.*s%s%s", (int)at, text, parts, text + at + 1);
    return all;
}

/* Bytes of the arena that applying it takes. */
static size_t cost(const char *text, const char *part, size_t n)
{
    const ptl_value *v = pretend_value(&p, with_parts(text, part, n));
    size_t before;

    wr_reset(&p.noted);
    p.canvas.signatures_left = 1000000;
    before = p.arena.used_bytes;
    assert_non_null(canvas_apply(&p.canvas, v, NULL, NULL));
    return p.arena.used_bytes - before;
}

static void assert_linear(const char *text, const char *part)
{
    size_t few = cost(text, part, 100), many = cost(text, part, 3000);

    if (many > few * 36)
        fail_msg("100 parts take %zu bytes, 3000 %zu", few, many);
}

static void three_thousand_parts_cost_thirty_times_a_hundred(void **state)
{
    (void)state;
    assert_linear(CHORD("@", TASK("sum")), TASK("a"));
    assert_linear(GROUP("@"), TASK("a"));
    assert_linear(CHAIN("@"), TASK("a"));
    assert_linear(CHAIN(GROUP("@") ", " TASK("sum")), TASK("a"));
    assert_linear(CHORD(TASK("a"), CHAIN("@")), TASK("b"));
    assert_linear(CHORD("@", TASK("sum")), CHAIN(TASK("a") ", " TASK("b")));
    assert_linear(CHORD("@", CHORD(TASK("b"), TASK("sum"))),
                  CHORD(TASK("a"), TASK("b")));
    assert_linear(CHAIN("@"), CHORD(TASK("a"), TASK("b")));
    assert_linear(CHAIN("@"), CHORD(TASK("a"), CHAIN(TASK("b") ", " TASK("c"))));
    assert_linear(CHAIN(TASK("a") ", " GROUP("@")), TASK("b"));
    assert_linear(CHAIN("@"), CHAIN(TASK("a")));
    assert_linear(CHAIN("@"), GROUP(""));
}

/* ---- What is refused ------------------------------------------------------------ */

static void assert_too_deep(const char *sig)
{
    assert_string_equal(pretend_apply(&p, sig, NULL, NULL), "fault");
    assert_string_equal(p.canvas.fault_kind, "RecursionError");
    assert_str(p.canvas.fault,
               STR("cannot apply a signature: too many stand in one another"));
    assert_int_equal(p.calls, 0);
}

static void signatures_that_stand_in_one_another_too_deep_are_refused(void **state)
{
    ptl_value *sig = (ptl_value *)pretend_value(&p, TASK("a")), *chain, *list;
    (void)state;

    for (unsigned depth = 0; depth < 2 * CANVAS_DEPTH_MAX; depth++) {
        chain = (ptl_value *)pretend_value(&p, CHAIN(""));
        list = (ptl_value *)value_get(value_get(chain, "kwargs"), "tasks");
        value_list_add(&p.arena, list, sig);
        sig = chain;
    }
    assert_null(canvas_apply(&p.canvas, sig, NULL, NULL));
    assert_string_equal(p.canvas.fault_kind, "RecursionError");
}

static void each_group_behind_a_group_stands_in_the_body_of_the_one_before(void **state)
{
    const char *groups = with_parts(CHAIN("@"), GROUP(TASK("a") ", " TASK("b")), 20);
    (void)state;

    assert_string_not_equal(pretend_apply(&p, groups, NULL, NULL), "fault");
    assert_too_deep(with_parts(CHAIN("@"), GROUP(TASK("a") ", " TASK("b")), 5000));
}

static void more_signatures_than_are_allowed_are_refused(void **state)
{
    (void)state;
    p.canvas.signatures_left = 10;
    assert_string_equal(pretend_apply(&p, CHORD(TASK("a") ", " TASK("b"), TASK("sum")),
                                      NULL, NULL),
                        "fault");
    assert_string_equal(p.canvas.fault_kind, "ValueError");
    assert_str(p.canvas.fault,
               STR("cannot apply a signature: it holds too many others; "
                   "send it in parts"));
}

/* Whichever allocation is refused, that is what is said. */
static void a_full_arena_is_a_fault_wherever_it_is_met(void **state)
{
    static const char sig
        [] = "{'task': 'c', 'subtask_type': 'chain', 'options': {'link': [" TASK("l") "], 'link_error': [" TASK("e") "]}, 'kwargs': {'tasks': [" TASK("a") ", " GROUP(
            TASK("b") ", " CHAIN(TASK("c") ", " TASK(
                "d"))) ", " CHORD(GROUP(TASK("f") ", " GROUP(TASK("g"))),
                                  CHAIN(TASK("h") ", " TASK("i"))) ", " TASK("j") "]}}";
    const ptl_value *v = pretend_value(&p, sig);
    const ptl_value *result = NULL;
    struct arena small;
    size_t cap;
    (void)state;

    p.canvas.arena = &small;
    for (cap = 0; !result; cap += 64) {
        arena_init(&small, cap);
        p.canvas.fault_kind = NULL;
        p.canvas.signatures_left = 1000;
        result = canvas_apply(&p.canvas, v, NULL, NULL);
        if (!result)
            assert_string_equal(p.canvas.fault_kind, "MemoryError");
        wr_reset(&p.noted);
        arena_finish(&small);
    }
    assert_true(cap > 10000);
    assert_null(p.canvas.fault_kind);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_sends_its_first_task_which_carries_the_others_in_reverse),
        TEST(an_empty_chain_sends_nothing_and_has_no_result),
        TEST(a_group_sends_its_members_with_its_id),
        TEST(the_size_of_a_chord_is_told_before_its_last_part_is_sent),
        TEST(what_follows_a_group_in_a_chain_is_its_body),
        TEST(a_chord_without_a_header_sends_its_body_at_once),
        TEST(a_header_that_ends_in_a_group_is_saved_for_its_shape),
        TEST(chunks_are_a_group_of_starmaps),
        TEST(a_map_is_routed_as_its_task),
        TEST(a_group_takes_no_callback),
        TEST(errbacks_are_the_bodys_and_the_chords_or_all_of_a_groups),
        TEST(three_thousand_parts_cost_thirty_times_a_hundred),
        TEST(signatures_that_stand_in_one_another_too_deep_are_refused),
        TEST(each_group_behind_a_group_stands_in_the_body_of_the_one_before),
        TEST(more_signatures_than_are_allowed_are_refused),
        TEST(a_full_arena_is_a_fault_wherever_it_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
