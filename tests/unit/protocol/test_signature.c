/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: what a call brings is merged as Celery merges it, and what is no
 * signature is refused in a line. */
#include "cmocka_all.h"
#include "pretend.h"

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

static void a_task_is_called_with_its_args_and_a_new_id(void **state)
{
    (void)state;
    assert_string_equal(
        pretend_apply(&p, "{'task': 'add', 'args': [1], 'kwargs': {'y': 2}}", NULL,
                      NULL),
        "[[\"id-1\", null], null]");
    assert_string_equal(pretend_noted(&p),
                        "add [1] {\"y\": 2} {\"task_id\": \"id-1\"}\n");
    assert_str(p.canvas.applied, STR("id-1"));
}

static void args_of_the_call_come_first(void **state)
{
    (void)state;
    pretend_apply(&p, "{'task': 'add', 'args': [1], 'options': {'task_id': 'x'}}",
                  "[[7, 8]]", NULL);
    assert_string_equal(pretend_noted(&p), "add [[7, 8], 1] {} {\"task_id\": \"x\"}\n");
}

static void an_immutable_task_takes_the_options_only(void **state)
{
    (void)state;
    pretend_apply(&p, "{'task': 'add', 'args': [1], 'immutable': true}", "[7]",
                  "{'task_id': 'x', 'priority': 3}");
    assert_string_equal(pretend_noted(&p),
                        "add [1] {} {\"task_id\": \"x\", \"priority\": 3}\n");
}

static void options_of_the_call_replace_but_not_the_group_and_the_stamps(void **state)
{
    (void)state;
    pretend_apply(
        &p,
        "{'task': 'a', 'options': {'group_id': 'g', 'queue': 'q', 'who': 'me',"
        " 'stamped_headers': ['who']}}",
        NULL,
        "{'group_id': 'h', 'queue': 'r', 'who': 'you', 'task_id': 'x',"
        " 'stamped_headers': ['what'], 'what': 1}");
    assert_string_equal(pretend_noted(&p),
                        "a [] {} {\"group_id\": \"g\", \"queue\": \"r\", \"who\": "
                        "\"me\", \"stamped_headers\": [\"who\"], \"task_id\": \"x\", "
                        "\"what\": 1}\n");
}

static void an_option_that_is_null_is_none(void **state)
{
    (void)state;
    pretend_apply(&p, "{'task': 'a', 'options': {'queue': 'q'}}", NULL,
                  "{'queue': null, 'task_id': 'x'}");
    assert_string_equal(pretend_noted(&p),
                        "a [] {} {\"queue\": \"q\", \"task_id\": \"x\"}\n");
}

static void what_is_no_signature_is_refused_in_a_line(void **state)
{
    static const struct {
        const char *sig, *kind, *text;
    } bad[] = {
        {"7", "TypeError", "it is no object"},
        {"{}", "KeyError", "it names no task"},
        {"{'task': 3}", "KeyError", "it names no task"},
        {"{'task': 'a', 'args': {}}", "TypeError", "its args are no list"},
        {"{'task': 'a', 'kwargs': []}", "TypeError", "its kwargs are no object"},
        {"{'task': 'a', 'options': 1}", "TypeError", "its options are no object"},
        {"{'task': 'a', 'subtask_type': 'ring'}", "KeyError",
         "no subtask_type is called 'ring'"},
        {"{'task': 'a', 'subtask_type': 'r\\n'}", "KeyError",
         "no subtask_type is called 'r?'"},
        {"{'task': 'a', 'subtask_type': [1]}", "TypeError",
         "its subtask_type is no text"},
        {"{'task': 'a', 'options': {'stamped_headers': 'x'}}", "TypeError",
         "its stamped_headers are no list"},
        {"{'task': 'a', 'options': {'task_id': 7}}", "TypeError",
         "its task_id or group_id is no text"},
        {"{'task': 'a', 'options': {'group_id': []}}", "TypeError",
         "its task_id or group_id is no text"},
        {"{'task': 'a', 'subtask_type': 'chain'}", "KeyError",
         "a chain without kwargs.tasks"},
        {"{'task': 'a', 'subtask_type': 'group', 'kwargs': {'tasks': {}}}", "TypeError",
         "the tasks of a group are no list"},
        {"{'task': 'a', 'subtask_type': 'group', 'kwargs': {'tasks': [null]}}",
         "TypeError", "it is no object"},
        {"{'task': 'a', 'subtask_type': 'chord'}", "KeyError",
         "a chord without kwargs.header"},
        {"{'task': 'a', 'subtask_type': 'chord', 'kwargs': {'header': 1}}", "TypeError",
         "the header of a chord is no list"},
        {"{'task': 'a', 'subtask_type': 'xmap', 'kwargs': {'task': 1, 'it': 1}}",
         "TypeError", "what it is to be mapped over is no list"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        p.canvas.fault_kind = NULL;
        assert_string_equal(pretend_apply(&p, bad[i].sig, NULL, NULL), "fault");
        assert_string_equal(p.canvas.fault_kind, bad[i].kind);
        assert_memory_equal(p.canvas.fault.p, "cannot read a signature: ", 25);
        assert_string_equal(p.canvas.fault.p + 25, bad[i].text);
    }
    assert_int_equal(p.noted.len, 0);
}

static void options_of_the_call_are_checked_too(void **state)
{
    (void)state;
    assert_string_equal(pretend_apply(&p, "{'task': 'a'}", NULL, "['task_id']"),
                        "fault");
    assert_string_equal(p.canvas.fault_kind, "TypeError");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_is_called_with_its_args_and_a_new_id),
        TEST(args_of_the_call_come_first),
        TEST(an_immutable_task_takes_the_options_only),
        TEST(options_of_the_call_replace_but_not_the_group_and_the_stamps),
        TEST(an_option_that_is_null_is_none),
        TEST(what_is_no_signature_is_refused_in_a_line),
        TEST(options_of_the_call_are_checked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
