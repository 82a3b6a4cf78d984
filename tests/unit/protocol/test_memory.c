/* SPDX-License-Identifier: Apache-2.0 */
/* Arena and buffers: what they promise at their limits. */
#include "../../../protocol/arena.h"
#include "../../../protocol/buf.h"
#include "cmocka_all.h"

static void an_arena_gives_aligned_memory_up_to_its_cap(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 64);
    char *first = arena_alloc(&a, 1), *second = arena_alloc(&a, 16);
    assert_int_equal((uintptr_t)first % 16, 0);
    assert_int_equal((uintptr_t)second % 16, 0);
    assert_int_equal(a.used_bytes, 32);
    assert_non_null(arena_alloc(&a, 32));
    assert_null(arena_alloc(&a, 1));
    assert_true(a.failed);
    arena_finish(&a);
}

static void an_arena_that_failed_stays_failed_until_reset(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 1000);
    assert_null(arena_alloc(&a, 1001));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_false(a.failed);
    assert_non_null(arena_alloc(&a, 992));
    arena_finish(&a);
}

static void an_arena_refuses_sizes_that_would_wrap(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_reset(&a);
    assert_null(arena_copy(&a, (struct str){"", SIZE_MAX}).p);
    arena_finish(&a);
}

static void a_reset_arena_reuses_its_first_block(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, (size_t)1 << 24);
    char *first = arena_alloc(&a, 100);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 3000));
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 100), first);
    assert_int_equal(a.used_bytes, 112);
    arena_finish(&a);
}

static void copies_end_with_a_nul_that_is_not_counted(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 1000);
    struct str copy = arena_copy(&a, (struct str){"a\0bc", 3});
    assert_int_equal(copy.n, 3);
    assert_memory_equal(copy.p, "a\0b\0", 4);
    assert_string_equal(arena_strdup(&a, "text"), "text");
    assert_memory_equal(arena_zalloc(&a, 4), "\0\0\0\0", 4);
    arena_finish(&a);
}

static void what_a_writer_wrote_a_reader_reads(void **state)
{
    struct wr w;
    (void)state;

    wr_init(&w, 1000);
    wr_u8(&w, 200);
    wr_u32(&w, 4000000000u);
    wr_u64(&w, UINT64_MAX - 1);
    wr_f64(&w, 0.1);
    wr_lstr(&w, STR("name"));
    assert_memory_equal(w.p, "\xc8\x00\x28\x6b\xee", 5); /* little-endian */
    struct rd r = rd_of(wr_str(&w));
    assert_int_equal(rd_u8(&r), 200);
    assert_int_equal(rd_u32(&r), 4000000000u);
    assert_int_equal(rd_u64(&r), UINT64_MAX - 1);
    assert_true(rd_f64(&r) == 0.1);
    assert_str(rd_str(&r), STR("name"));
    assert_int_equal(r.left, 0);
    assert_false(r.bad);
    wr_finish(&w);
}

static void a_read_past_the_end_is_bad_and_yields_zeros_ever_after(void **state)
{
    struct rd r = rd_of(STR("\1\0\0"));
    (void)state;

    assert_int_equal(rd_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(r.left, 0);
    assert_int_equal(rd_u8(&r), 0);
    assert_null(rd_bytes(&r, 0).p);
}

static void a_length_beyond_what_is_left_is_bad(void **state)
{
    struct rd r = rd_of(STR("\4\0\0\0abc")), huge = rd_of(STR("\xff\xff\xff\xff"));
    (void)state;

    assert_null(rd_str(&r).p);
    assert_true(r.bad);
    assert_null(rd_str(&huge).p);
    assert_true(huge.bad);
}

static void a_writer_holds_its_maximum_and_not_one_byte_more(void **state)
{
    struct wr w;
    (void)state;

    wr_init(&w, 5);
    wr_text(&w, "12345");
    assert_false(w.bad);
    wr_put(&w, STR(""));
    assert_false(w.bad);
    wr_u8(&w, '6');
    assert_true(w.bad);
    assert_str(wr_str(&w), STR("12345"));
    wr_text(&w, "");
    assert_true(w.bad);
    wr_reset(&w);
    wr_text(&w, "again");
    assert_str(wr_str(&w), STR("again"));
    assert_null(wr_grow(&w, SIZE_MAX));
    wr_finish(&w);
}

static void printing_grows_the_writer_as_far_as_needed(void **state)
{
    struct wr w;
    char expected[2100];
    (void)state;

    memset(expected, ' ', sizeof(expected));
    expected[1999] = '7';
    wr_init(&w, 3000);
    wr_printf(&w, "%2000d", 7);
    assert_str(wr_str(&w), ((struct str){expected, 2000}));
    wr_printf(&w, "%2000d", 7);
    assert_true(w.bad);
    wr_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_gives_aligned_memory_up_to_its_cap),
        cmocka_unit_test(an_arena_that_failed_stays_failed_until_reset),
        cmocka_unit_test(an_arena_refuses_sizes_that_would_wrap),
        cmocka_unit_test(a_reset_arena_reuses_its_first_block),
        cmocka_unit_test(copies_end_with_a_nul_that_is_not_counted),
        cmocka_unit_test(what_a_writer_wrote_a_reader_reads),
        cmocka_unit_test(a_read_past_the_end_is_bad_and_yields_zeros_ever_after),
        cmocka_unit_test(a_length_beyond_what_is_left_is_bad),
        cmocka_unit_test(a_writer_holds_its_maximum_and_not_one_byte_more),
        cmocka_unit_test(printing_grows_the_writer_as_far_as_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
