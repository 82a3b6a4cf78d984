/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: headers and bodies, recorded, malformed and hostile. */
#include "../../../protocol/base64.h"
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define BODY_MAX ((size_t)1 << 20)

static const char *const json_only[] = {"json", NULL};
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 26);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

struct read {
    enum message_fault fault;
    struct envelope envelope;
    struct message message;
    struct message_body body;
    const char *why;
};

static struct read read_headers(struct str text)
{
    struct read r = {.why = ""};

    if (!envelope_read(&arena, text, &r.envelope, &r.why))
        fail_msg("%s: " STR_FMT, r.why, STR_ARG(text));
    r.fault = message_read(&arena, &r.envelope, &r.message, &r.why);
    return r;
}

static void read_body(struct read *r, const char *const *accept)
{
    const struct content_rules rules = {accept, BODY_MAX, NULL};

    r->fault =
        message_read_body(&arena, &r->envelope, &r->message, &rules, &r->body, &r->why);
}

static struct read read_all(struct str text)
{
    struct read r = read_headers(text);

    if (r.fault == MESSAGE_OK)
        read_body(&r, json_only);
    return r;
}

static struct read read_golden(const char *path)
{
    struct str line = golden_line(path, 0);
    struct read r = read_all(arena_copy(&arena, line));

    free((char *)line.p);
    return r;
}

/* A message whose headers are these. */
static struct read with_headers(const char *headers)
{
    struct wr w;

    wr_init(&w, 100000);
    wr_printf(&w, "{\"body\": \"\", \"headers\": %s}", headers);
    struct str text = arena_copy(&arena, wr_str(&w));
    wr_finish(&w);
    return read_headers(text);
}

static struct read with_body(struct str bytes, const char *compression,
                             const char *type)
{
    struct wr w;

    wr_init(&w, (size_t)1 << 26);
    wr_text(&w, "{\"body\": \"");
    base64_encode(&w, bytes);
    wr_printf(&w,
              "\", \"content-type\": \"%s\", \"headers\": {\"task\": \"t\", \"id\": "
              "\"1\", \"compression\": \"%s\"}, \"properties\": {\"body_encoding\": "
              "\"base64\"}}",
              type, compression);
    struct str text = arena_copy(&arena, wr_str(&w));
    wr_finish(&w);
    return read_all(text);
}

static void expect(const struct read *r, enum message_fault fault, const char *why)
{
    if (r->fault != fault || strcmp(r->why, why) != 0)
        fail_msg("\n  got      %d %s\n  expected %d %s", r->fault, r->why, fault, why);
}

static void read_recorded(const char *name, struct str line)
{
    static const char *const others[] = {"protocol1.json", "protocol1_full.json",
                                         "pickle.json", "yaml.json"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return;
    if (!line.n)
        return;
    struct read r = read_all(line);
    expect(&r, MESSAGE_OK, "");
    assert_int_equal(r.message.id.n, 36);
    arena_reset(&arena);
}

static void every_recorded_message_is_read_whole(void **state)
{
    (void)state;
    assert_int_equal(golden_each("messages", ".json", read_recorded), 45);
    assert_true(golden_each("messages", ".jsonl", read_recorded) >= 18);
}

static void a_plain_call_has_the_fields_its_producer_gave(void **state)
{
    struct read r = read_golden("messages/delay.json");
    const struct message *m = &r.message;
    (void)state;

    expect(&r, MESSAGE_OK, "");
    assert_str(m->task, STR("cap_app.add"));
    assert_str(m->name, STR("cap_app.add"));
    assert_str(m->root_id, m->id);
    assert_null(m->parent_id.p);
    assert_str(m->argsrepr, STR("(2, 3)"));
    assert_str(m->kwargsrepr, STR("{}"));
    assert_false(m->has_eta || m->has_expires || m->has_hard_limit ||
                 m->has_soft_limit);
    assert_int_equal(m->retries, 0);
    assert_int_equal(m->group_index, -1);
    assert_true(m->has_ignore_result);
    assert_false(m->ignore_result);
    assert_int_equal(value_as_int(value_at(r.body.args, 1), 0), 3);
    assert_int_equal(value_len(r.body.kwargs), 0);
    assert_false(message_has_workflow(&r.body));
}

static void times_and_limits_are_numbers(void **state)
{
    struct read r = read_golden("messages/eta_offset.json");
    (void)state;

    assert_true(r.message.has_eta);
    assert_int_equal(r.message.eta_us, 1893533645000000);
    r = read_golden("messages/eta_naive.json");
    assert_int_equal(r.message.eta_us, 1893553445000000);
    r = read_golden("messages/time_limits.json");
    assert_true(r.message.has_hard_limit && r.message.has_soft_limit);
    assert_true(r.message.hard_limit_s == 30 && r.message.soft_limit_s == 20);
    r = read_golden("messages/shadow.json");
    assert_str(r.message.name, STR("my.shadow"));
    r = read_golden("messages/ignore_result.json");
    assert_true(r.message.ignore_result);
}

static void compressed_bodies_are_unpacked(void **state)
{
    static const char *const files[] = {"messages/compress_zlib.json",
                                        "messages/compress_bzip2.json"};
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct read r = read_golden(files[i]);
        expect(&r, MESSAGE_OK, "");
        assert_int_equal(value_as_int(value_at(r.body.args, 0), 0), 2);
    }
}

