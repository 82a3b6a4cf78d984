/* SPDX-License-Identifier: Apache-2.0 */
/* The API as a handler meets it: arguments, values, failures that stick, memory. */
#include "../../../protocol/json.h"
#include "../../../src/child/cancel.h"
#include "../../../src/child/verdict.h"
#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <signal.h>

/* ---- A task around one handler ------------------------------------------------- */

struct bench {
    struct arena arena, reserve, settings;
    struct node node;
    struct task_sink sink;
    struct module_row row;
    struct module module;
    ptl_module plugin;
    struct ptl_task task;
    struct verdict verdict;
    char said[512]; /* states, logs and what was sent where */
    struct wr sent; /* the last message */
};

static void note_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    struct bench *b = t->sink->to;
    struct wr w;

    wr_init(&w, 4096);
    json_write(&w, meta);
    wr_u8(&w, 0);
    snprintf(b->said, sizeof(b->said), "%s %s", state, w.bad ? "" : w.p);
    wr_finish(&w);
}

static void note_log(struct ptl_task *t, ptl_level level, struct str text)
{
    struct bench *b = t->sink->to;

    snprintf(b->said, sizeof(b->said), "%d " STR_FMT, level, STR_ARG(text));
}

static void note_effect(struct ptl_task *t, const struct frame_effect *e,
                        const struct message_send *m)
{
    struct bench *b = t->sink->to;

    snprintf(b->said, sizeof(b->said),
             STR_FMT " " STR_FMT STR_FMT " to '" STR_FMT "' '" STR_FMT "' at %lld",
             STR_ARG(m->task), STR_ARG(m->argsrepr), STR_ARG(m->kwargsrepr),
             STR_ARG(m->exchange), STR_ARG(m->routing_key), (long long)m->priority);
    wr_reset(&b->sent);
    wr_put(&b->sent, e->text);
}

static void bench_init(struct bench *b, const char *params,
                       ptl_value *(*run)(ptl_task *t))
{
    *b = (struct bench){
        .sink = {.state = note_state, .log = note_log, .effect = note_effect, .to = b}};
    arena_init(&b->arena, 1u << 20);
    arena_init(&b->reserve, 1u << 20);
    arena_init(&b->settings, 1u << 20);
    verdict_init(&b->verdict);
    wr_init(&b->sent, 1u << 20);
    b->node.hostname = "w1@h1";
    b->node.message_max_bytes = 1u << 16;
    assert_null(routes_init(&b->node.routes, &b->settings, STR("{}")));
    b->node.log_level = PTL_INFO;
    b->plugin.name = "bench";
    b->module.plugin = &b->plugin;
    b->module.state = b;
    b->row.def = (ptl_def){.name = "bench.call", .params = params, .run = run};
    b->row.name = STR("bench.call");
    b->row.function = STR("call");
    b->row.module = &b->module;
    assert_null(params_read(&b->row.params, params));
    b->task = (struct ptl_task){.arena = &b->arena,
                                .reserve = &b->reserve,
                                .node = &b->node,
                                .sink = &b->sink,
                                .children = {.max = 1u << 16}};
    b->task.message.id = STR("an-id");
}

static void bench_finish(struct bench *b)
{
    verdict_finish(&b->verdict);
    wr_finish(&b->sent);
    wr_finish(&b->task.children);
    arena_finish(&b->arena);
    arena_finish(&b->reserve);
    arena_finish(&b->settings);
}

/* Runs the handler with these arguments, JSON; true if the task could begin. */
static bool bench_run(struct bench *b, const char *args)
{
    b->task.body.args =
        json_read(&b->arena, str_of(args), JSON_KOMBU_TYPES | JSON_COPY_STRINGS,
                  &json_default_limits, NULL);
    b->task.body.kwargs = value_map(&b->arena, 0);
    if (!b->task.body.args || !b->task.body.kwargs || !task_begin(&b->task, &b->row))
        return false;
    task_run(&b->task);
    verdict_read(&b->verdict, &b->task);
    return true;
}

