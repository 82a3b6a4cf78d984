/* SPDX-License-Identifier: Apache-2.0 */
/* Compression: what is packed is unpacked again, and named as kombu names it. */
#include "../../../protocol/pack.h"
#include "../../../protocol/result.h"
#include "../../../protocol/unpack.h"
#include "cmocka_all.h"
#include "golden.h"

#include <stdlib.h>

static struct wr packed, plain;

static int set_up(void **state)
{
    (void)state;
    wr_init(&packed, (size_t)1 << 24);
    wr_init(&plain, (size_t)1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wr_finish(&packed);
    wr_finish(&plain);
    return 0;
}

static void there_and_back(const char *name, const char *type, struct str text)
{
    wr_reset(&packed);
    wr_reset(&plain);
    assert_string_equal(pack_content_type(str_of(name)), type);
    assert_true(pack(&packed, str_of(name), text));
    assert_int_equal(unpack(&plain, str_of(type), wr_str(&packed)), UNPACK_OK);
    assert_true(str_eq(wr_str(&plain), text));
}

static void every_compression_is_undone(void **state)
{
    static const char *const names[][2] = {
        {"gzip", "application/x-gzip"}, {"zlib", "application/x-gzip"},
        {"bzip2", "application/x-bz2"}, {"bzip", "application/x-bz2"},
        {"lzma", "application/x-lzma"}, {"xz", "application/x-lzma"},
        {"zstd", "application/zstd"},   {"zstandard", "application/zstd"},
    };
    struct str large = golden_read("python/yaml_read.txt");
    int tried = 0;
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!pack_content_type(str_of(names[i][0])))
            continue; /* not built in */
        there_and_back(names[i][0], names[i][1], large);
        there_and_back(names[i][0], names[i][1], STR("[[2, 3], {}, {}]"));
        there_and_back(names[i][0], names[i][1], STR(""));
        tried++;
    }
    assert_true(tried >= 4);
    free((char *)large.p);
}

static void a_packed_result_says_how_and_is_read(void **state)
{
    static const char head[] = "\0celery-compressed\0application/x-gzip";
    struct arena arena;
    (void)state;

    arena_init(&arena, (size_t)1 << 16);
    wr_reset(&packed);
    assert_true(pack_result(&packed, STR("zlib"), STR("{\"status\": \"FAILURE\"}")));
    assert_memory_equal(packed.p, head, sizeof(head));
    for (size_t n = 0; n < packed.len; n++) {
        struct str torn = boxed((struct str){packed.p, n});
        assert_int_equal(result_read_status(&arena, torn).n, 0);
        free((char *)torn.p);
        arena_reset(&arena);
    }
    assert_str(result_read_status(&arena, wr_str(&packed)), STR("FAILURE"));
    assert_false(pack_result(&packed, STR("rot13"), STR("{}")));
    arena_finish(&arena);
}

static void what_is_not_there_is_not_packed(void **state)
{
    (void)state;
    assert_null(pack_content_type(STR("brotli")));
    assert_null(pack_content_type(STR("rot13")));
    assert_false(pack(&packed, STR("rot13"), STR("x")));
}

static void a_writer_without_room_is_bad(void **state)
{
    struct wr small;
    (void)state;

    wr_init(&small, 8);
    assert_false(pack(&small, STR("zlib"), STR("[[2, 3], {}, {}]")));
    assert_true(small.bad);
    wr_finish(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_compression_is_undone),
        cmocka_unit_test(a_packed_result_says_how_and_is_read),
        cmocka_unit_test(what_is_not_there_is_not_packed),
        cmocka_unit_test(a_writer_without_room_is_bad),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