static void typed_arguments_become_bytes_or_stay_as_they_are(void **state)
{
    struct read r = read_golden("messages/delay_types.json");
    const ptl_value *types = value_at(r.body.args, 0);
    (void)state;

    assert_int_equal(value_kind(value_get(types, "b")), PTL_BYTES);
    assert_str(value_get(types, "bin")->u.s, STR("\xff\x00"));
    assert_int_equal(value_kind(value_get(types, "dt")), PTL_MAP);
    assert_int_equal(value_kind(value_get(types, "big")), PTL_BIGINT);
}

static void callbacks_errbacks_chains_and_chords_are_workflows(void **state)
{
    static const char *const files[] = {"messages/link.json",
                                        "messages/link_error.json",
                                        "messages/chain.json", "messages/chord.jsonl"};
    struct read r;
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        r = read_golden(files[i]);
        expect(&r, MESSAGE_OK, "");
        assert_true(message_has_workflow(&r.body));
    }
    r = with_body(STR("[[], {}, {\"chain\": [], \"callbacks\": null}]"), "",
                  "application/json");
    assert_false(message_has_workflow(&r.body));
}

static unsigned plain_ones; /* recorded messages that are known to ask for nothing */

static void compare_with_its_tail(const char *name, struct str line)
{
    (void)name;
    if (!line.n)
        return;
    struct read r = read_all(line);
    bool may = message_may_have_workflow(&arena, &r.envelope);
    if (r.fault == MESSAGE_OK && message_has_workflow(&r.body))
        assert_true(may);
    plain_ones += !may;
    arena_reset(&arena);
}

static void the_end_of_a_body_tells_whether_there_is_a_workflow(void **state)
{
    (void)state;
    plain_ones = 0;
    golden_each("messages", ".json", compare_with_its_tail);
    golden_each("messages", ".jsonl", compare_with_its_tail);
    assert_true(plain_ones > 30);
}

static bool may_have(const char *body, const char *compression, const char *type)
{
    struct read r = with_body(str_of(body), compression, type);
    return message_may_have_workflow(&arena, &r.envelope);
}

static void what_is_not_seen_at_the_end_may_be_there(void **state)
{
    static const char nothing[] =
        "[[], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": null, "
        "\"chord\": null}]";
    (void)state;

    assert_false(may_have(nothing, "", "application/json"));
    assert_false(may_have("[[],{},{\"callbacks\":null,\"errbacks\":null,"
                          "\"chain\":null,\"chord\":null}]",
                          "", "application/json"));
    assert_true(may_have(nothing, "zlib", "application/json"));
    assert_true(may_have(nothing, "", "application/x-python-serialize"));
    assert_true(may_have("[[], {}, {\"chord\": null}]", "", "application/json"));
    assert_true(may_have("[[], {}, {}]", "", "application/json"));
    assert_true(may_have("", "", "application/json"));
    assert_true(may_have("[[\"{\\\"callbacks\\\": null, \\\"errbacks\\\": null, "
                         "\\\"chain\\\": null, \\\"chord\\\": null}]\"], {}, {}]",
                         "", "application/json"));
}

