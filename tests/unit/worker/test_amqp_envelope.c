/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of AMQP in the worker's own form and back: nothing is lost on either way. */
#include "../../../src/amqp/amqp_envelope.h"
#include "../../../src/amqp/amqp_table.h"

#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 24);
    wr_init(&out, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static const ptl_value *value(const char *json)
{
    struct json_error e;
    const ptl_value *v =
        json_read(&arena, str_of(json), JSON_COPY_STRINGS, &json_default_limits, &e);
    assert_non_null(v);
    return v;
}

/* Through librabbitmq's codec, as over the wire. */
static const ptl_value *over_the_wire(const ptl_value *headers)
{
    static char room[65536];
    static amqp_pool_t pool;
    amqp_table_t table, read;
    size_t at = 0, from = 0;
    init_amqp_pool(&pool, 4096);
    assert_true(amqp_table_of(&arena, headers, &table));
    assert_true(amqp_encode_table((amqp_bytes_t){sizeof(room), room}, &table, &at) >=
                0);
    assert_true(amqp_decode_table((amqp_bytes_t){at, room}, &pool, &read, &from) >= 0);
    const ptl_value *v = amqp_table_value(&arena, &read);
    json_write(&out, v); /* before the pool goes */
    empty_amqp_pool(&pool);
    struct json_error e;
    v = json_read(&arena, arena_copy(&arena, wr_str(&out)), JSON_COPY_STRINGS,
                  &json_default_limits, &e);
    assert_non_null(v);
    return v;
}

static void celerys_headers_survive_the_wire(void **state)
{
    const ptl_value *headers = value(
        "{\"lang\": \"py\", \"task\": \"demo.add\", \"shadow\": null, \"retries\": 3, "
        "\"timelimit\": [null, 2.5], \"ignore_result\": false, \"stamps\": {\"k\": "
        "[\"v\"]}, \"big\": 5000000000, \"text\": \"h\\u00e9\\ud83c\\udf31\"}");
    (void)state;
    assert_true(value_equal(over_the_wire(headers), headers));
}

static void a_delivery_reads_as_a_message_of_any_broker(void **state)
{
    amqp_basic_properties_t p = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
                                           AMQP_BASIC_CONTENT_ENCODING_FLAG |
                                           AMQP_BASIC_HEADERS_FLAG |
                                           AMQP_BASIC_PRIORITY_FLAG |
                                           AMQP_BASIC_CORRELATION_ID_FLAG |
                                           AMQP_BASIC_REPLY_TO_FLAG,
                                 .content_type = amqp_cstring_bytes("application/json"),
                                 .content_encoding = amqp_cstring_bytes("utf-8"),
                                 .correlation_id = amqp_cstring_bytes("an-id"),
                                 .reply_to = amqp_cstring_bytes("a-queue"),
                                 .priority = 7};
    const struct amqp_delivery d = {.exchange = STR("celery"),
                                    .routing_key = STR("fast.lane"),
                                    .tag = 12,
                                    .redelivered = true,
                                    .properties = &p,
                                    .body = STR("[[1, 2], {}, {}]")};
    struct envelope e;
    struct message m;
    const char *why;
    (void)state;
    assert_true(amqp_table_of(&arena,
                              value("{\"task\": \"demo.add\", \"id\": \"an-id\"}"),
                              &p.headers));
    assert_true(amqp_envelope_write(&out, &arena, &d));
    assert_true(envelope_read(&arena, wr_str(&out), &e, &why));
    assert_int_equal(message_read(&arena, &e, &m, &why), MESSAGE_OK);
    assert_true(str_is(m.task, "demo.add"));
    assert_true(str_is(e.exchange, "celery") && str_is(e.routing_key, "fast.lane"));
    assert_true(str_is(e.correlation_id, "an-id") && str_is(e.reply_to, "a-queue"));
    assert_true(str_is(e.delivery_tag, "12"));
    assert_int_equal(e.priority, 7);
    assert_true(e.redelivered);
    assert_true(str_is(envelope_body(&arena, &e), "[[1, 2], {}, {}]"));
}

static void a_delivery_without_any_property_is_a_message(void **state)
{
    amqp_basic_properties_t p = {0};
    const struct amqp_delivery d = {.properties = &p, .body = STR("\xff\x00raw")};
    struct envelope e;
    const char *why;
    (void)state;
    assert_true(amqp_envelope_write(&out, &arena, &d));
    assert_true(envelope_read(&arena, wr_str(&out), &e, &why));
    assert_int_equal(value_len(e.headers), 0);
}

static void what_was_delivered_can_be_published_again(void **state)
{
    amqp_basic_properties_t p = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
                                           AMQP_BASIC_HEADERS_FLAG |
                                           AMQP_BASIC_EXPIRATION_FLAG |
                                           AMQP_BASIC_DELIVERY_MODE_FLAG,
                                 .content_type = amqp_cstring_bytes("application/json"),
                                 .expiration = amqp_cstring_bytes("60000"),
                                 .delivery_mode = 1};
    const struct amqp_delivery d = {.properties = &p, .body = STR("\0bytes")};
    const ptl_value *headers = value("{\"id\": \"x\", \"retries\": 1}");
    struct amqp_message m;
    const char *why;
    (void)state;
    assert_true(amqp_table_of(&arena, headers, &p.headers));
    assert_true(amqp_envelope_write(&out, &arena, &d));
    assert_true(amqp_envelope_read(&arena, wr_str(&out), &m, &why));
    assert_true(str_eq(m.body, d.body));
    assert_true(str_is(amqp_str(m.properties.content_type), "application/json"));
    assert_true(str_is(amqp_str(m.properties.expiration), "60000"));
    assert_int_equal(m.properties.delivery_mode, 1);
    assert_true(value_equal(amqp_table_value(&arena, &m.properties.headers), headers));
}

static const char *refused(const char *text)
{
    struct amqp_message m;
    const char *why = NULL;
    assert_false(amqp_envelope_read(&arena, str_of(text), &m, &why));
    assert_non_null(why);
    return why;
}

static void what_amqp_cannot_say_is_refused_with_the_reason(void **state)
{
    char text[1024], key[300] = "";
    (void)state;
    refused("no JSON");
    for (unsigned i = 0; i < 256; i++)
        key[i] = 'k';
    snprintf(text, sizeof(text), "{\"body\": \"\", \"headers\": {\"%s\": 1}}", key);
    assert_string_equal(refused(text), "its headers do not fit into AMQP's");
    snprintf(
        text, sizeof(text),
        "{\"body\": \"\", \"headers\": {}, \"properties\": {\"reply_to\": \"%s\"}}",
        key);
    assert_string_equal(refused(text), "a property is longer than 255 bytes");
    assert_string_equal(refused("{\"body\": \"a\", \"headers\": {}, \"properties\": "
                                "{\"body_encoding\": \"base64\"}}"),
                        "its body is no base64");
}

static void headers_nested_without_an_end_are_refused(void **state)
{
    char text[600] = "";
    amqp_table_t t;
    (void)state;
    for (unsigned i = 0; i < 80; i++)
        strcat(text, "{\"a\":");
    strcat(text, "1");
    for (unsigned i = 0; i < 80; i++)
        strcat(text, "}");
    assert_false(amqp_table_of(&arena, value(text), &t));
}

#define story(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(celerys_headers_survive_the_wire),
        story(a_delivery_reads_as_a_message_of_any_broker),
        story(a_delivery_without_any_property_is_a_message),
        story(what_was_delivered_can_be_published_again),
        story(what_amqp_cannot_say_is_refused_with_the_reason),
        story(headers_nested_without_an_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
