/* SPDX-License-Identifier: Apache-2.0 */
/* Retries: byte for byte what a Python worker published, and hostile ones. */
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../../../protocol/timestamp.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

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

static struct str retry_of(struct str text, const struct message_retry *r)
{
    struct envelope e;
    struct message m;
    const char *why = "";

    assert_true(envelope_read(&arena, text, &e, &why));
    assert_int_equal(message_read(&arena, &e, &m, &why), MESSAGE_OK);
    wr_reset(&out);
    message_write_retry(&out, &arena, &e, &m, r);
    assert_false(out.bad);
    return wr_str(&out);
}

static const char *text_at(const ptl_value *map, const char *key)
{
    struct str copy = arena_copy(&arena, value_as_str(value_get(map, key)));

    assert_non_null(copy.p);
    return copy.p;
}

/* The retry of line n must be line n + 1, given what only its publisher knew. */
static void repeats(const char *path, int n, int64_t published_us)
{
    struct str before = golden_line(path, n), after = golden_line(path, n + 1);
    struct envelope e;
    const char *why;
    struct message_retry r = {.now_us = published_us};

    assert_true(envelope_read(&arena, after, &e, &why));
    assert_true(timestamp_parse(value_as_str(value_get(e.headers, "eta")), &r.eta_us));
    r.delivery_tag = text_at(e.properties, "delivery_tag");
    r.origin = text_at(e.properties, "origin");
    assert_str(retry_of(before, &r), after);
    free((char *)before.p);
    free((char *)after.p);
}

static void the_retries_of_a_python_worker_are_repeated_byte_for_byte(void **state)
{
    (void)state;
    /* 299994 ms before it expires, as its property `expiration` says */
    repeats("redis/retry_noexc_success.jsonl", 0, 1795357496024500);
    repeats("redis/retry_with_exc.jsonl", 0, 1795357497740000);
    repeats("redis/retry_with_exc.jsonl", 1, 1795357498744000);
    repeats("redis/autoretry.jsonl", 0, 1795357562974000);
    repeats("redis/autoretry.jsonl", 1, 1795357564965000);
}

static const struct message_retry in_a_minute = {.eta_us = 60000000,
                                                 .delivery_tag = "tag",
                                                 .origin = "me"};

static void traces_of_the_way_here_stay_behind(void **state)
{
    struct str text = STR(
        "{\"body\": \"W10=\", \"content-type\": \"t\", \"headers\": {\"task\": \"t\", "
        "\"id\": \"i\", \"redelivered\": true, \"x-death\": [{}], "
        "\"x-first-death-queue\": \"q\", \"x-last-death-reason\": \"r\", \"mine\": 1}, "
        "\"properties\": {\"body_encoding\": \"base64\", \"delivery_info\": "
        "{\"exchange\": \"\", \"redelivered\": true, \"routing_key\": \"q\"}}}");
    (void)state;

    assert_str(
        retry_of(text, &in_a_minute),
        STR("{\"body\": \"W10=\", \"content-encoding\": null, \"content-type\": \"t\", "
            "\"headers\": {\"task\": \"t\", \"id\": \"i\", \"mine\": 1, \"eta\": "
            "\"1970-01-01T00:01:00+00:00\", \"retries\": 1, \"parent_id\": \"i\", "
            "\"root_id\": \"i\", \"ignore_result\": false, "
            "\"replaced_task_nesting\": 0}, \"properties\": {\"body_encoding\": "
            "\"base64\", "
            "\"delivery_info\": {\"exchange\": \"\", \"routing_key\": \"q\"}, "
            "\"delivery_tag\": \"tag\"}}"));
}

