/* SPDX-License-Identifier: Apache-2.0 */
/* When a failure is retried, after how long, and which exceptions are which. */
#include "../../../protocol/result.h"
#include "../../../src/child/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- Backoff, as celery.utils.time computes it --------------------------------- */

static void a_backoff_doubles_up_to_its_maximum(void **state)
{
    (void)state;
    assert_int_equal(retry_backoff_s(1, 0, 0, false, 7), 1);
    assert_int_equal(retry_backoff_s(1, 1, 0, false, 7), 2);
    assert_int_equal(retry_backoff_s(3, 4, 0, false, 7), 48);
    assert_int_equal(retry_backoff_s(1, 9, 0, false, 7), 512);
    assert_int_equal(retry_backoff_s(1, 10, 0, false, 7), 600); /* Celery's maximum */
    assert_int_equal(retry_backoff_s(1, 10, 60, false, 7), 60);
    assert_int_equal(retry_backoff_s(700, 0, 0, false, 7), 600);
}

static void a_backoff_after_any_number_of_retries_ends(void **state)
{
    (void)state;
    assert_int_equal(retry_backoff_s(1, INT64_MAX, 0, false, 0), 600);
    assert_int_equal(retry_backoff_s(UINT32_MAX, INT64_MAX, UINT32_MAX, false,
                                     UINT64_MAX),
                     UINT32_MAX);
}

static void jitter_is_anything_from_zero_to_the_whole(void **state)
{
    (void)state;
    assert_int_equal(retry_backoff_s(1, 2, 0, true, 0), 0);
    assert_int_equal(retry_backoff_s(1, 2, 0, true, 4), 4);
    assert_int_equal(retry_backoff_s(1, 2, 0, true, 5), 0);
    for (uint64_t random = 0; random < 1000; random++)
        assert_true(retry_backoff_s(2, 3, 0, true, random * 7919) <= 16);
}

/* ---- Python's tree of exceptions ----------------------------------------------- */

static bool catches(const char *name, const char *base)
{
    return result_exception_is(str_of(name), str_of(base), STR("plugin"));
}

static void a_base_catches_what_is_derived_from_it(void **state)
{
    (void)state;
    assert_true(catches("FileNotFoundError", "OSError"));
    assert_true(catches("ConnectionResetError", "ConnectionError"));
    assert_true(catches("ConnectionResetError", "OSError"));
    assert_true(catches("KeyError", "LookupError"));
    assert_true(catches("UnicodeDecodeError", "ValueError"));
    assert_true(catches("ZeroDivisionError", "ArithmeticError"));
    assert_true(catches("TimeoutError", "OSError"));
    assert_true(catches("QueueNotFound", "KeyError"));
    assert_true(catches("celery.exceptions.QueueNotFound", "TaskError"));
    assert_true(catches("kombu.exceptions.EncodeError", "KombuError"));
    assert_true(catches("SoftTimeLimitExceeded", "Exception"));
    assert_false(catches("OSError", "FileNotFoundError"));
    assert_false(catches("KeyError", "IndexError"));
    assert_false(catches("SystemExit", "Exception"));
    assert_true(catches("SystemExit", "BaseException"));
}

static void one_class_has_three_names(void **state)
{
    (void)state;
    assert_true(catches("IOError", "OSError"));
    assert_true(catches("OSError", "EnvironmentError"));
    assert_true(catches("PermissionError", "IOError"));
}

static void of_an_unknown_class_only_its_name_is_known(void **state)
{
    (void)state;
    assert_true(catches("Broken", "Broken"));
    assert_true(catches("Broken", "plugin.Broken"));
    assert_true(catches("a.b.Broken", "a.b.Broken"));
    assert_true(catches("a.b:Outer.Broken", "a.b:Outer.Broken"));
    assert_true(catches("a.b.Broken", "Exception"));
    assert_false(catches("a.b.Broken", "a.c.Broken"));
    assert_false(catches("a.b.Broken", "ValueError"));
    assert_false(catches("a.b.ValueError", "ValueError")); /* a namesake */
    assert_false(catches("", "ValueError"));
}

static void a_nested_class_keeps_its_whole_name(void **state)
{
    struct str type, module;

    (void)state;
    result_exception_name(STR("a.b:Outer.Broken"), STR("plugin"), &type, &module);
    assert_true(str_is(type, "Outer.Broken") && str_is(module, "a.b"));
}

/* ---- Rows ---------------------------------------------------------------------- */

static void a_row_names_kinds_separated_by_spaces(void **state)
{
    const ptl_module plugin = {.name = "plugin"};
    struct module module = {.plugin = &plugin};
    const struct module_row row = {.module = &module};
    const struct ptl_task t = {.row = &row};

    (void)state;
    assert_true(retry_kind_among(&t, "KeyError", "OSError LookupError"));
    assert_true(retry_kind_among(&t, "PermissionError", "  OSError  "));
    assert_false(retry_kind_among(&t, "ValueError", "OSError LookupError"));
    assert_false(retry_kind_among(&t, "ValueError", ""));
    assert_false(retry_kind_among(&t, "ValueError", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backoff_doubles_up_to_its_maximum),
        cmocka_unit_test(a_backoff_after_any_number_of_retries_ends),
        cmocka_unit_test(jitter_is_anything_from_zero_to_the_whole),
        cmocka_unit_test(a_base_catches_what_is_derived_from_it),
        cmocka_unit_test(one_class_has_three_names),
        cmocka_unit_test(of_an_unknown_class_only_its_name_is_known),
        cmocka_unit_test(a_nested_class_keeps_its_whole_name),
        cmocka_unit_test(a_row_names_kinds_separated_by_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
