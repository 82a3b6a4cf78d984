/* SPDX-License-Identifier: Apache-2.0 */
/* Results: the recorded documents written again, and the names of exceptions. */
#include "../../../protocol/json.h"
#include "../../../protocol/result.h"
#include "../../../protocol/timestamp.h"
#include "cmocka_all.h"
#include "golden.h"

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 22);
    wr_init(&out, (size_t)1 << 22);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

/* The inputs of a recorded document, taken from it. */
struct inputs {
    struct result result;
    struct result_error error;
    struct result_extended extended;
};

static void take_error(struct inputs *in, const ptl_value *result)
{
    if (!value_get(result, "exc_type"))
        return;
    in->error = (struct result_error){
        .type = value_as_str(value_get(result, "exc_type")),
        .module = value_as_str(value_get(result, "exc_module")),
        .args = value_get(result, "exc_message"),
    };
    in->result.error = &in->error;
}

static void take_extended(struct inputs *in, const ptl_value *meta)
{
    if (!value_get(meta, "worker"))
        return;
    in->extended = (struct result_extended){
        .name = value_as_str(value_get(meta, "name")),
        .worker = value_as_str(value_get(meta, "worker")),
        .queue = value_as_str(value_get(meta, "queue")),
        .args = value_get(meta, "args"),
        .kwargs = value_get(meta, "kwargs"),
        .retries = value_as_int(value_get(meta, "retries"), 0),
    };
    if (value_get(meta, "stamped_headers")) {
        ptl_value *headers = value_map(&arena, 2), *stamps = value_map(&arena, 2);
        value_map_set(&arena, stamps, STR("who"), value_get(meta, "who"));
        value_map_set(&arena, stamps, STR("unlisted"), value_int(&arena, 1));
        value_map_set(&arena, headers, STR("stamps"), stamps);
        value_map_set(&arena, headers, STR("stamped_headers"),
                      value_get(meta, "stamped_headers"));
        in->extended.headers = headers;
    }
    in->result.extended = &in->extended;
}

/* The items of the list, without its brackets. */
static struct str children_of(const ptl_value *meta)
{
    struct str list;

    wr_reset(&out);
    json_write(&out, value_get(meta, "children"));
    list = arena_copy(&arena, wr_str(&out));
    return (struct str){list.p + 1, list.n - 2};
}

static void take_inputs(struct inputs *in, const ptl_value *meta)
{
    struct str done = value_as_str(value_get(meta, "date_done"));

    *in = (struct inputs){
        .result = {
            .status = arena_copy(&arena, value_as_str(value_get(meta, "status"))).p,
            .value = value_get(meta, "result"),
            .traceback = value_as_str(value_get(meta, "traceback")),
            .children = children_of(meta),
            .task_id = value_as_str(value_get(meta, "task_id")),
            .group_id = value_as_str(value_get(meta, "group_id")),
            .parent_id = value_as_str(value_get(meta, "parent_id")),
        }};
    if (done.p)
        assert_true(timestamp_parse(done, &in->result.date_done_us));
    take_error(in, value_get(meta, "result"));
    take_extended(in, meta);
}

static void rewrite(const char *name, struct str line)
{
    struct inputs in;
    (void)name;

    if (!line.n)
        return;
    const ptl_value *meta = json_read(&arena, line, 0, NULL, NULL);
    assert_non_null(meta);
    take_inputs(&in, meta);
    wr_reset(&out);
    result_write(&out, &in.result);
    assert_str(wr_str(&out), line);
    assert_str(result_read_status(&arena, line), str_of(in.result.status));
    arena_reset(&arena);
}

static void recorded_results_are_written_again_byte_for_byte(void **state)
{
    (void)state;
    assert_int_equal(golden_each("results", ".json", rewrite), 43);
}

static void an_encoded_result_stands_as_it_is(void **state)
{
    struct result r = {.status = "SUCCESS",
                       .encoded = STR("[1,2]"),
                       .task_id = STR("i")};
    (void)state;

    wr_reset(&out);
    result_write(&out, &r);
    assert_str(wr_str(&out),
               STR("{\"status\": \"SUCCESS\", \"result\": [1,2], \"traceback\": null, "
                   "\"children\": [], \"date_done\": null, \"task_id\": \"i\"}"));
}