/* What a run comes to: the result as JSON, or the exception's repr. */
static void comes_to(const char *params, ptl_value *(*run)(ptl_task *t),
                     const char *args, const char *expected)
{
    struct bench b;
    struct wr w;

    bench_init(&b, params, run);
    wr_init(&w, 1u << 20);
    assert_true(bench_run(&b, args));
    if (b.verdict.outcome == OUTCOME_SUCCESS)
        json_write(&w, b.task.value);
    else
        wr_put(&w, wr_str(&b.verdict.repr));
    wr_u8(&w, 0);
    assert_string_equal(w.p, expected);
    wr_finish(&w);
    bench_finish(&b);
}

/* ---- Arguments ---------------------------------------------------------------- */

static ptl_value *take_int(ptl_task *t)
{
    return ptl_new_int(t, ptl_arg_int(t, "x"));
}

static ptl_value *take_float(ptl_task *t)
{
    return ptl_new_float(t, ptl_arg_float(t, "x"));
}

static ptl_value *take_bool(ptl_task *t)
{
    return ptl_new_bool(t, ptl_arg_bool(t, "x"));
}

static ptl_value *take_str(ptl_task *t)
{
    return ptl_new_str(t, ptl_arg_str(t, "x"));
}

static ptl_value *take_list(ptl_task *t)
{
    return ptl_new_int(t, (int64_t)ptl_len(ptl_arg_list(t, "x")));
}

static ptl_value *take_map(ptl_task *t)
{
    return ptl_new_int(t, (int64_t)ptl_len(ptl_arg_map(t, "x")));
}

static void arguments_have_types(void **state)
{
    (void)state;
    comes_to("x", take_int, "[-9223372036854775808]", "-9223372036854775808");
    comes_to("x", take_int, "[true]",
             "TypeError(\"call() argument 'x' must be int, not bool\")");
    comes_to("x", take_int, "[1.0]",
             "TypeError(\"call() argument 'x' must be int, not float\")");
    comes_to("x", take_int, "[9223372036854775808]",
             "OverflowError(\"call() argument 'x' does not fit 64 bits\")");
    comes_to("x", take_float, "[3]", "3.0");
    comes_to("x", take_float, "[1e400]", "Infinity");
    comes_to("x", take_float, "[100000000000000000000]", "1e+20");
    comes_to("x", take_float, "[true]",
             "TypeError(\"call() argument 'x' must be float, not bool\")");
    comes_to("x", take_bool, "[true]", "true");
    comes_to("x", take_bool, "[1]",
             "TypeError(\"call() argument 'x' must be bool, not int\")");
    comes_to("x", take_str, "[\"h\\u00e5\"]", "\"h\\u00e5\"");
    comes_to("x", take_str, "[null]",
             "TypeError(\"call() argument 'x' must be str, not NoneType\")");
    comes_to("x", take_str, "[\"a\\u0000b\"]",
             "ValueError(\"call() argument 'x' holds a null character\")");
    comes_to("x", take_str, "[\"\\ud800\"]",
             "ValueError(\"call() argument 'x' holds a lone surrogate\")");
    comes_to("x", take_list, "[[1, 2]]", "2");
    comes_to("x", take_list, "[{}]",
             "TypeError(\"call() argument 'x' must be list, not dict\")");
    comes_to("x", take_map, "[{\"a\": 1}]", "1");
    comes_to("x", take_map, "[[]]",
             "TypeError(\"call() argument 'x' must be dict, not list\")");
    comes_to("x", take_map, "[{\"__type__\": \"bytes\", \"__value__\": \"a\"}]",
             "TypeError(\"call() argument 'x' must be dict, not bytes\")");
}

static ptl_value *take_optional(ptl_task *t)
{
    return ptl_new_map(t, "i", ptl_new_int(t, ptl_arg_int_or(t, "i", 7)), "d",
                       ptl_new_float(t, ptl_arg_float_or(t, "d", 0.5)), "b",
                       ptl_new_bool(t, ptl_arg_bool_or(t, "b", true)), "s",
                       ptl_new_str(t, ptl_arg_str_or(t, "s", "none")), "given",
                       ptl_new_bool(t, ptl_arg_given(t, "i")), "v",
                       ptl_new_int(t, (int64_t)ptl_kind_of(ptl_arg_value(t, "s"))),
                       NULL);
}

