/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of version 1, and hybrids: what a body says becomes headers, once. */
#include "../../../protocol/base64.h"
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static const char *const json_only[] = {"json", NULL};
static const struct content_rules rules = {json_only, (size_t)1 << 20, NULL};
static struct arena arena;
static struct wr text;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 24);
    wr_init(&text, (size_t)1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&text);
    return 0;
}

struct read {
    enum message_fault in_headers, in_body;
    struct envelope envelope;
    struct message message;
    struct message_body body;
    const ptl_value *completed;
    const char *why;
};

static struct read read_text(struct str s)
{
    struct read r = {.why = ""};

    assert_true(envelope_read(&arena, arena_copy(&arena, s), &r.envelope, &r.why));
    r.in_headers = message_read(&arena, &r.envelope, &r.message, &r.why);
    r.in_body =
        message_read_body(&arena, &r.envelope, &r.message, &rules, &r.body, &r.why);
    if (r.in_body == MESSAGE_OK)
        assert_true(
            message_complete_headers(&arena, &r.envelope, &r.body, &r.completed));
    return r;
}

static struct read read_golden(const char *path)
{
    struct str line = golden_line(path, 0);
    struct read r = read_text(line);

    free((char *)line.p);
    return r;
}

static struct read read_made(const char *headers, const char *body)
{
    wr_reset(&text);
    wr_printf(&text,
              "{\"headers\": %s, \"content-type\": \"application/json\", "
              "\"body\": ",
              headers);
    json_write_str(&text, str_of(body));
    wr_text(&text, "}");
    return read_text(wr_str(&text));
}

/* What the parent makes of the headers that a child has completed. */
static struct read read_completed(const struct read *first)
{
    assert_non_null(first->completed);
    wr_reset(&text);
    assert_true(
        envelope_write_headers(&text, &arena, &first->envelope, first->completed));
    return read_text(wr_str(&text));
}

static void a_recorded_call_has_all_its_fields_once_its_body_was_read(void **state)
{
    struct read r = read_golden("messages/protocol1.json");
    (void)state;

    assert_int_equal(r.in_headers, MESSAGE_NOT_A_TASK);
    r = read_completed(&r);
    assert_int_equal(r.in_headers, MESSAGE_OK);
    assert_int_equal(r.in_body, MESSAGE_OK);
    assert_str(r.message.task, STR("cap_app.add"));
    assert_str(r.message.id, STR("ee226461-f439-4ff7-a80c-c77b5b0c08ef"));
    assert_str(r.message.argsrepr, STR("[2, 3]"));
    assert_str(r.message.kwargsrepr, STR("{}"));
    assert_false(r.message.has_eta || r.message.has_expires);
    assert_int_equal(value_as_int(value_at(r.body.args, 1), 0), 3);
    assert_false(message_has_workflow(&r.body));
}

static void eta_expiry_callbacks_and_errbacks_are_found(void **state)
{
    struct read r = read_golden("messages/protocol1_full.json");
    (void)state;

    r = read_completed(&r);
    assert_int_equal(r.message.eta_us, 1795357378992854);
    assert_int_equal(r.message.expires_us, 1795357428992854);
    assert_int_equal(value_len(value_get(r.body.embed, "callbacks")), 1);
    assert_int_equal(value_len(value_get(r.body.embed, "errbacks")), 1);
    assert_true(message_has_workflow(&r.body));
}

static void completed_headers_lack_nothing(void **state)
{
    struct read r = read_golden("messages/protocol1_full.json");
    (void)state;

    r = read_completed(&r);
    assert_null(r.completed);
}

static void a_taskset_is_the_group(void **state)
{
    struct read r =
        read_made("{}", "{\"task\": \"t\", \"id\": \"1\", \"group\": \"g\", "
                        "\"taskset\": \"s\"}");
    (void)state;

    r = read_completed(&r);
    assert_str(r.message.group, STR("s"));
    r = read_made("{}", "{\"task\": \"t\", \"id\": \"1\", \"group\": \"g\", "
                        "\"taskset\": null}");
    r = read_completed(&r);
    assert_str(r.message.group, STR("g"));
}

/* Celery 5.7 reads it so, whatever `utc` says. */
static void an_eta_without_offset_is_utc_with_and_without_utc(void **state)
{
    static const char *const bodies[] = {
        "{\"task\": \"t\", \"id\": \"1\", \"utc\": true, \"eta\": "
        "\"2030-01-02T03:04:05\"}",
        "{\"task\": \"t\", \"id\": \"1\", \"utc\": false, \"eta\": "
        "\"2030-01-02T03:04:05\"}",
        "{\"task\": \"t\", \"id\": \"1\", \"eta\": \"2030-01-02T03:04:05\"}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct read r = read_made("{}", bodies[i]);
        r = read_completed(&r);
        assert_int_equal(r.message.eta_us, 1893553445000000);
    }
}

static void time_limits_and_retries_are_found(void **state)
{
    struct read r = read_made("{}", "{\"task\": \"t\", \"id\": \"1\", \"retries\": 2, "
                                    "\"timelimit\": [30, 20]}");
    (void)state;

    r = read_completed(&r);
    assert_int_equal(r.message.retries, 2);
    assert_true(r.message.hard_limit_s == 30 && r.message.soft_limit_s == 20);
}

