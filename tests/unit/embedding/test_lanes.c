/* SPDX-License-Identifier: Apache-2.0 */
/* The vector functions that every fast kernel set stands on, against libm; and the
 * emulated tiles against sums in double. */
#define LANES 4
#include "lanes.h"

#include "tiles_emulated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static float first(lanes v)
{
    return v[0];
}

static void exp_is_within_a_few_units_of_the_last_place(void **state)
{
    (void)state;
    double worst = 0;
    for (double x = 0; x > -86; x -= 0.00037) {
        double exact = exp((double)(float)x);
        double error =
            fabs((double)first(lanes_exp(lanes_of((float)x))) - exact) / exact;
        worst = error > worst ? error : worst;
    }
    print_message("exp: relative error at most %.2e\n", worst);
    assert_true(worst < 3e-7);
    assert_true(first(lanes_exp(lanes_of(-INFINITY))) < 1e-37f);
    assert_true(first(lanes_exp(lanes_of(0))) == 1.0f);
}

static void gelu_is_within_two_millionths(void **state)
{
    (void)state;
    double worst = 0;
    for (double x = -12; x < 12; x += 0.0001) {
        double f = (double)(float)x, exact = 0.5 * f * (1 + erf(f * M_SQRT1_2));
        double error = fabs((double)first(lanes_gelu(lanes_of((float)x))) - exact);
        worst = error > worst ? error : worst;
    }
    print_message("gelu: error at most %.2e\n", worst);
    assert_true(worst < 2e-6);
}

static void gelu_of_the_largest_numbers_is_a_number(void **state)
{
    (void)state;
    assert_true(first(lanes_gelu(lanes_of(3e38f))) == 3e38f);
    assert_true(first(lanes_gelu(lanes_of(-3e38f))) == 0);
}

static void softmax_sums_to_one_and_is_zero_behind_the_end(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MODEL_WINDOW; n++) {
        float weights[MODEL_WINDOW];
        double sum = 0;
        for (size_t i = 0; i < MODEL_WINDOW; i++)
            weights[i] = (float)(i * 37 % 101) - 20;
        lanes_soften(weights, n);
        for (size_t i = 0; i < n; i++)
            sum += (double)weights[i];
        assert_true(fabs(sum - 1) < 1e-5);
        for (size_t i = n; i % LANES != 0; i++)
            assert_true(weights[i] == 0);
    }
}

static void softmax_of_huge_scores_picks_the_largest(void **state)
{
    (void)state;
    float weights[16] = {1e30f, -1e30f, 3e30f, 0};
    lanes_soften(weights, 4);
    assert_true(weights[2] == 1.0f && weights[0] < 1e-30f);
}

static void bf16_rounds_to_nearest_and_ties_to_even(void **state)
{
    (void)state;
    assert_int_equal(bf16_of(1.0f), 0x3f80);
    assert_int_equal(bf16_of(1.00390625f), 0x3f80); /* half way: down to even */
    assert_int_equal(bf16_of(1.01171875f), 0x3f82); /* half way: up to even */
    assert_int_equal(bf16_of(-1.00390637f), 0xbf81);
}

static uint16_t some(size_t i)
{
    return bf16_of((float)((int)(i * 7919 % 2001) - 1000) / 500);
}

static void emulated_tiles_multiply_pairs_of_rows(void **state)
{
    (void)state;
    uint16_t a[16][32], b[16][32];
    float c[16][16], out[16][16];
    for (size_t i = 0; i < 512; i++) {
        a[i / 32][i % 32] = some(i);
        b[i / 32][i % 32] = some(i + 5000);
    }
    for (size_t i = 0; i < 256; i++)
        c[i / 16][i % 16] = bf16_value(some(i + 9000));
    tile_begin();
    tile_load(0, c, 64);
    tile_load(1, a, 64);
    tile_load(2, b, 64);
    tile_multiply(0, 1, 2);
    tile_store(0, out, 64);
    tile_end();
    for (size_t m = 0; m < 16; m++) {
        for (size_t n = 0; n < 16; n++) {
            double sum = (double)c[m][n];
            for (size_t k = 0; k < 32; k++)
                sum += (double)bf16_value(a[m][k]) *
                       (double)bf16_value(b[k / 2][2 * n + k % 2]);
            assert_true(fabs(sum - (double)out[m][n]) < 1e-4);
        }
    }
}

static void emulated_tiles_take_denormals_for_zero(void **state)
{
    (void)state;
    uint16_t a[16][32] = {{0x0001}}, b[16][32] = {{0x7f00}};
    float c[16][16] = {{1e-40f}};
    tile_begin();
    tile_load(0, c, 64);
    tile_load(1, a, 64);
    tile_load(2, b, 64);
    tile_multiply(0, 1, 2);
    tile_store(0, c, 64);
    tile_end();
    assert_true(c[0][0] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_a_few_units_of_the_last_place),
        cmocka_unit_test(gelu_is_within_two_millionths),
        cmocka_unit_test(gelu_of_the_largest_numbers_is_a_number),
        cmocka_unit_test(softmax_sums_to_one_and_is_zero_behind_the_end),
        cmocka_unit_test(softmax_of_huge_scores_picks_the_largest),
        cmocka_unit_test(bf16_rounds_to_nearest_and_ties_to_even),
        cmocka_unit_test(emulated_tiles_multiply_pairs_of_rows),
        cmocka_unit_test(emulated_tiles_take_denormals_for_zero),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
