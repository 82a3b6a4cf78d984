/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits: what Celery's spellings mean, and a bucket that never holds two. */
#include "../../../src/rate.h"
#include "../protocol/cmocka_all.h"

#include <math.h>

static double parsed(const char *text)
{
    double per_s = -1;
    return rate_parse(text, &per_s) ? per_s : NAN;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-9);
}

static void celerys_spellings_are_read(void **state)
{
    (void)state;
    assert_near(parsed("10/s"), 10);
    assert_near(parsed("5/m"), 5.0 / 60);
    assert_near(parsed("100/h"), 100.0 / 3600);
    assert_near(parsed("0.5/s"), 0.5);
    assert_near(parsed("7"), 7);
    assert_near(parsed("2.5"), 2.5);
    assert_near(parsed("0"), 0);
    assert_near(parsed("0/m"), 0);
    assert_near(parsed(""), 0);
    assert_near(parsed("null"), 0);
    assert_near(parsed("None"), 0);
}

static void anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {"-1",      "x",     "/s",  "10/d",
                                        "10/",     "10 /s", "nan", "inf",
                                        "1e999/s", "10/s ", "ten"};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_true(isnan(parsed(wrong[i])));
}

static void extreme_rates_are_bounded(void **state)
{
    (void)state;
    assert_near(parsed("1e300/s"), RATE_MAX_PER_S);
    assert_near(parsed("0.000000001/h"), RATE_MIN_PER_S);
}

static void one_token_after_a_long_idle_time(void **state)
{
    struct rate r = {0};
    (void)state;
    rate_set(&r, 2, 1000000);
    assert_true(rate_take(&r, 3600000000));
    assert_false(rate_take(&r, 3600000000));
    assert_int_equal(rate_wait_us(&r, 3600000000), 500000);
    assert_false(rate_take(&r, 3600499999));
    assert_true(rate_take(&r, 3600500000));
    assert_false(rate_take(&r, 3600500000));
}

static void a_busy_bucket_keeps_its_rate_although_its_timer_is_late(void **state)
{
    struct rate r = {0};
    unsigned taken = 0;
    (void)state;
    rate_set(&r, 100, 0);
    for (int64_t now = 0; now < 10000000; now += 3) /* always a little late */
        taken += rate_take(&r, now + 500);
    assert_in_range(taken, 995, 1001);
}

static void no_limit_never_waits(void **state)
{
    struct rate r = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(rate_take(&r, 5));
    assert_int_equal(rate_wait_us(&r, 5), 0);
}

static void a_changed_limit_counts_from_the_last_token(void **state)
{
    struct rate r = {0};
    (void)state;
    rate_set(&r, 1.0 / 3600, 0);
    assert_true(rate_take(&r, 0));
    assert_int_equal(rate_wait_us(&r, 1000000), 3599000000);
    rate_set(&r, 1, 1500000);
    assert_int_equal(rate_wait_us(&r, 1500000), 0);
    rate_set(&r, 0, 1500000);
    assert_true(rate_take(&r, 1500000));
    assert_true(rate_take(&r, 1500000));
    rate_set(&r, 1, 1500000);
    assert_true(rate_take(&r, 1500000));
    assert_false(rate_take(&r, 1500001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(celerys_spellings_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(extreme_rates_are_bounded),
        cmocka_unit_test(one_token_after_a_long_idle_time),
        cmocka_unit_test(a_busy_bucket_keeps_its_rate_although_its_timer_is_late),
        cmocka_unit_test(no_limit_never_waits),
        cmocka_unit_test(a_changed_limit_counts_from_the_last_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
