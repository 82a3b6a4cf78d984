/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries are found by their tags, however many there are. */
#include "../../../src/redis/held.h"
#include "../protocol/cmocka_all.h"

#include <stdlib.h>

#define MANY 100000
#define FIRST 10000000000000u

static void each_is_found_until_it_is_removed(void **state)
{
    struct delivery *d = calloc(MANY, sizeof(*d));
    struct held h;
    (void)state;
    assert_true(held_init(&h));
    for (size_t i = 0; i < MANY; i++) {
        d[i].tag = FIRST + i;
        held_add(&h, &d[i]);
    }
    for (size_t i = 0; i < MANY; i += 3)
        held_remove(&h, &d[i]);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(held_find(&h, FIRST + i), i % 3 ? &d[i] : NULL);
    assert_null(held_find(&h, FIRST + MANY));
    for (size_t i = 0; i < MANY; i++)
        held_remove(&h, &d[i]);
    assert_int_equal(h.n, 0);
    assert_in_range(h.room, 1, 4096); /* its memory went, too */
    held_finish(&h);
    free(d);
}

static void chains_stay_short_while_few_are_held_of_many(void **state)
{
    struct delivery d[64] = {{.tag = 0}};
    struct held h;
    (void)state;
    assert_true(held_init(&h));
    for (uint64_t i = 0; i < MANY; i++) {
        struct delivery *one = &d[i % 64];
        held_remove(&h, one);
        one->tag = FIRST + i;
        held_add(&h, one);
    }
    assert_int_equal(h.n, 64);
    assert_in_range(h.room, 64, 256);
    held_finish(&h);
}

static void removing_what_is_not_there_is_harmless(void **state)
{
    struct delivery a = {.tag = 1}, b = {.tag = 1};
    struct held h;
    (void)state;
    assert_true(held_init(&h));
    held_add(&h, &a);
    held_remove(&h, &b);
    assert_ptr_equal(held_find(&h, 1), &a);
    assert_int_equal(h.n, 1);
    held_finish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_until_it_is_removed),
        cmocka_unit_test(chains_stay_short_while_few_are_held_of_many),
        cmocka_unit_test(removing_what_is_not_there_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
