/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack: what Python reads and writes, and bytes that ask for more than they hold. */
#include "../../../protocol/json.h"
#include "../../../protocol/msgpack.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct arena arena;
static struct wr out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 26);
    wr_init(&out, (size_t)1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    wr_finish(&out);
    return 0;
}

static void compare_read(struct str hex, struct str json)
{
    struct serializer_error e = {.out_of_memory = false};
    struct str bytes = golden_from_hex(hex);
    const ptl_value *v = msgpack_read(&arena, bytes, &e);

    free((char *)bytes.p);
    wr_reset(&out);
    if (v)
        json_write(&out, v);
    else
        wr_text(&out, "!");
    if (!str_eq(wr_str(&out), json))
        fail_msg(STR_FMT "\n  got      " STR_FMT " (%s)\n  expected " STR_FMT,
                 STR_ARG(hex), STR_ARG(wr_str(&out)), v ? "" : e.what, STR_ARG(json));
    arena_reset(&arena);
}

static void compare_write(struct str json, struct str hex)
{
    const ptl_value *v = json_read(&arena, json, JSON_KOMBU_TYPES, NULL, NULL);
    struct str bytes = golden_from_hex(hex);

    assert_non_null(v);
    wr_reset(&out);
    assert_true(msgpack_write(&out, v));
    if (!str_eq(wr_str(&out), bytes))
        fail_msg("written otherwise than by Python: " STR_FMT, STR_ARG(json));
    free((char *)bytes.p);
    arena_reset(&arena);
}

static void everything_python_reads_is_read_alike(void **state)
{
    (void)state;
    assert_true(golden_each_pair("python/msgpack_read.txt", compare_read) > 1000);
}

static void everything_is_written_as_python_writes_it(void **state)
{
    (void)state;
    assert_true(golden_each_pair("python/msgpack_write.txt", compare_write) > 300);
}

static void tear(struct str json, struct str hex)
{
    struct str whole = golden_from_hex(hex);
    (void)json;

    for (size_t n = 0; n < whole.n; n++) {
        struct serializer_error e = {.out_of_memory = false};
        struct str torn = boxed((struct str){whole.p, n});
        assert_null(msgpack_read(&arena, torn, &e));
        assert_non_null(strstr(e.what, "incomplete input"));
        free((char *)torn.p);
        arena_reset(&arena);
    }
    free((char *)whole.p);
}

static void every_prefix_of_everything_is_refused(void **state)
{
    (void)state;
    golden_each_pair("python/msgpack_write.txt", tear);
}

static void refused(const char *bytes, size_t n, const char *what)
{
    struct serializer_error e = {.out_of_memory = false};
    struct str exact = boxed((struct str){bytes, n});

    assert_null(msgpack_read(&arena, exact, &e));
    assert_string_equal(e.what, what);
    assert_false(e.out_of_memory);
    free((char *)exact.p);
}

static void an_announced_length_takes_no_memory(void **state)
{
    (void)state;
    arena_reset(&arena);
    refused("\xdd\xff\xff\xff\xff\xc0", 6, "Unpack failed: incomplete input at byte 6");
    refused("\xdf\xff\xff\xff\xff", 5, "Unpack failed: incomplete input at byte 5");
    refused("\xc6\xff\xff\xff\xff", 5, "Unpack failed: incomplete input at byte 5");
    assert_true(arena.used_bytes < 10000);
}

static void nesting_is_bounded(void **state)
{
    char deep[1000];
    (void)state;

    memset(deep, 0x91, sizeof(deep)); /* a list of one, in a list of one, … */
    refused(deep, sizeof(deep), "too deeply nested at byte 201");
}

static void keys_that_are_no_text_and_extensions_are_refused(void **state)
{
    (void)state;
    refused("\x81\x01\x02", 3, "a map's key is no text at byte 2");
    refused("\x81\xc4\x01k\x02", 5, "a map's key is no text at byte 4");
    refused("\xd6\xff\x00\x00\x00\x00", 6, "a type that is no JSON value at byte 1");
    refused("\xc1", 1, "a type that is no JSON value at byte 1");
}

static void a_full_arena_is_not_the_senders_fault(void **state)
{
    struct serializer_error e = {.out_of_memory = false};
    struct arena small;
    (void)state;

    arena_init(&small, 64);
    assert_null(msgpack_read(&small,
                             STR("\x93\xa1"
                                 "a\xa1"
                                 "b\xa1"
                                 "c"),
                             &e));
    assert_true(e.out_of_memory);
    arena_finish(&small);
}

static void what_python_cannot_pack_is_not_written(void **state)
{
    const ptl_value *v =
        json_read(&arena, STR("[18446744073709551616]"), 0, NULL, NULL);
    (void)state;

    wr_reset(&out);
    assert_false(msgpack_write(&out, v));
    v = json_read(&arena, STR("[{\"__type__\": \"decimal\", \"__value__\": \"1.5\"}]"),
                  0, NULL, NULL);
    wr_reset(&out);
    assert_false(msgpack_write(&out, v));
    v = json_read(&arena, STR("\"\\ud800\""), 0, NULL, NULL);
    wr_reset(&out);
    assert_false(msgpack_write(&out, v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_python_reads_is_read_alike),
        cmocka_unit_test(everything_is_written_as_python_writes_it),
        cmocka_unit_test(every_prefix_of_everything_is_refused),
        cmocka_unit_test(an_announced_length_takes_no_memory),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(keys_that_are_no_text_and_extensions_are_refused),
        cmocka_unit_test(a_full_arena_is_not_the_senders_fault),
        cmocka_unit_test(what_python_cannot_pack_is_not_written),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
