/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log: Celery's, Python formats, JSON, and messages that would forge one.
 */
#include "../../../src/log/log_record.h"
#include "../protocol/cmocka_all.h"

#include <json-c/json.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct wr out;

static const char *format_as(const char *format, enum log_level level, const char *text)
{
    static const struct log_subject subject = {.process = "ForkPoolWorker-2",
                                               .task_name = "t.add",
                                               .task_id = "id-1"};
    wr_finish(&out);
    wr_init(&out, 65536);
    log_format(&out, &(struct log_record){level, &subject, str_of(text), false}, format,
               false);
    wr_put(&out, (struct str){"", 1});
    return out.p;
}

static const char *message(const char *text)
{
    return format_as("%(message)s", LOG_INFO, text);
}

static int forget(void **state)
{
    (void)state;
    wr_finish(&out);
    return 0;
}

static void celerys_line_has_date_level_and_process(void **state)
{
    (void)state;
    const char *line = format_as(LOG_FORMAT, LOG_WARNING, "hello");
    assert_int_equal(line[0], '[');
    assert_int_equal(line[24], ':');
    assert_string_equal(line + 24, ": WARNING/ForkPoolWorker-2] hello");
    line = format_as(LOG_TASK_FORMAT, LOG_INFO, "hello");
    assert_string_equal(line + 24, ": INFO/ForkPoolWorker-2] t.add[id-1]: hello");
}

static void a_python_format_is_followed(void **state)
{
    (void)state;
    assert_string_equal(format_as("%(levelname)-8s|%(levelname)8s|%(levelno)d %(name)s",
                                  LOG_ERROR, ""),
                        "ERROR   |   ERROR|40 petiole");
    assert_string_equal(format_as("100%% %(message)s %", LOG_INFO, "x"), "100% x %");
}

static void control_characters_are_shown_not_obeyed(void **state)
{
    (void)state;
    assert_string_equal(message("a\x1b[31mb\rc\x7f\td"), "a\\x1b[31mb\\x0dc\\x7f\td");
    assert_string_equal(message("\xc2\x9b"
                                "31m"),
                        "\\x9b31m");
    assert_string_equal(message("caf\xc3\xa9"), "caf\xc3\xa9");
}

static void a_traceback_keeps_its_lines_and_forges_none(void **state)
{
    (void)state;
    assert_string_equal(message("raised:\nTraceback\n  File"),
                        "raised:\nTraceback\n  File");
    assert_string_equal(message("x\n[2026-11-22 14:23:26,857: INFO/MainProcess] no"),
                        "x\n [2026-11-22 14:23:26,857: INFO/MainProcess] no");
}

static void a_failures_traceback_stands_below_its_message(void **state)
{
    static const struct log_subject subject = {.traceback = {"[T\n[F", 5}};
    (void)state;
    wr_init(&out, 1000);
    log_format(&out, &(struct log_record){LOG_INFO, &subject, STR("m"), false},
               "%(message)s", false);
    wr_put(&out, (struct str){"", 1});
    assert_string_equal(out.p, "m\n [T\n [F");
}

static void a_format_may_show_the_trace(void **state)
{
    static const struct log_subject traced = {.trace = TRACE}, untraced;
    (void)state;
    wr_init(&out, 1000);
    log_format(&out, &(struct log_record){LOG_INFO, &traced, STR("m"), false},
               "%(trace_id)s %(span_id)s ", false);
    log_format(&out, &(struct log_record){LOG_INFO, &untraced, STR("m"), false},
               "%(trace_id)s", false);
    wr_put(&out, (struct str){"", 1});
    assert_string_equal(out.p, "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 ???");
}

static void a_task_name_has_no_lines(void **state)
{
    static const struct log_subject subject = {.process = "P",
                                               .task_name = "a\n[b",
                                               .task_id = "c\x1b"
                                                          "d"};
    (void)state;
    wr_init(&out, 1000);
    log_format(&out, &(struct log_record){LOG_INFO, &subject, STR("m"), false},
               "%(task_name)s %(task_id)s", false);
    wr_put(&out, (struct str){"", 1});
    assert_string_equal(out.p, "a\\x0a[b c\\x1bd");
}

static void json_is_one_object_that_says_it_all(void **state)
{
    static const struct log_subject subject = {.process = "ForkPoolWorker-2",
                                               .task_name = "t\n.add",
                                               .task_id = "id\"1",
                                               .trace = TRACE,
                                               .exception = {"E('\"')", 6},
                                               .traceback = {"T\n  File", 8}};
    static const char hostile[] = "a\n\x1b\"\\ \xff caf\xc3\xa9 \xed\xa0\x80";
    (void)state;
    wr_init(&out, 65536);
    log_format_json(&out, &(struct log_record){LOG_ERROR,
                                               &subject,
                                               {hostile, sizeof(hostile) - 1},
                                               true});
    wr_put(&out, (struct str){"", 1});
    assert_null(strchr(out.p, '\n'));
    json_object *o = json_tokener_parse(out.p);
    assert_non_null(o);
    assert_string_equal(json_object_get_string(json_object_object_get(o, "level")),
                        "ERROR");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "task_name")),
                        "t\n.add");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "task_id")),
                        "id\"1");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "message")),
                        "a\n\x1b\"\\ \xef\xbf\xbd caf\xc3\xa9 "
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(strlen(json_object_get_string(json_object_object_get(o, "time"))),
                     strlen("2026-11-22T14:23:26.857042+01:00"));
    static const char *const others[][2] = {
        {"logger", "petiole.task"},
        {"trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"},
        {"span_id", "00f067aa0ba902b7"},
        {"exception", "E('\"')"},
        {"traceback", "T\n  File"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_string_equal(json_object_get_string(
                                json_object_object_get(o, others[i][0])),
                            others[i][1]);
    json_object_put(o);
}

#define T(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(celerys_line_has_date_level_and_process),
        T(a_python_format_is_followed),
        T(control_characters_are_shown_not_obeyed),
        T(a_traceback_keeps_its_lines_and_forges_none),
        T(a_failures_traceback_stands_below_its_message),
        T(a_format_may_show_the_trace),
        T(a_task_name_has_no_lines),
        T(json_is_one_object_that_says_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
