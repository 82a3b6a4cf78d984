/* SPDX-License-Identifier: Apache-2.0 */
/* Torn texts: every prefix of everything recorded is refused, and read no further. */
#include "../../../protocol/envelope.h"
#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../../../protocol/result.h"
#include "../../../protocol/unpack.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* Each proper prefix, in a block of its own. */
static void each_prefix(struct str whole, void (*try)(struct str torn))
{
    for (size_t n = 0; n < whole.n; n++) {
        struct str torn = boxed((struct str){whole.p, n});
        try(torn);
        free((char *)torn.p);
        arena_reset(&arena);
    }
}

static void refuse_envelope(struct str torn)
{
    struct envelope e;
    const char *why = NULL;

    assert_false(envelope_read(&arena, torn, &e, &why));
    assert_string_equal(why, "not JSON");
}

static void refuse_body(struct str torn)
{
    static const char *const accept[] = {"json", NULL};
    static const struct content_rules rules = {accept, 100000, NULL};
    struct envelope e = {.body = torn, .content_type = STR("application/json")};
    struct message m = {.retries = 0};
    struct message_body b;
    const char *why = NULL;

    assert_int_equal(message_read_body(&arena, &e, &m, &rules, &b, &why),
                     MESSAGE_UNDECODABLE);
}

static void refuse_status(struct str torn)
{
    assert_int_equal(result_read_status(&arena, torn).n, 0);
}

static void tear_envelope(const char *name, struct str line)
{
    (void)name;
    each_prefix(line, refuse_envelope);
}

static void tear_body(const char *name, struct str line)
{
    if (!strstr(name, "pickle") && !strstr(name, "yaml"))
        each_prefix(line, refuse_body);
}

static void tear_result(const char *name, struct str line)
{
    (void)name;
    each_prefix(line, refuse_status);
}

static void every_prefix_of_an_envelope_is_refused(void **state)
{
    (void)state;
    assert_int_equal(golden_each("messages", ".json", tear_envelope), 45);
}

static void every_prefix_of_a_body_is_refused(void **state)
{
    (void)state;
    assert_true(golden_each("messages", ".body.txt", tear_body) >= 50);
}

static void every_prefix_of_a_result_is_refused(void **state)
{
    (void)state;
    assert_true(golden_each("results", ".json", tear_result) >= 40);
}

static void refuse_packed(struct str packed, const char *type)
{
    for (size_t n = 0; n < packed.n; n++) {
        struct str torn = boxed((struct str){packed.p, n});
        struct wr out;
        wr_init(&out, 10000);
        assert_int_equal(unpack(&out, str_of(type), torn), UNPACK_CORRUPT);
        wr_finish(&out);
        free((char *)torn.p);
    }
}

static void tear_packed(const char *path)
{
    struct str line = golden_line(path, 0);
    struct envelope e;
    struct wr out;
    const char *why;

    assert_true(envelope_read(&arena, line, &e, &why));
    struct str packed = envelope_body(&arena, &e);
    struct str type = value_as_str(value_get(e.headers, "compression"));
    const char *name = arena_copy(&arena, type).p;
    wr_init(&out, 10000);
    enum unpack_result whole = unpack(&out, type, packed);
    wr_finish(&out);
    if (whole != UNPACK_UNKNOWN) { /* unless built without that library */
        assert_int_equal(whole, UNPACK_OK);
        refuse_packed(packed, name);
    }
    free((char *)line.p);
    arena_reset(&arena);
}

static void every_prefix_of_a_compressed_body_is_refused(void **state)
{
    (void)state;
    tear_packed("messages/compress_zlib.json");
    tear_packed("messages/compress_bzip2.json");
    tear_packed("messages/compress_lzma.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_of_an_envelope_is_refused),
        cmocka_unit_test(every_prefix_of_a_body_is_refused),
        cmocka_unit_test(every_prefix_of_a_result_is_refused),
        cmocka_unit_test(every_prefix_of_a_compressed_body_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
