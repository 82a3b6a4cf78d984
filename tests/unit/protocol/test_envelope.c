/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: the recorded ones, the restored ones, and those that are none. */
#include "../../../protocol/envelope.h"
#include "../../../protocol/json.h"
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

static struct envelope read_envelope(struct str text)
{
    struct envelope e;
    const char *why = NULL;

    if (!envelope_read(&arena, text, &e, &why))
        fail_msg("%s: " STR_FMT, why, STR_ARG(text));
    return e;
}

static void refuses(const char *text, const char *expected)
{
    struct envelope e;
    const char *why = NULL;

    assert_false(envelope_read(&arena, str_of(text), &e, &why));
    assert_string_equal(why, expected);
}

static void rewrite(const char *name, struct str line)
{
    (void)name;
    if (!line.n)
        return;
    struct envelope e = read_envelope(line);
    wr_reset(&out);
    envelope_write(&out, e.body, e.headers, e.properties, e.content_type,
                   e.content_encoding);
    assert_str(wr_str(&out), line);
    wr_reset(&out);
    json_write(&out, e.root);
    assert_str(wr_str(&out), line);
    arena_reset(&arena);
}

static void recorded_envelopes_are_written_again_byte_for_byte(void **state)
{
    (void)state;
    assert_int_equal(golden_each("messages", ".json", rewrite), 45);
    assert_true(golden_each("messages", ".jsonl", rewrite) >= 15);
    assert_true(golden_each("redis", ".jsonl", rewrite) >= 8);
}

static void a_recorded_envelope_has_all_its_fields(void **state)
{
    struct str text = golden_line("messages/priority_6.json", 0);
    struct envelope e = read_envelope(text);
    (void)state;

    assert_true(e.body_base64);
    assert_str(envelope_body(&arena, &e),
               STR("[[2, 3], {}, {\"callbacks\": null, \"errbacks\": null, "
                   "\"chain\": null, \"chord\": null}]"));
    assert_str(e.content_type, STR("application/json"));
    assert_str(e.content_encoding, STR("utf-8"));
    assert_str(e.exchange, STR(""));
    assert_str(e.routing_key, STR("celery"));
    assert_int_equal(e.priority, 6);
    assert_false(e.redelivered);
    assert_int_equal(e.delivery_tag.n, 36);
    assert_str(e.correlation_id, value_as_str(value_get(e.headers, "id")));
    assert_int_equal(e.reply_to.n, 36);
    free((char *)text.p);
}

static void what_kills_a_python_consumer_reads_as_empty(void **state)
{
    struct envelope e = read_envelope(STR("{\"body\": \"x\"}"));
    (void)state;

    assert_false(e.body_base64);
    assert_str(envelope_body(&arena, &e), STR("x"));
    assert_int_equal(value_len(e.headers) + value_len(e.properties), 0);
    assert_null(e.delivery_tag.p);
    e = read_envelope(STR("{\"body\": \"\", \"headers\": null, \"properties\": [1]}"));
    assert_int_equal(value_kind(e.headers), PTL_MAP);
    assert_int_equal(value_kind(e.properties), PTL_MAP);
}

static void the_body_may_be_escaped_text(void **state)
{
    struct envelope e = read_envelope(STR(
        "{\"body\": \"[\\\"\\u00e5\\/\\\"]\", \"properties\": {\"priority\": 3.9}}"));
    (void)state;

    assert_str(envelope_body(&arena, &e), STR("[\"\xc3\xa5/\"]"));
    assert_int_equal(e.priority, 3);
}

static void texts_that_are_no_envelope_are_refused_with_a_reason(void **state)
{
    (void)state;
    refuses("", "not JSON");
    refuses("{\"body\": \"abc\"", "not JSON");
    refuses("PING", "not JSON");
    refuses("[]", "not an object");
    refuses("\"{}\"", "not an object");
    refuses("{}", "no body");
    refuses("{\"body\": null}", "no body");
    refuses("{\"body\": {\"a\": 1}}", "no body");
}

static void a_body_that_is_not_base64_is_told_from_one_too_large(void **state)
{
    struct envelope e = {.body = STR("abcde"), .body_base64 = true};
    struct arena small;
    (void)state;

    assert_null(envelope_body(&arena, &e).p);
    assert_false(arena.failed);
    arena_init(&small, 2);
    assert_null(envelope_body(&small, &e).p);
    assert_true(small.failed);
    arena_finish(&small);
}

static void a_restored_envelope_is_marked_twice_and_otherwise_the_same(void **state)
{
    struct str text =
        STR("{\"body\": \"e30=\", \"headers\": {\"id\": \"1\"}, \"properties\": "
            "{\"delivery_info\": {\"exchange\": \"\"}, \"priority\": 1}, \"x\": 1.5}");
    struct str once =
        STR("{\"body\": \"e30=\", \"headers\": {\"id\": \"1\", \"redelivered\": true}, "
            "\"properties\": {\"delivery_info\": {\"exchange\": \"\", \"redelivered\": "
            "true}, \"priority\": 1}, \"x\": 1.5}");
    (void)state;

    wr_reset(&out);
    assert_true(envelope_mark_redelivered(&arena, text, &out));
    assert_str(wr_str(&out), once);
    assert_true(read_envelope(once).redelivered);
    wr_reset(&out);
    assert_true(envelope_mark_redelivered(&arena, once, &out));
    assert_str(wr_str(&out), once);
}

static void a_poor_envelope_can_be_marked_as_well(void **state)
{
    (void)state;
    wr_reset(&out);
    assert_true(envelope_mark_redelivered(&arena, STR("{\"body\": \"\"}"), &out));
    assert_str(wr_str(&out),
               STR("{\"body\": \"\", \"headers\": {\"redelivered\": true}, "
                   "\"properties\": {\"delivery_info\": {\"redelivered\": true}}}"));
    assert_false(envelope_mark_redelivered(&arena, STR("nonsense"), &out));
}

static void marking_stops_at_the_writers_maximum(void **state)
{
    struct wr small;
    (void)state;

    wr_init(&small, 20);
    assert_false(envelope_mark_redelivered(&arena, STR("{\"body\": \"\"}"), &small));
    wr_finish(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_envelopes_are_written_again_byte_for_byte),
        cmocka_unit_test(a_recorded_envelope_has_all_its_fields),
        cmocka_unit_test(what_kills_a_python_consumer_reads_as_empty),
        cmocka_unit_test(the_body_may_be_escaped_text),
        cmocka_unit_test(texts_that_are_no_envelope_are_refused_with_a_reason),
        cmocka_unit_test(a_body_that_is_not_base64_is_told_from_one_too_large),
        cmocka_unit_test(a_restored_envelope_is_marked_twice_and_otherwise_the_same),
        cmocka_unit_test(a_poor_envelope_can_be_marked_as_well),
        cmocka_unit_test(marking_stops_at_the_writers_maximum),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