static void optional_arguments_have_defaults(void **state)
{
    (void)state;
    comes_to("i? d? b? s?", take_optional, "[]",
             "{\"i\": 7, \"d\": 0.5, \"b\": true, \"s\": \"none\", \"given\": false, "
             "\"v\": 0}");
    comes_to("i? d? b? s?", take_optional, "[null, null, null, null]",
             "{\"i\": 7, \"d\": 0.5, \"b\": true, \"s\": \"none\", \"given\": true, "
             "\"v\": 0}");
    comes_to("i? d? b? s?", take_optional, "[1, 2, false, \"x\"]",
             "{\"i\": 1, \"d\": 2.0, \"b\": false, \"s\": \"x\", \"given\": true, "
             "\"v\": 5}");
    comes_to("i? d? b? s?", take_optional, "[\"1\"]",
             "TypeError(\"call() argument 'i' must be int, not str\")");
    comes_to("x?", take_int, "[]",
             "TypeError(\"call() missing 1 required positional argument: 'x'\")");
    comes_to("y", take_int, "[1]", "TypeError(\"call() has no parameter 'x'\")");
}

/* ---- Values ------------------------------------------------------------------- */

static ptl_value *make_everything(ptl_task *t)
{
    ptl_value *list = ptl_new_list(t);
    float floats[] = {0.1f, -1.5f, 1e10f};

    ptl_list_add(t, list, ptl_new_null(t));
    ptl_list_add(t, list, NULL);
    ptl_list_add(t, list, ptl_new_strf(t, "%d %s", 5, "x"));
    ptl_list_add(t, list, ptl_new_bytes(t, "a\0b", 3));
    ptl_list_add(t, list, ptl_new_strn(t, "a\0\xed\xa0\x80", 5));
    ptl_list_add(t, list, ptl_new_floats(t, floats, 3));
    ptl_list_add(t, list, ptl_new_floats(t, floats, 0));
    ptl_list_add(t, list, ptl_new_map(t, NULL));
    ptl_list_add(t, list, ptl_new_str(t, NULL));
    return list;
}

static void values_are_written_as_python_would(void **state)
{
    (void)state;
    comes_to("", make_everything, "[]",
             "[null, null, \"5 x\", {\"__type__\": \"bytes\", \"__value__\": "
             "\"a\\u0000b\"}, \"a\\u0000\\ud800\", [0.1, -1.5, 10000000000.0], [], {}, "
             "null]");
}

static ptl_value *make_broken_text(ptl_task *t)
{
    ptl_value *v = ptl_new_str(t, "a\xff");

    assert_null(v);
    assert_true(ptl_failed(t));
    return ptl_new_int(t, 5); /* a flagged failure is not undone by a value */
}

static ptl_value *format_broken_text(ptl_task *t)
{
    return ptl_new_strf(t, "%s", "\xc3");
}

static ptl_value *add_to_a_number(ptl_task *t)
{
    ptl_list_add(t, ptl_new_int(t, 1), NULL);
    return NULL;
}

static void values_that_are_none_fail(void **state)
{
    (void)state;
    comes_to("", make_broken_text, "[]",
             "ValueError('text made by bench.call is not UTF-8')");
    comes_to("", format_broken_text, "[]",
             "ValueError('text made by bench.call is not UTF-8')");
    comes_to("", add_to_a_number, "[]", "TypeError('ptl_list_add() needs a list')");
}

