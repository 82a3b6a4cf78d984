/* SPDX-License-Identifier: Apache-2.0 */
/* The inspect commands: what Celery's clients asked a Python worker for, asked here,
 * and the replies laid beside the recorded ones. */
#include "../../../protocol/json.h"
#include "../../../protocol/pyrepr.h"
#include "../protocol/cmocka_all.h"
#include "../protocol/golden.h"
#include "panel.h"

#include <stdio.h>
#include <stdlib.h>

static struct panel p;

/* body: [[60], {}, {…}], [[61], {}, {…}] */
#define BODY "W1s2MF0sIHt9LCB7ImNhbGxiYWNrcyI6IG51bGx9XQ=="
#define MESSAGE(id, body, more)                                                        \
    "{\"body\": \"" body "\", \"content-encoding\": \"utf-8\", \"content-type\": "     \
    "\"application/json\", \"headers\": {\"lang\": \"py\", \"task\": "                 \
    "\"cap_app.sleeping\", "                                                           \
    "\"id\": \"" id "\", \"argsrepr\": \"(60,)\", \"kwargsrepr\": \"{}\"" more         \
    "}, \"properties\": {\"priority\": 3, \"delivery_info\": {\"exchange\": \"\", "    \
    "\"routing_key\": \"celery\"}, \"body_encoding\": \"base64\", \"delivery_tag\": "  \
    "\"t\"}}"

static void know_tasks(void)
{
    struct frame_row rows[] = {
        {.name = STR("cap_app.limited"), .attributes = ATTRIBUTES_DEFAULTS},
        {.name = STR("cap_app.sleeping"), .attributes = ATTRIBUTES_DEFAULTS},
        {.name = STR("celery.map"), .attributes = ATTRIBUTES_DEFAULTS},
    };
    attributes_set_rate(&rows[0].attributes, "120/m");
    panel_know(&p, rows, 3);
}