static void a_plain_body_travels_as_base64(void **state)
{
    struct str text = STR("{\"body\": \"[[], {}, {}]\", \"headers\": {\"task\": \"t\", "
                          "\"id\": \"i\"}, \"properties\": {\"reply_to\": \"r\"}}");
    (void)state;

    assert_str(
        retry_of(text, &in_a_minute),
        STR("{\"body\": \"W1tdLCB7fSwge31d\", \"content-encoding\": null, "
            "\"content-type\": null, \"headers\": {\"task\": \"t\", \"id\": \"i\", "
            "\"eta\": \"1970-01-01T00:01:00+00:00\", \"retries\": 1, \"parent_id\": "
            "\"i\", \"root_id\": \"i\", \"ignore_result\": false, "
            "\"replaced_task_nesting\": 0}, \"properties\": {\"reply_to\": \"r\", "
            "\"origin\": \"me\", \"body_encoding\": \"base64\", \"delivery_tag\": "
            "\"tag\"}}"));
}

static void what_a_producer_left_open_is_the_tasks_own(void **state)
{
    struct str text =
        STR("{\"body\": \"W10=\", \"headers\": {\"task\": \"t\", \"id\": \"i\", "
            "\"ignore_result\": null, \"replaced_task_nesting\": 2}, \"properties\": {"
            "\"body_encoding\": \"base64\"}}");
    const struct message_retry r = {.delivery_tag = "tag", .ignore_result = true};
    struct envelope e;
    const char *why;
    (void)state;

    assert_true(envelope_read(&arena, retry_of(text, &r), &e, &why));
    assert_true(value_truth(value_get(e.headers, "ignore_result")));
    assert_int_equal(value_as_int(value_get(e.headers, "replaced_task_nesting"), 0), 2);
}

static void a_hostile_retry_is_written_as_valid_json(void **state)
{
    struct str text =
        STR("{\"body\": \"a\\u0000\\\"\\ud800\", \"body\": \"\\\"}, \\\"x\\\": {\", "
            "\"content-type\": \"\\\"\", \"headers\": {\"task\": \"\\u0000\", \"id\": "
            "\"\\\", \\\"id\\\": \\\"\", \"retries\": 2147483646, \"eta\": null, "
            "\"eta\": \"\", \"\": [[[{}]]], \"root_id\": 7}, \"properties\": {"
            "\"delivery_info\": \"none\", \"delivery_tag\": {}, \"body_encoding\": "
            "null}}");
    (void)state;

    struct str written = boxed(retry_of(text, &in_a_minute));
    struct envelope e;
    const char *why;
    assert_true(envelope_read(&arena, written, &e, &why));
    assert_int_equal(value_len(e.root), 5);
    assert_str(envelope_body(&arena, &e), STR("\"}, \"x\": {"));
    assert_str(value_as_str(value_get(e.headers, "parent_id")), STR("\", \"id\": \""));
    assert_int_equal(value_as_int(value_get(e.headers, "retries"), 0), 2147483647);
    assert_str(e.delivery_tag, STR("tag"));
    free((char *)written.p);
}

static void a_retry_of_a_retry_does_not_grow(void **state)
{
    struct str first = golden_line("messages/headers.json", 0);
    struct str once = boxed(retry_of(first, &in_a_minute));
    struct str twice = boxed(retry_of(once, &in_a_minute));
    (void)state;

    assert_int_equal(once.n, twice.n);
    free((char *)first.p);
    free((char *)once.p);
    free((char *)twice.p);
}

static void a_writer_too_small_ends_bad(void **state)
{
    struct str text = golden_line("messages/delay.json", 0);
    struct envelope e;
    struct message m;
    struct wr small;
    const char *why;
    (void)state;

    assert_true(envelope_read(&arena, text, &e, &why));
    assert_int_equal(message_read(&arena, &e, &m, &why), MESSAGE_OK);
    wr_init(&small, 500);
    message_write_retry(&small, &arena, &e, &m, &in_a_minute);
    assert_true(small.bad);
    wr_finish(&small);
    free((char *)text.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_retries_of_a_python_worker_are_repeated_byte_for_byte),
        cmocka_unit_test(traces_of_the_way_here_stay_behind),
        cmocka_unit_test(a_plain_body_travels_as_base64),
        cmocka_unit_test(what_a_producer_left_open_is_the_tasks_own),
        cmocka_unit_test(a_hostile_retry_is_written_as_valid_json),
        cmocka_unit_test(a_retry_of_a_retry_does_not_grow),
        cmocka_unit_test(a_writer_too_small_ends_bad),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