static ptl_value *walk(ptl_task *t)
{
    const ptl_value *map = ptl_arg_map(t, "x"), *list = ptl_get(map, "list");
    size_t len;

    assert_string_equal(ptl_key_at(map, 1, &len), "list");
    assert_int_equal(len, 4);
    assert_null(ptl_key_at(map, 2, NULL));
    assert_null(ptl_get(map, "absent"));
    assert_null(ptl_at(list, 3));
    assert_int_equal(ptl_int(ptl_at(list, 0)), 1);
    assert_true(ptl_float(ptl_at(list, 0)) == 1.0);
    assert_true(ptl_bool(ptl_at(list, 1)));
    assert_string_equal(ptl_str(ptl_at(list, 2), &len), "two");
    assert_ptr_equal(ptl_at(map, 1), list);
    assert_null(ptl_str(list, &len));
    assert_int_equal(len, 0);
    assert_int_equal(ptl_kind_of(NULL), PTL_NULL);
    assert_int_equal(ptl_len(NULL), 0);
    assert_int_equal(ptl_int(ptl_at(list, 2)), 0);
    return NULL;
}

static void values_can_be_walked(void **state)
{
    (void)state;
    comes_to("x", walk, "[{\"a\": 1, \"list\": [1, true, \"two\"]}]", "null");
}

/* ---- Failures ----------------------------------------------------------------- */

static ptl_value *fail_twice(ptl_task *t)
{
    assert_false(ptl_failed(t));
    assert_null(ptl_fail(t, "KeyError", "first"));
    assert_null(ptl_fail(t, "ValueError", "second"));
    assert_null(ptl_retry(t, 1, "third"));
    ptl_ignore(t);
    ptl_arg_int(t, "absent");
    return NULL;
}

static ptl_value *fail_with_bytes(ptl_task *t)
{
    return ptl_fail(t, "OSError", "%s", "/tmp/\xff");
}

static ptl_value *fail_without_a_kind(ptl_task *t)
{
    return ptl_fail(t, "", "%s", "");
}

static ptl_value *fail_at_length(ptl_task *t)
{
    char *long_text = ptl_alloc(t, (512u << 10) + 1);

    memset(long_text, 'x', 512u << 10);
    return ptl_fail(t, "ValueError", "%s", long_text);
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    comes_to("", fail_twice, "[]", "KeyError('first')");
    comes_to("", fail_with_bytes, "[]", "OSError('/tmp/?')");
    comes_to("", fail_without_a_kind, "[]", "Exception('')");
}

static void a_long_message_is_cut(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, "", fail_at_length);
    assert_true(bench_run(&b, "[]"));
    assert_int_equal(value_len(value_at(b.verdict.error.args, 0)), 256u << 10);
    assert_false(b.verdict.repr.bad || b.verdict.traceback.bad);
    bench_finish(&b);
}

/* ---- While running ------------------------------------------------------------- */

static char released[8];

static void release(void *arg)
{
    strcat(released, arg);
}

static ptl_value *defer(ptl_task *t)
{
    released[0] = '\0';
    assert_true(ptl_defer(t, release, (void *)"a"));
    assert_true(ptl_defer(t, release, (void *)"b"));
    return ptl_new_int(t, 1);
}

static void deferred_calls_run_last_first(void **state)
{
    (void)state;
    comes_to("", defer, "[]", "1");
    assert_string_equal(released, "ba");
}

static ptl_value *speak(ptl_task *t)
{
    struct bench *b = ptl_state(t);

    ptl_log(t, PTL_DEBUG, "unheard");
    assert_string_equal(b->said, "");
    ptl_log(t, PTL_WARNING, "two\nlines\xff");
    assert_string_equal(b->said, "30 two lines?");
    ptl_progress(t, ptl_new_int(t, 5));
    assert_string_equal(b->said, "PROGRESS 5");
    ptl_set_state(t, "", NULL);
    assert_true(ptl_failed(t));
    return NULL;
}

static void logs_and_states_are_heard(void **state)
{
    (void)state;
    comes_to("", speak, "[]",
             "ValueError('ptl_set_state() needs the name of a state')");
}

static ptl_value *log_at_length(ptl_task *t)
{
    char *text = ptl_alloc(t, 20001);

    memset(text, 'x', 20000);
    for (int i = 0; i < 1000; i++) /* more than the task's memory, were it kept */
        ptl_log(t, PTL_INFO, "%s", text);
    return NULL;
}