static int begin(void **state)
{
    static const char *const words[] = {
        "worker",  "-Acap_app",
        "-nw1@h1", "-c2",
        "-b",      "redis://:s3cret@127.0.0.1:17001/0;redis://u:s3cret@other/1",
    };
    char *argv[8];
    struct error e;
    (void)state;
    for (size_t i = 0; i < 6; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    setenv("CELERY_RESULT_BACKEND", "redis://127.0.0.1:17001/0", 1);
    panel_start(&p);
    if (config_load(&p.config, 6, argv, &e) < 0)
        fail_msg("%s", e.msg);
    know_tasks();
    return 0;
}

static int end(void **state)
{
    (void)state;
    panel_finish(&p);
    config_finish(&p.config);
    return 0;
}

/* ---- beside the recorded replies ----------------------------------------------- */

static const char *kind_of(const ptl_value *v)
{
    switch (value_kind(v)) {
    case PTL_NULL:
        return "null";
    case PTL_BOOL:
        return "a bool";
    case PTL_INT:
    case PTL_FLOAT:
        return "a number";
    case PTL_STR:
        return "a text";
    case PTL_LIST:
        return "a list";
    case PTL_MAP:
        return "an object";
    default:
        return "what JSON has not";
    }
}

/* Every key of the recorded value is there, in its kind; lists by their first items.
 * null stands for any kind, as None does. */
static void assert_shape(const char *where, const ptl_value *ours,
                         const ptl_value *theirs)
{
    char within[512];
    if (value_is_null(theirs) || value_is_null(ours))
        return;
    if (strcmp(kind_of(ours), kind_of(theirs)) != 0)
        fail_msg("%s is %s, not %s", where, kind_of(ours), kind_of(theirs));
    if (theirs->kind == PTL_LIST && value_len(ours) && value_len(theirs)) {
        snprintf(within, sizeof(within), "%s[0]", where);
        assert_shape(within, value_at(ours, 0), value_at(theirs, 0));
    }
    if (theirs->kind != PTL_MAP)
        return;
    for (size_t i = 0; i < value_len(theirs); i++) {
        const struct value_pair *pair = &theirs->u.map.pairs[i];
        snprintf(within, sizeof(within), "%s.%.*s", where, STR_ARG(pair->key));
        if (!value_find(ours, pair->key))
            fail_msg("%s is missing", within);
        assert_shape(within, value_find(ours, pair->key), pair->value);
    }
}

/* Asks what the recording asked. Values live until the next request. */
static const ptl_value *replay(const char *name, const ptl_value **recorded)
{
    static struct arena a;
    char path[128];
    struct json_error e;
    struct wr request;
    snprintf(path, sizeof(path), "pidbox/%s.json", name);
    struct str text = golden_read(path);
    if (a.max_bytes == 0)
        arena_init(&a, 8 << 20);
    arena_reset(&a);
    const ptl_value *file =
        json_read(&a, text, JSON_COPY_STRINGS, &json_default_limits, &e);
    free((void *)(uintptr_t)text.p);
    assert_non_null(file);
    wr_init(&request, 1 << 16);
    json_write(&request, value_get(file, "request_body"));
    wr_u8(&request, 0);
    assert_int_equal(panel_hear(&p, request.p), 1);
    wr_finish(&request);
    *recorded = value_get(value_get(file, "reply_body"), "w1@h1");
    return panel_reply(&p);
}

static struct request *run_one(void)
{
    struct request *rq = panel_take(&p, MESSAGE("a1", BODY, ""));
    request_move(rq, RQ_READY);
    request_move(rq, RQ_GIVEN);
    request_move(rq, RQ_RUNNING);
    rq->began_us = 1795357668771271;
    rq->pid = 23130;
    rq->delivery.settling = true;
    return rq;
}

static void test_replies_have_the_recorded_shape(void **state)
{
    (void)state;
    static const char *const names[] = {
        "ping",
        "ping_dest",
        "ping_pattern",
        "active",
        "active_safe",
        "dump_active_alias",
        "reserved",
        "scheduled",
        "registered",
        "registered_attrs",
        "registered_builtins",
        "stats",
        "active_queues",
        "report",
        "revoked_empty",
        "revoked",
        "clock",
        "memdump",
        "enable_events",
        "disable_events",
        "unknown_command",
        "objgraph",
    };
    panel_take(&p, MESSAGE("r1", BODY, ""));
    request_move(panel_take(&p, MESSAGE("s1", BODY, "")), RQ_WAITING);
    request_move(panel_take(&p, MESSAGE("r2", BODY, "")), RQ_READY);
    run_one();
    p.w.accepted[1] = 2;
    revoke_id(&p.w.revoke, STR("x"), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ptl_value *theirs, *ours = replay(names[i], &theirs);
        assert_shape(names[i], ours, theirs);
    }
}

static void test_errors_are_the_recorded_ones(void **state)
{
    (void)state;
    static const char *const names[] = {"unknown_command", "objgraph", "ping"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ptl_value *theirs, *ours = replay(names[i], &theirs);
        assert_true(value_equal(ours, theirs));
    }
}

/* ---- tasks --------------------------------------------------------------------- */

static const ptl_value *ask(const char *method, const char *arguments)
{
    assert_int_equal(panel_call(&p, method, arguments), 1);
    return panel_reply(&p);
}

static void assert_repr(const ptl_value *v, const char *expected)
{
    struct wr out;
    wr_init(&out, 1 << 16);
    pyrepr(&out, v);
    assert_str(wr_str(&out), str_of(expected));
    wr_finish(&out);
}

static void test_an_active_task_has_all_its_fields(void **state)
{
    (void)state;
    run_one();
    assert_repr(
        ask("active", "{}"),
        "[{'id': 'a1', 'name': 'cap_app.sleeping', 'args': [60], 'kwargs': {}, "
        "'type': 'cap_app.sleeping', 'hostname': 'w1@h1', 'time_start': "
        "1795357668.771271, 'acknowledged': True, 'delivery_info': {'exchange': "
        "'', 'routing_key': 'celery', 'priority': 3, 'redelivered': False}, "
        "'worker_pid': 23130}]");
    const ptl_value *task = value_at(ask("active", "{\"safe\": true}"), 0);
    assert_str(value_as_str(value_get(task, "args")), STR("(60,)"));
    assert_str(value_as_str(value_get(task, "kwargs")), STR("{}"));
}

static void test_a_reserved_task_runs_nowhere_yet(void **state)
{
    (void)state;
    request_move(panel_take(&p, MESSAGE("r1", BODY, ", \"shadow\": \"nick\"")),
                 RQ_READY);
    const ptl_value *task = value_at(ask("reserved", "{}"), 0);
    assert_true(value_is_null(value_get(task, "time_start")));
    assert_true(value_is_null(value_get(task, "worker_pid")));
    assert_str(value_as_str(value_get(task, "name")), STR("nick"));
    assert_str(value_as_str(value_get(task, "type")), STR("cap_app.sleeping"));
    assert_int_equal(value_len(ask("active", "{}")), 0);
}

static void test_a_scheduled_task_has_its_eta(void **state)
{
    (void)state;
    struct request *rq = panel_take(&p, MESSAGE("s1", BODY, ""));
    request_move(rq, RQ_WAITING);
    rq->due_us = 1795357708775638;
    const ptl_value *entry = value_at(ask("scheduled", "{}"), 0);
    assert_str(value_as_str(value_get(entry, "eta")),
               STR("2026-11-22T14:28:28.775638+00:00"));
    assert_int_equal(value_as_int(value_get(entry, "priority"), 0), 6);
    assert_str(value_as_str(value_get(value_get(entry, "request"), "id")), STR("s1"));
}

static void test_tasks_are_queried_by_id(void **state)
{
    (void)state;
    run_one();
    request_move(panel_take(&p, MESSAGE("r1", BODY, "")), RQ_READY);
    request_move(panel_take(&p, MESSAGE("s1", BODY, "")), RQ_WAITING);
    const ptl_value *found =
        ask("query_task", "{\"ids\": [\"a1\", \"s1\", \"no\", 7]}");
    assert_int_equal(value_len(found), 2);
    assert_str(value_as_str(value_at(value_get(found, "a1"), 0)), STR("active"));
    assert_str(value_as_str(value_at(value_get(found, "s1"), 0)), STR("scheduled"));
    found = ask("query_task", "{\"ids\": \"r1\"}");
    assert_str(value_as_str(value_at(value_get(found, "r1"), 0)), STR("reserved"));
    assert_str(value_as_str(value_get(ask("query_task", "{}"), "error")),
               STR("TypeError(\"query_task() missing 1 required positional argument: "
                   "'ids'\")"));
    assert_int_equal(value_len(ask("query_task", "{\"ids\": []}")), 0);
}

static void test_a_large_body_is_shown_as_its_sender_printed_it(void **state)
{
    (void)state;
    size_t n = (size_t)2 << 20;
    char *body = malloc(n + 1), *text = malloc(n + 1024);
    memset(body, 'W', n);
    body[100 << 10] = '\0';
    sprintf(text, MESSAGE("r1", "%s", ""), body);
    request_move(panel_take(&p, text), RQ_READY);
    const ptl_value *task = value_at(ask("reserved", "{}"), 0);
    assert_str(value_as_str(value_get(task, "args")), STR("(60,)"));
    memset(body, 'W', n);
    body[n] = '\0';
    sprintf(text, MESSAGE("r2", "%s", ""), body);
    request_move(panel_take(&p, text), RQ_READY);
    task = value_at(ask("reserved", "{}"), 1);
    struct str args = value_as_str(value_get(task, "args"));
    assert_true(args.n > 10 && memcmp(args.p, "<in a mess", 10) == 0);
    free(body);
    free(text);
}

static void test_a_body_that_cannot_be_read_is_shown_as_text(void **state)
{
    (void)state;
    request_move(panel_take(&p, MESSAGE("r1", "bm8=", "")), RQ_READY);
    const ptl_value *task = value_at(ask("reserved", "{}"), 0);
    assert_str(value_as_str(value_get(task, "args")), STR("(60,)"));
}

static void test_a_hundred_thousand_tasks_make_a_bounded_reply(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++)
        request_move(panel_take(&p, MESSAGE("r1", BODY, "")), RQ_READY);
    const ptl_value *tasks = ask("reserved", "{}");
    assert_true(strlen(p.body) <= CONTROL_REPLY_MAX);
    assert_true(strlen(p.body) > CONTROL_REPLY_MAX - 1024);
    assert_true(value_len(tasks) > 1000);
}

