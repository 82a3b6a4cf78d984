/* SPDX-License-Identifier: Apache-2.0 */
/* Binding: CPython's own answers to some two thousand calls, see bind_vectors.py. */
#include "../../../protocol/json.h"
#include "../../../src/child/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const ptl_value *list_of_bound(struct arena *a, const struct params *p,
                                      const ptl_value **bound)
{
    ptl_value *list = value_list(a, p->n);

    for (size_t i = 0; i < p->n; i++)
        value_list_add(a, list, bound[i] ? bound[i] : value_null(a));
    return list;
}

static void check_vector(struct arena *a, const ptl_value *v)
{
    const ptl_value *bound[BIND_MAX_PARAMS];
    struct params p;
    struct wr why;
    bool fits;

    wr_init(&why, 4096);
    assert_null(params_read(&p, value_as_str(value_get(v, "params")).p));
    fits = bind_call(&p, STR("add"), value_get(v, "args"), value_get(v, "kwargs"),
                     bound, &why);
    wr_u8(&why, 0);
    if (value_get(v, "error"))
        assert_string_equal(why.p, value_as_str(value_get(v, "error")).p);
    else
        assert_true(value_equal(list_of_bound(a, &p, bound), value_get(v, "bound")));
    assert_true(fits == !value_get(v, "error"));
    wr_finish(&why);
}

static void calls_bind_as_cpython_binds_them(void **state)
{
    FILE *f = fopen(VECTORS, "r");
    size_t checked = 0;
    char line[4096];
    struct arena a;

    (void)state;
    assert_non_null(f);
    arena_init(&a, 1u << 20);
    while (fgets(line, sizeof(line), f)) {
        struct json_error e;
        const ptl_value *v = json_read(&a, (struct str){line, strcspn(line, "\n")},
                                       JSON_COPY_STRINGS, &json_default_limits, &e);

        assert_non_null(v);
        check_vector(&a, v);
        arena_reset(&a);
        checked++;
    }
    arena_finish(&a);
    fclose(f);
    assert_true(checked > 1000);
}

static void params_that_are_no_parameters_are_refused(void **state)
{
    static const struct {
        const char *params, *why;
    } bad[] = {
        {"x x", "a parameter stands twice"},
        {"x? y", "a required parameter follows an optional one"},
        {"1x", "a parameter is not a name"},
        {"x-y", "a parameter is not a name"},
        {"?", "a parameter is not a name"},
        {"x??", "a parameter is not a name"},
        {"x,y", "a parameter is not a name"},
        {"* x", "a parameter follows the `*`"},
        {"* *", "a parameter follows the `*`"},
        {"*x", "a parameter is not a name"},
        {"a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G",
         "more than 32 parameters"},
    };
    struct params p;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(params_read(&p, bad[i].params), bad[i].why);
    assert_null(params_read(&p, "  x   _y2?  "));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.nrequired, 1);
}

static void a_star_takes_what_has_no_name(void **state)
{
    const ptl_value *bound[BIND_MAX_PARAMS];
    struct json_error e;
    struct params p;
    struct arena a;
    struct wr why;

    (void)state;
    arena_init(&a, 1u << 16);
    wr_init(&why, 4096);
    const ptl_value *args = json_read(&a, STR("[1, 2, 3]"), 0, NULL, &e);
    const ptl_value *kwargs = json_read(&a, STR("{\"z\": 4, \"w\": 5}"), 0, NULL, &e);
    assert_null(params_read(&p, "x y? z? *"));
    assert_true(bind_call(&p, STR("f"), args, value_map(&a, 0), bound, &why));
    assert_int_equal(ptl_int(bound[2]), 3);
    assert_false(bind_call(&p, STR("f"), args, kwargs, bound, &why)); /* z twice */
    assert_false(bind_call(&p, STR("f"), NULL, kwargs, bound, &why)); /* no x */
    assert_null(params_read(&p, "*"));
    assert_true(bind_call(&p, STR("f"), args, kwargs, bound, &why));
    wr_finish(&why);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_bind_as_cpython_binds_them),
        cmocka_unit_test(params_that_are_no_parameters_are_refused),
        cmocka_unit_test(a_star_takes_what_has_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