static void logs_take_no_memory(void **state)
{
    (void)state;
    comes_to("", log_at_length, "[]", "null");
}

static ptl_value *be_cancelled(ptl_task *t)
{
    assert_false(ptl_cancelled(t));
    raise(SIGUSR1);
    assert_true(ptl_cancelled(t));
    return ptl_len(ptl_arg_list(t, "x")) ? ptl_new_int(t, 5) : NULL;
}

static void a_cancelled_handler_may_still_succeed(void **state)
{
    (void)state;
    cancel_install();
    comes_to("x", be_cancelled, "[[]]", "SoftTimeLimitExceeded()");
    cancel_begin(0);
    comes_to("x", be_cancelled, "[[1]]", "5");
    cancel_begin(0);
}

static void send_number(int signum, int job)
{
    sigqueue(getpid(), signum, (union sigval){.sival_int = job});
}

static void a_signal_for_another_job_means_nothing(void **state)
{
    (void)state;
    cancel_install();
    cancel_begin(5);
    send_number(FRAME_SIGNAL_SOFT_LIMIT, 4);
    assert_false(cancel_requested());
    send_number(FRAME_SIGNAL_SOFT_LIMIT, 5);
    assert_true(cancel_requested());
    cancel_begin(6);
    assert_false(cancel_requested());
}

static void a_job_that_waits_can_be_left_out_once(void **state)
{
    (void)state;
    cancel_install();
    cancel_begin(0xfffffffe); /* numbers may wrap */
    send_number(FRAME_SIGNAL_LEAVE_OUT, (int)0xfffffffd);
    send_number(FRAME_SIGNAL_LEAVE_OUT, (int)0xfffffffe);
    send_number(FRAME_SIGNAL_LEAVE_OUT, (int)0xffffffff);
    send_number(FRAME_SIGNAL_LEAVE_OUT, 7);
    assert_false(cancel_is_left_out(0xfffffffd));
    assert_false(cancel_is_left_out(0xfffffffe));
    assert_true(cancel_is_left_out(0xffffffff));
    assert_false(cancel_is_left_out(0xffffffff));
    assert_true(cancel_is_left_out(0x100000007));
    assert_false(cancel_is_left_out(0));
    cancel_begin(0);
}

static ptl_value *look_around(ptl_task *t)
{
    assert_string_equal(ptl_task_id(t), "an-id");
    assert_string_equal(ptl_task_name(t), "bench.call");
    assert_string_equal(ptl_root_id(t), "an-id");
    assert_null(ptl_parent_id(t));
    assert_string_equal(ptl_hostname(t), "w1@h1");
    assert_int_equal(ptl_retries(t), 0);
    assert_false(ptl_redelivered(t));
    assert_null(ptl_header(t, "absent"));
    return NULL;
}

static void a_handler_may_look_around(void **state)
{
    (void)state;
    comes_to("", look_around, "[]", "null");
}

static ptl_value *read_header(ptl_task *t)
{
    const ptl_value *v = ptl_header(t, "x-list");
    size_t len;

    assert_string_equal(ptl_str(ptl_at(v, 0), &len), "abc");
    assert_int_equal(len, 3);
    assert_string_equal(ptl_key_at(ptl_at(v, 1), 0, NULL), "k");
    return NULL;
}

static void header_texts_end_in_a_nul(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, "", read_header);
    b.task.message.headers =
        json_read(&b.arena, STR("{\"x-list\": [\"abc\", {\"k\": 1}]}"), 0,
                  &json_default_limits, NULL);
    assert_true(bench_run(&b, "[]"));
    assert_int_equal(b.verdict.outcome, OUTCOME_SUCCESS);
    bench_finish(&b);
}