static void headers_that_make_no_task_say_which_and_why(void **state)
{
    static const struct {
        const char *headers;
        enum message_fault fault;
        const char *why;
    } cases[] = {
        {"{}", MESSAGE_NOT_A_TASK, "no header 'task'"},
        {"{\"id\": \"1\"}", MESSAGE_NOT_A_TASK, "no header 'task'"},
        {"{\"task\": 5, \"id\": \"1\"}", MESSAGE_BAD_FIELD,
         "header 'task' is not a string: 5"},
        {"{\"task\": \"t\"}", MESSAGE_NO_ID, "no header 'id', or it is not a string"},
        {"{\"task\": \"t\", \"id\": 5}", MESSAGE_NO_ID,
         "no header 'id', or it is not a string"},
        {"{\"task\": \"t\", \"id\": \"1\", \"eta\": \"tomorrow\"}", MESSAGE_BAD_FIELD,
         "header 'eta' is not an ISO 8601 time: 'tomorrow'"},
        {"{\"task\": \"t\", \"id\": \"1\", \"expires\": [1]}", MESSAGE_BAD_FIELD,
         "header 'expires' is not an ISO 8601 time: [1]"},
        {"{\"task\": \"t\", \"id\": \"1\", \"timelimit\": [1]}", MESSAGE_BAD_FIELD,
         "header 'timelimit' is not [hard, soft] in seconds: [1]"},
        {"{\"task\": \"t\", \"id\": \"1\", \"timelimit\": [NaN, null]}",
         MESSAGE_BAD_FIELD,
         "header 'timelimit' is not [hard, soft] in seconds: [nan, None]"},
        {"{\"task\": \"t\", \"id\": \"1\", \"retries\": -1}", MESSAGE_BAD_FIELD,
         "header 'retries' is not a count: -1"},
        {"{\"task\": \"t\", \"id\": \"1\", \"retries\": 99999999999999999999}",
         MESSAGE_BAD_FIELD, "header 'retries' is not a count: 99999999999999999999"},
        {"{\"task\": \"a\\nb\", \"id\": \"1\", \"retries\": \"a\\nb\"}",
         MESSAGE_BAD_FIELD, "header 'retries' is not a count: 'a\\nb'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read r = with_headers(cases[i].headers);
        expect(&r, cases[i].fault, cases[i].why);
    }
}

static void null_and_odd_headers_are_tolerated_as_python_does(void **state)
{
    struct read r = with_headers(
        "{\"task\": \"t\", \"id\": \"1\", \"retries\": null, \"timelimit\": null, "
        "\"eta\": null, \"expires\": \"\", \"group_index\": \"x\", \"shadow\": 5, "
        "\"parent_id\": {}, \"ignore_result\": null}");
    (void)state;

    expect(&r, MESSAGE_OK, "");
    assert_int_equal(r.message.retries, 0);
    assert_int_equal(r.message.group_index, -1);
    assert_false(r.message.has_eta || r.message.has_expires);
    assert_false(r.message.has_ignore_result);
    assert_str(r.message.name, STR("t"));
    assert_null(r.message.parent_id.p);
    r = with_headers("{\"task\": \"t\", \"id\": \"1\", \"timelimit\": [0, 2.5]}");
    assert_false(r.message.has_hard_limit);
    assert_true(r.message.has_soft_limit && r.message.soft_limit_s == 2.5);
}

static void content_that_is_not_accepted_is_refused_in_kombus_words(void **state)
{
    struct read r = read_golden("messages/pickle.json");
    (void)state;

    expect(&r, MESSAGE_BAD_CONTENT,
           "Refusing to deserialize untrusted content of type pickle "
           "(application/x-python-serialize)");
    r = read_golden("messages/yaml.json");
    expect(&r, MESSAGE_BAD_CONTENT,
           "Refusing to deserialize untrusted content of type yaml "
           "(application/x-yaml)");
    r = with_body(STR("[]"), "", "application/x-msgpack");
    expect(&r, MESSAGE_BAD_CONTENT,
           "Refusing to deserialize untrusted content of type msgpack "
           "(application/x-msgpack)");
    r = with_body(STR("[]"), "", "text/plain");
    expect(&r, MESSAGE_BAD_CONTENT,
           "Refusing to deserialize untrusted content of type text/plain (text/plain)");
    r = with_body(STR("[]"), "", "application/data");
    expect(&r, MESSAGE_UNDECODABLE, "content of type application/data is no task");
    r = with_body(STR("[]"), "", "");
    expect(&r, MESSAGE_UNDECODABLE, "content of type application/data is no task");
    r = with_body(STR("[]"), "", "a\\nb");
    expect(&r, MESSAGE_BAD_CONTENT,
           "Refusing to deserialize untrusted content of type a\\nb (a\\nb)");
}

static void json_itself_must_be_accepted_by_name_or_type(void **state)
{
    struct read r = read_golden("messages/delay.json");
    (void)state;

    read_body(&r, (const char *const[]){"application/json", NULL});
    assert_int_equal(r.fault, MESSAGE_OK);
    read_body(&r, (const char *const[]){"yaml", NULL});
    assert_int_equal(r.fault, MESSAGE_BAD_CONTENT);
    r = read_golden("messages/pickle.json"); /* never, whatever is accepted */
    read_body(&r, (const char *const[]){"pickle", "json", NULL});
    assert_int_equal(r.fault, MESSAGE_BAD_CONTENT);
}

static void bodies_of_another_shape_say_what_they_are(void **state)
{
    static const struct {
        const char *body;
        enum message_fault fault;
        const char *why;
    } cases[] = {
        {"{}", MESSAGE_BAD_FIELD, "the body is not [args, kwargs, embed] but a map"},
        {"null", MESSAGE_BAD_FIELD, "the body is not [args, kwargs, embed] but null"},
        {"[[], {}]", MESSAGE_BAD_FIELD,
         "the body is not [args, kwargs, embed] but a list of 2"},
        {"[[], {}, {}, 1]", MESSAGE_BAD_FIELD,
         "the body is not [args, kwargs, embed] but a list of 4"},
        {"[1, {}, {}]", MESSAGE_BAD_FIELD, "args is not a list but a number"},
        {"[[], [], {}]", MESSAGE_BAD_FIELD, "kwargs is not a mapping but a list"},
        {"[[], {}, 1]", MESSAGE_BAD_FIELD, "embed is not a mapping but a number"},
        {"", MESSAGE_UNDECODABLE, "the body is not JSON: Expecting value at byte 0"},
        {"[[], {}, {}", MESSAGE_UNDECODABLE,
         "the body is not JSON: Expecting ',' delimiter at byte 11"},
        {"[['x'], {}, {}]", MESSAGE_UNDECODABLE,
         "the body is not JSON: Expecting value at byte 2"},
        {"[[{\"__type__\": \"x\", \"__value__\": 1}], {}, {}]", MESSAGE_UNDECODABLE,
         "the body is not JSON: Unsupported type at byte 35"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read r = with_body(str_of(cases[i].body), "", "application/json");
        expect(&r, cases[i].fault, cases[i].why);
    }
}

static void a_missing_embed_is_none(void **state)
{
    struct read r = with_body(STR("[[1, 2], {}, null]"), "", "application/json");
    (void)state;

    expect(&r, MESSAGE_OK, "");
    assert_null(r.body.embed);
    assert_false(message_has_workflow(&r.body));
}

static void a_body_that_is_no_base64_is_undecodable(void **state)
{
    struct read r =
        read_all(STR("{\"body\": \"a\", \"content-type\": \"application/json\", "
                     "\"headers\": {\"task\": \"t\", \"id\": \"1\"}, "
                     "\"properties\": {\"body_encoding\": \"base64\"}}"));
    (void)state;

    expect(&r, MESSAGE_UNDECODABLE, "the body is not base64");
}

static void unknown_and_broken_compressions_are_undecodable(void **state)
{
    struct read r =
        with_body(STR("[[], {}, {}]"), "application/x-snappy", "application/json");
    (void)state;

    expect(&r, MESSAGE_UNDECODABLE, "unknown compression application/x-snappy");
    r = with_body(STR("[[], {}, {}]"), "application/x-gzip", "application/json");
    expect(&r, MESSAGE_UNDECODABLE, "the body is no valid application/x-gzip");
    r = with_body(STR("BZh9"), "bzip2", "application/json");
    expect(&r, MESSAGE_UNDECODABLE, "the body is no valid bzip2");
    r = with_body(STR(""), "zlib", "application/json");
    expect(&r, MESSAGE_UNDECODABLE, "the body is no valid zlib");
}

/* n spaces, then an empty call; packed as kombu packs with zlib. */
static struct str zlib_padded(size_t n)
{
    static const char call[] = "[[], {}, {}]";
    size_t size = n + sizeof(call) - 1;
    uLongf packed = compressBound(size);
    char *plain = malloc(size), *out = malloc(packed);

    memset(plain, ' ', n);
    memcpy(plain + n, call, sizeof(call) - 1);
    assert_int_equal(compress((Bytef *)out, &packed, (Bytef *)plain, size), Z_OK);
    struct str copy = arena_copy(&arena, (struct str){out, packed});
    free(plain);
    free(out);
    return copy;
}

static void a_body_unpacks_to_the_maximum_and_not_one_byte_more(void **state)
{
    struct read r = with_body(zlib_padded(BODY_MAX - 12), "zlib", "application/json");
    (void)state;

    expect(&r, MESSAGE_OK, "");
    r = with_body(zlib_padded(BODY_MAX - 11), "zlib", "application/json");
    expect(&r, MESSAGE_OUT_OF_MEMORY, "the body is larger than a message may be");
}

static void a_bomb_costs_no_more_than_the_maximum(void **state)
{
    struct str bomb = zlib_padded((size_t)64 << 20);
    (void)state;

    assert_true(bomb.n < 100000);
    size_t before = arena.used_bytes;
    struct read r = with_body(bomb, "application/x-gzip", "application/json");
    expect(&r, MESSAGE_OUT_OF_MEMORY, "the body is larger than a message may be");
    assert_true(arena.used_bytes - before < BODY_MAX);
}

static void a_plain_body_has_the_same_maximum(void **state)
{
    struct wr w;
    (void)state;

    wr_init(&w, BODY_MAX + 100);
    wr_printf(&w, "[[], {}, {}]%*s", (int)BODY_MAX - 12, "");
    struct read r = with_body(wr_str(&w), "", "application/json");
    expect(&r, MESSAGE_OK, "");
    wr_text(&w, " ");
    r = with_body(wr_str(&w), "", "application/json");
    expect(&r, MESSAGE_OUT_OF_MEMORY, "the body is larger than a message may be");
    wr_finish(&w);
}

static void an_arena_too_small_is_out_of_memory_not_a_bad_message(void **state)
{
    struct str line = golden_line("messages/delay.json", 0);
    struct read r = read_headers(line);
    struct arena small;
    (void)state;

    arena_init(&small, 256);
    r.fault = message_read_body(&small, &r.envelope, &r.message,
                                &(struct content_rules){json_only, BODY_MAX, NULL},
                                &r.body, &r.why);
    expect(&r, MESSAGE_OUT_OF_MEMORY, "the body is larger than a message may be");
    arena_finish(&small);
    free((char *)line.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_message_is_read_whole),
        cmocka_unit_test(a_plain_call_has_the_fields_its_producer_gave),
        cmocka_unit_test(times_and_limits_are_numbers),
        cmocka_unit_test(compressed_bodies_are_unpacked),
        cmocka_unit_test(typed_arguments_become_bytes_or_stay_as_they_are),
        cmocka_unit_test(callbacks_errbacks_chains_and_chords_are_workflows),
        cmocka_unit_test(the_end_of_a_body_tells_whether_there_is_a_workflow),
        cmocka_unit_test(what_is_not_seen_at_the_end_may_be_there),
        cmocka_unit_test(headers_that_make_no_task_say_which_and_why),
        cmocka_unit_test(null_and_odd_headers_are_tolerated_as_python_does),
        cmocka_unit_test(content_that_is_not_accepted_is_refused_in_kombus_words),
        cmocka_unit_test(json_itself_must_be_accepted_by_name_or_type),
        cmocka_unit_test(bodies_of_another_shape_say_what_they_are),
        cmocka_unit_test(a_missing_embed_is_none),
        cmocka_unit_test(a_body_that_is_no_base64_is_undecodable),
        cmocka_unit_test(unknown_and_broken_compressions_are_undecodable),
        cmocka_unit_test(a_body_unpacks_to_the_maximum_and_not_one_byte_more),
        cmocka_unit_test(a_bomb_costs_no_more_than_the_maximum),
        cmocka_unit_test(a_plain_body_has_the_same_maximum),
        cmocka_unit_test(an_arena_too_small_is_out_of_memory_not_a_bad_message),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