static void arguments_that_are_left_out_are_none(void **state)
{
    struct read r = read_made("{}", "{\"task\": \"t\", \"id\": \"1\"}");
    (void)state;

    assert_int_equal(r.in_body, MESSAGE_OK);
    assert_int_equal(value_len(r.body.args), 0);
    assert_int_equal(value_len(r.body.kwargs), 0);
}

static void the_headers_of_a_hybrid_win(void **state)
{
    struct read r = read_made(
        "{\"task\": \"h\", \"id\": \"1\", \"retries\": 1, \"eta\": null}",
        "{\"task\": \"b\", \"id\": \"2\", \"args\": [7], \"retries\": 5, \"eta\": "
        "\"2030-01-02T03:04:05\", \"expires\": \"2031-01-02T03:04:05\"}");
    (void)state;

    assert_int_equal(r.in_headers, MESSAGE_OK);
    assert_false(r.message.has_expires);
    r = read_completed(&r);
    assert_str(r.message.task, STR("h"));
    assert_str(r.message.id, STR("1"));
    assert_int_equal(r.message.retries, 1);
    assert_false(r.message.has_eta);
    assert_true(r.message.has_expires);
    assert_int_equal(value_as_int(value_at(r.body.args, 0), 0), 7);
}

static void what_a_sender_added_to_the_headers_is_kept(void **state)
{
    struct read r =
        read_made("{\"trace\": \"abc\"}", "{\"task\": \"t\", \"id\": \"1\"}");
    (void)state;

    r = read_completed(&r);
    assert_str(value_as_str(value_get(r.message.headers, "trace")), STR("abc"));
}

static void refused(const char *headers, const char *body, enum message_fault fault,
                    const char *why)
{
    struct read r = read_made(headers, body);

    assert_int_equal(r.in_body, fault);
    assert_string_equal(r.why, why);
}

static void what_is_no_task_is_told_from_what_is_a_wrong_one(void **state)
{
    (void)state;
    refused("{}", "[1, 2, 3]", MESSAGE_NOT_A_TASK,
            "no header 'task', and the body is a list without a 'task'");
    refused("{}", "{\"id\": \"1\"}", MESSAGE_NOT_A_TASK,
            "no header 'task', and the body is a map without a 'task'");
    refused("{}", "\"task\"", MESSAGE_NOT_A_TASK,
            "no header 'task', and the body is a string without a 'task'");
    refused("{}", "{\"task\": \"t\", \"id\": \"1\", \"kwargs\": [1]}",
            MESSAGE_BAD_FIELD, "kwargs is not a mapping but a list");
    refused("{}", "{\"task\": \"t\", \"id\": \"1\", \"kwargs\": null}",
            MESSAGE_BAD_FIELD, "kwargs is not a mapping but null");
    refused("{}", "{\"task\": \"t\", \"id\": \"1\", \"args\": {}}", MESSAGE_BAD_FIELD,
            "args is not a list but a map");
    refused("{\"task\": \"t\", \"id\": \"1\"}", "{\"kwargs\": {}}", MESSAGE_BAD_FIELD,
            "the body is not [args, kwargs, embed] but a map");
}

static void without_an_id_it_is_refused_when_its_headers_are_read(void **state)
{
    struct read r = read_made("{}", "{\"task\": \"t\"}");
    (void)state;

    r = read_completed(&r);
    assert_int_equal(r.in_headers, MESSAGE_NO_ID);
}

static void a_retry_is_of_version_2(void **state)
{
    struct read r = read_golden("messages/protocol1.json"), again;
    struct message_retry retry = {.eta_us = 60000000, .delivery_tag = "tag"};
    struct envelope e;
    (void)state;

    r = read_completed(&r);
    retry.body = &r.body;
    wr_reset(&text);
    message_write_retry(&text, &arena, &r.envelope, &r.message, &retry);
    assert_true(envelope_read(&arena, wr_str(&text), &e, &r.why));
    assert_str(envelope_body(&arena, &e),
               STR("[[2, 3], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": "
                   "null, \"chord\": null}]"));
    again = read_text(wr_str(&text));
    assert_int_equal(again.in_body, MESSAGE_OK);
    assert_null(again.body.mapping);
    assert_int_equal(again.message.retries, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_call_has_all_its_fields_once_its_body_was_read),
        cmocka_unit_test(eta_expiry_callbacks_and_errbacks_are_found),
        cmocka_unit_test(completed_headers_lack_nothing),
        cmocka_unit_test(a_taskset_is_the_group),
        cmocka_unit_test(an_eta_without_offset_is_utc_with_and_without_utc),
        cmocka_unit_test(time_limits_and_retries_are_found),
        cmocka_unit_test(arguments_that_are_left_out_are_none),
        cmocka_unit_test(the_headers_of_a_hybrid_win),
        cmocka_unit_test(what_a_sender_added_to_the_headers_is_kept),
        cmocka_unit_test(what_is_no_task_is_told_from_what_is_a_wrong_one),
        cmocka_unit_test(without_an_id_it_is_refused_when_its_headers_are_read),
        cmocka_unit_test(a_retry_is_of_version_2),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