static ptl_value *read_settings(ptl_task *t)
{
    assert_string_equal(ptl_setting(t, "documents.chunk_tokens"), "1200");
    assert_string_equal(ptl_setting(t, "documents.root"), "/srv");
    assert_string_equal(ptl_setting(t, "documents.deep.ratio"), "0.5");
    assert_string_equal(ptl_setting(t, "documents.ocr"), "true");
    assert_string_equal(ptl_setting(t, "documents.kinds"), "[\"pdf\"]");
    assert_null(ptl_setting(t, "documents.nothing"));
    assert_null(ptl_setting(t, "documents"));
    setenv("PETIOLE_DOCUMENTS_CHUNK_TOKENS", "7", 1);
    assert_string_equal(ptl_setting(t, "documents.chunk_tokens"), "7");
    unsetenv("PETIOLE_DOCUMENTS_CHUNK_TOKENS");
    return NULL;
}

static void settings_come_from_environment_then_file(void **state)
{
    struct bench b;

    (void)state;
    bench_init(&b, "", read_settings);
    assert_null(settings_init(
        &b.node.settings,
        STR("{\"documents\": {\"chunk_tokens\": 1200, \"root\": \"/srv\", \"deep\": "
            "{\"ratio\": 0.5}, \"ocr\": true, \"kinds\": [\"pdf\"], \"nothing\": "
            "null}}")));
    assert_true(bench_run(&b, "[]"));
    assert_int_equal(b.verdict.outcome, OUTCOME_SUCCESS);
    settings_finish(&b.node.settings);
    assert_string_equal(settings_init(&b.node.settings, STR("[]")),
                        "the plugins' settings are not an object");
    settings_finish(&b.node.settings);
    bench_finish(&b);
}

/* ---- Memory ------------------------------------------------------------------- */

static ptl_value *use_it_all(ptl_task *t)
{
    while (ptl_alloc(t, 1000))
        continue;
    assert_null(ptl_new_int(t, 5));
    released[0] = '\0';
    assert_false(ptl_defer(t, release, (void *)"x"));
    return NULL;
}

static void memory_used_up_is_a_memory_error(void **state)
{
    (void)state;
    comes_to("", use_it_all, "[]",
             "MemoryError('the task used up its 1048576 bytes (see "
             "message_max_bytes)')");
    assert_string_equal(released, "x");
}

static ptl_value *zeroed(ptl_task *t)
{
    const char *p = ptl_alloc(t, 4000);

    for (size_t i = 0; p && i < 4000; i++)
        assert_int_equal(p[i], 0);
    return NULL;
}

/* What a typed argument is, in microseconds and in words. */
static ptl_value *describe_typed(ptl_task *t)
{
    const ptl_value *v = ptl_arg_value(t, "v");
    ptl_value *list = ptl_new_list(t);

    ptl_list_add(t, list, ptl_new_int(t, ptl_type_of(v)));
    ptl_list_add(t, list, ptl_new_int(t, ptl_datetime_us(v)));
    ptl_list_add(t, list, ptl_new_str(t, ptl_typed_str(v)));
    return list;
}

static void pythons_other_types_can_be_read(void **state)
{
    (void)state;
    comes_to("v", describe_typed,
             "[{\"__type__\": \"datetime\", \"__value__\": "
             "\"1970-01-01T01:00:00.5+00:30\"}]",
             "[1, 1800500000, \"1970-01-01T01:00:00.5+00:30\"]");
    comes_to("v", describe_typed,
             "[{\"__type__\": \"date\", \"__value__\": \"1970-01-02\"}]",
             "[2, 86400000000, \"1970-01-02\"]");
    comes_to("v", describe_typed,
             "[{\"__type__\": \"time\", \"__value__\": \"00:00:01\"}]",
             "[3, 1000000, \"00:00:01\"]");
    comes_to("v", describe_typed,
             "[{\"__type__\": \"decimal\", \"__value__\": \"3.140\"}]",
             "[4, 0, \"3.140\"]");
    comes_to("v", describe_typed,
             "[{\"__type__\": \"uuid\", \"__value__\": {\"hex\": "
             "\"0123456789abcdef0123456789abcdef\"}}]",
             "[5, 0, \"0123456789abcdef0123456789abcdef\"]");
    comes_to("v", describe_typed, "[{\"__type__\": \"uuid\", \"x\": 1}]",
             "[0, 0, null]");
    comes_to("v", describe_typed, "[\"1970-01-02\"]", "[0, 0, null]");
}