/* ---- registered, conf, stats, … ------------------------------------------------- */

static void test_registered_shows_rate_limits_as_they_were_said(void **state)
{
    (void)state;
    assert_repr(ask("registered", "{}"),
                "['cap_app.limited [rate_limit=120/m]', 'cap_app.sleeping']");
    assert_repr(
        ask("dump_tasks", "{\"builtins\": true}"),
        "['cap_app.limited [rate_limit=120/m]', 'cap_app.sleeping', 'celery.map']");
    assert_repr(ask("registered",
                    "{\"taskinfoitems\": [\"serializer\", \"max_retries\", "
                    "\"rate_limit\", \"serializer\", \"none\", 5]}"),
                "['cap_app.limited [serializer=json max_retries=3 rate_limit=120/m]', "
                "'cap_app.sleeping [serializer=json max_retries=3]']");
    assert_repr(ask("registered",
                    "{\"taskinfoitems\": [\"acks_late\", \"time_limit\"]}"),
                "['cap_app.limited [acks_late=False]', 'cap_app.sleeping "
                "[acks_late=False]']");
}

static void test_no_reply_holds_a_password(void **state)
{
    (void)state;
    static const char *const methods[] = {"conf", "dump_conf", "report", "stats"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        ask(methods[i], "{}");
        if (strstr(p.body, "s3cret"))
            fail_msg("%s: %s", methods[i], p.body);
    }
    ask("conf", "{\"with_defaults\": true}");
    assert_null(strstr(p.body, "s3cret"));
}