static void a_stamp_cannot_replace_the_results_own_fields(void **state)
{
    const ptl_value *headers =
        json_read(&arena,
                  STR("{\"stamps\": {\"status\": \"SUCCESS\", \"a\": 1}, "
                      "\"stamped_headers\": [\"status\", \"a\", 5]}"),
                  0, NULL, NULL);
    struct result_extended x = {.name = STR("t"), .headers = headers};
    struct result r = {.status = "FAILURE", .task_id = STR("i"), .extended = &x};
    (void)state;

    wr_reset(&out);
    result_write(&out, &r);
    assert_str(wr_str(&out),
               STR("{\"status\": \"FAILURE\", \"result\": null, \"traceback\": null, "
                   "\"children\": [], \"date_done\": null, \"name\": \"t\", \"args\": "
                   "null, \"kwargs\": null, \"worker\": null, \"retries\": 0, "
                   "\"queue\": null, \"stamped_headers\": [\"status\", \"a\", 5], "
                   "\"a\": 1, \"task_id\": \"i\"}"));
}

static void statuses_are_read_and_three_of_them_are_final(void **state)
{
    (void)state;
    assert_str(result_read_status(&arena, STR("{\"status\": \"PROGRESS\"}")),
               STR("PROGRESS"));
    assert_int_equal(result_read_status(&arena, STR("")).n, 0);
    assert_int_equal(result_read_status(&arena, STR("{\"status\": 5}")).n, 0);
    assert_int_equal(result_read_status(&arena, STR("[\"status\"]")).n, 0);
    assert_true(result_status_final(STR("SUCCESS")));
    assert_true(result_status_final(STR("FAILURE")));
    assert_true(result_status_final(STR("REVOKED")));
    assert_false(result_status_final(STR("RETRY")));
    assert_false(result_status_final(STR("")));
}

static void exceptions_are_found_where_python_keeps_them(void **state)
{
    static const struct {
        const char *name, *type, *module;
    } cases[] = {
        {"ValueError", "ValueError", "builtins"},
        {"ArithmeticError", "ArithmeticError", "builtins"},
        {"ZeroDivisionError", "ZeroDivisionError", "builtins"},
        {"TimeoutError", "TimeoutError", "builtins"},
        {"ExceptionGroup", "ExceptionGroup", "builtins"},
        {"Retry", "Retry", "celery.exceptions"},
        {"NotRegistered", "NotRegistered", "celery.exceptions"},
        {"MaxRetriesExceededError", "MaxRetriesExceededError", "celery.exceptions"},
        {"SoftTimeLimitExceeded", "SoftTimeLimitExceeded", "billiard.exceptions"},
        {"TimeLimitExceeded", "TimeLimitExceeded", "billiard.exceptions"},
        {"WorkerLostError", "WorkerLostError", "billiard.exceptions"},
        {"Terminated", "Terminated", "billiard.exceptions"},
        {"EncodeError", "EncodeError", "kombu.exceptions"},
        {"ContentDisallowed", "ContentDisallowed", "kombu.exceptions"},
        {"OperationalError", "OperationalError", "kombu.exceptions"},
        {"MyError", "MyError", "demo"},
        {"Value", "Value", "demo"},
        {"ValueErrorX", "ValueErrorX", "demo"},
        {"", "", "demo"},
        {"a.b.C", "C", "a.b"},
        {"package.ValueError", "ValueError", "package"},
        {".C", ".C", "demo"},
        {"a.", "a.", "demo"},
    };
    struct str type, module;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result_exception_name(str_of(cases[i].name), STR("demo"), &type, &module);
        assert_str(type, str_of(cases[i].type));
        assert_str(module, str_of(cases[i].module));
    }
}

static void prints(const char *args, const char *expected)
{
    struct result_error e = {.type = STR("ValueError"), .module = STR("builtins")};

    if (args)
        e.args = json_read(&arena, str_of(args), 0, NULL, NULL);
    wr_reset(&out);
    result_exception_repr(&out, &e);
    assert_str(wr_str(&out), str_of(expected));
}

static void exceptions_print_as_python_prints_them(void **state)
{
    (void)state;
    prints("[\"bad value\", 42]", "ValueError('bad value', 42)");
    prints("[\"it's\"]", "ValueError(\"it's\")");
    prints("[]", "ValueError()");
    prints("[[1]]", "ValueError([1])");
    prints(NULL, "ValueError()");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_results_are_written_again_byte_for_byte),
        cmocka_unit_test(an_encoded_result_stands_as_it_is),
        cmocka_unit_test(a_stamp_cannot_replace_the_results_own_fields),
        cmocka_unit_test(statuses_are_read_and_three_of_them_are_final),
        cmocka_unit_test(exceptions_are_found_where_python_keeps_them),
        cmocka_unit_test(exceptions_print_as_python_prints_them),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