static ptl_value *make_typed(ptl_task *t)
{
    ptl_value *list = ptl_new_list(t);

    ptl_list_add(t, list, ptl_new_datetime(t, 1500000));
    ptl_list_add(t, list, ptl_new_date(t, "2030-01-02"));
    ptl_list_add(t, list, ptl_new_time(t, "03:04:05"));
    ptl_list_add(t, list, ptl_new_decimal(t, "-1.50"));
    ptl_list_add(t, list, ptl_new_uuid(t, "01234567-89AB-cdef-0123-456789abcdef"));
    return list;
}

static ptl_value *make_no_date(ptl_task *t)
{
    return ptl_new_date(t, "tomorrow");
}

static ptl_value *make_no_decimal(ptl_task *t)
{
    return ptl_new_decimal(t, "1,5");
}

static ptl_value *make_no_uuid(ptl_task *t)
{
    return ptl_new_uuid(t, "01234567-89ab-cdef-0123-456789abcdef0");
}

static void pythons_other_types_can_be_made(void **state)
{
    (void)state;
    comes_to("", make_typed, "[]",
             "[{\"__type__\": \"datetime\", \"__value__\": "
             "\"1970-01-01T00:00:01.500000+00:00\"}, "
             "{\"__type__\": \"date\", \"__value__\": \"2030-01-02\"}, "
             "{\"__type__\": \"time\", \"__value__\": \"03:04:05\"}, "
             "{\"__type__\": \"decimal\", \"__value__\": \"-1.50\"}, "
             "{\"__type__\": \"uuid\", \"__value__\": {\"hex\": "
             "\"0123456789abcdef0123456789abcdef\"}}]");
    comes_to("", make_no_date, "[]",
             "ValueError(\"Invalid isoformat string: 'tomorrow'\")");
    comes_to("", make_no_decimal, "[]", "ValueError(\"Invalid decimal: '1,5'\")");
    comes_to("", make_no_uuid, "[]",
             "ValueError(\"badly formed hexadecimal UUID string: "
             "'01234567-89ab-cdef-0123-456789abcdef0'\")");
}

static void memory_is_zeroed(void **state)
{
    (void)state;
    comes_to("", zeroed, "[]", "null");
}

/* A handler that uses most of the API: whatever allocation fails, its task ends as a
 * failure or as it should. */
static void any_allocation_may_fail(void **state)
{
    int n = 0;

    (void)state;
    for (bool failed = true; failed; n++) {
        struct bench b;
        bool begun;

        bench_init(&b, "", make_everything);
        alloc_fail_at(n);
        begun = bench_run(&b, "[]");
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        assert_true(!begun || failed || b.verdict.outcome == OUTCOME_SUCCESS);
        assert_true(!begun || b.verdict.outcome == OUTCOME_SUCCESS ||
                    b.verdict.outcome == OUTCOME_FAILURE);
        bench_finish(&b);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_have_types),
        cmocka_unit_test(optional_arguments_have_defaults),
        cmocka_unit_test(values_are_written_as_python_would),
        cmocka_unit_test(values_that_are_none_fail),
        cmocka_unit_test(values_can_be_walked),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(deferred_calls_run_last_first),
        cmocka_unit_test(logs_and_states_are_heard),
        cmocka_unit_test(logs_take_no_memory),
        cmocka_unit_test(a_cancelled_handler_may_still_succeed),
        cmocka_unit_test(a_signal_for_another_job_means_nothing),
        cmocka_unit_test(a_job_that_waits_can_be_left_out_once),
        cmocka_unit_test(a_handler_may_look_around),
        cmocka_unit_test(header_texts_end_in_a_nul),
        cmocka_unit_test(settings_come_from_environment_then_file),
        cmocka_unit_test(memory_used_up_is_a_memory_error),
        cmocka_unit_test(pythons_other_types_can_be_read),
        cmocka_unit_test(pythons_other_types_can_be_made),
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