static void test_conf_has_what_was_set(void **state)
{
    (void)state;
    const ptl_value *conf = ask("conf", "{}");
    assert_str(value_as_str(value_get(conf, "result_backend")),
               STR("redis://127.0.0.1:17001/0"));
    struct str broker = value_as_str(value_get(conf, "broker_url"));
    assert_true(broker.n > 34 &&
                memcmp(broker.p, "redis://:********@127.0.0.1:17001/0", 34) == 0);
    assert_repr(value_get(conf, "include"), "['cap_app']");
    assert_int_equal(value_as_int(value_get(conf, "worker_concurrency"), 0), 2);
    assert_non_null(value_get(conf, "deprecated_settings"));
    assert_null(value_get(conf, "worker_prefetch_multiplier"));
    conf = ask("conf", "{\"with_defaults\": true}");
    assert_int_equal(value_as_int(value_get(conf, "worker_prefetch_multiplier"), 0), 4);
    assert_str(value_as_str(value_get(conf, "redis_password")), STR("********"));
    assert_true(value_is_null(value_get(conf, "worker_max_tasks_per_child")));
    assert_int_equal(value_as_int(value_get(value_get(conf, "broker_transport_options"),
                                            "visibility_timeout"),
                                  0),
                     3600);
}

static void test_stats_count_what_ran(void **state)
{
    (void)state;
    p.w.accepted[1] = 2;
    const ptl_value *stats = ask("stats", "{}");
    assert_repr(value_get(stats, "total"), "{'cap_app.sleeping': 2}");
    assert_int_equal(value_as_int(value_get(stats, "pid"), 0), getpid());
    assert_int_equal(value_kind(value_get(stats, "clock")), PTL_STR);
    const ptl_value *broker = value_get(stats, "broker");
    assert_str(value_as_str(value_get(broker, "hostname")), STR("127.0.0.1"));
    assert_int_equal(value_as_int(value_get(broker, "port"), 0), 17001);
    assert_repr(value_get(broker, "alternates"), "['redis://u:********@other/1']");
    assert_true(value_as_int(value_get(value_get(stats, "memory"), "rss_kb"), 0) > 100);
    assert_true(value_as_int(value_get(value_get(stats, "memory"), "peak_rss_kb"), 0) >=
                value_as_int(value_get(value_get(stats, "memory"), "rss_kb"), 0));
    assert_null(value_get(stats, "autoscaler"));
}

static void test_queues_are_those_taken_from(void **state)
{
    (void)state;
    const ptl_value *queues = ask("active_queues", "{}");
    assert_int_equal(value_len(queues), 1);
    assert_str(value_as_str(value_get(value_at(queues, 0), "name")), STR("celery"));
}

static void test_revoked_lists_the_oldest_first(void **state)
{
    (void)state;
    assert_repr(ask("revoked", "{}"), "[]");
    revoke_id(&p.w.revoke, STR("a"), 1);
    revoke_id(&p.w.revoke, STR("b"), 2);
    assert_repr(ask("dump_revoked", "{}"), "['a', 'b']");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_replies_have_the_recorded_shape),
        T(test_errors_are_the_recorded_ones),
        T(test_an_active_task_has_all_its_fields),
        T(test_a_reserved_task_runs_nowhere_yet),
        T(test_a_scheduled_task_has_its_eta),
        T(test_tasks_are_queried_by_id),
        T(test_a_large_body_is_shown_as_its_sender_printed_it),
        T(test_a_body_that_cannot_be_read_is_shown_as_text),
        T(test_a_hundred_thousand_tasks_make_a_bounded_reply),
        T(test_registered_shows_rate_limits_as_they_were_said),
        T(test_no_reply_holds_a_password),
        T(test_conf_has_what_was_set),
        T(test_stats_count_what_ran),
        T(test_queues_are_those_taken_from),
        T(test_revoked_lists_the_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
