/* SPDX-License-Identifier: Apache-2.0 */
/* How many children there should be, by Celery's rule. */
#include "../../../src/pool/autoscale.h"
#include "../protocol/cmocka_all.h"

#include <stdlib.h>

static void both_orders_are_read(void **state)
{
    static const char *const wrong[] = {"",
                                        "0",
                                        "0,0",
                                        "x",
                                        "3,x",
                                        "-1",
                                        "1,-1",
                                        "1,2,3",
                                        "1025,1",
                                        "3 ,1",
                                        "99999999999999999999"};
    int64_t max = 0, min = 0;
    (void)state;
    assert_true(autoscale_parse("10,3", &max, &min));
    assert_true(max == 10 && min == 3);
    assert_true(autoscale_parse("3,10", &max, &min));
    assert_true(max == 10 && min == 3);
    assert_true(autoscale_parse("7", &max, &min));
    assert_true(max == 7 && min == 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (autoscale_parse(wrong[i], &max, &min))
            fail_msg("'%s' was taken", wrong[i]);
}

static void it_grows_at_once_up_to_max(void **state)
{
    struct autoscale a;
    (void)state;
    autoscale_init(&a, 4, 1);
    assert_int_equal(autoscale_decide(&a, 1, 0, 0), 0);
    assert_int_equal(autoscale_decide(&a, 1, 3, 0), 2);
    assert_int_equal(autoscale_decide(&a, 3, 100, 1), 1);
    assert_int_equal(autoscale_decide(&a, 4, 100, 2), 0);
}

static void it_shrinks_when_nothing_came_for_a_while(void **state)
{
    struct autoscale a;
    (void)state;
    autoscale_init(&a, 4, 1);
    assert_int_equal(autoscale_decide(&a, 3, 0, 1000000), 0); /* it never grew */
    assert_int_equal(autoscale_decide(&a, 1, 4, 1000), 3);
    assert_int_equal(autoscale_decide(&a, 4, 2, 31000), 0);
    assert_int_equal(autoscale_decide(&a, 4, 2, 31001), -2);
    autoscale_task_came(&a, 60000);
    assert_int_equal(autoscale_decide(&a, 4, 0, 80000), 0);
    assert_int_equal(autoscale_decide(&a, 4, 0, 90001), -3);
}

static void the_environment_sets_the_time(void **state)
{
    struct autoscale a;
    (void)state;
    setenv("AUTOSCALE_KEEPALIVE", "0.5", 1);
    autoscale_init(&a, 4, 1);
    assert_int_equal(a.keepalive_ms, 500);
    setenv("AUTOSCALE_KEEPALIVE", "soon", 1);
    autoscale_init(&a, 4, 1);
    assert_int_equal(a.keepalive_ms, 30000);
    setenv("AUTOSCALE_KEEPALIVE", "-3", 1);
    autoscale_init(&a, 4, 1);
    assert_int_equal(a.keepalive_ms, 30000);
    unsetenv("AUTOSCALE_KEEPALIVE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_orders_are_read),
        cmocka_unit_test(it_grows_at_once_up_to_max),
        cmocka_unit_test(it_shrinks_when_nothing_came_for_a_while),
        cmocka_unit_test(the_environment_sets_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
