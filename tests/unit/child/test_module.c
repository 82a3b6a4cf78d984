/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins: found by name, checked, and refused in a sentence that says what to do. */
#include "../../../src/child/module.h"
#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *plugin(const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s.so", getenv("TEST_PLUGINS"), name);
    return path;
}

/* ---- Loading ------------------------------------------------------------------ */

static void refuses(const char *name, const char *because)
{
    struct module_table t = {0};
    struct module_error e = {""};

    assert_false(module_load(&t, plugin(name), &e) && module_init_all(&t, &e));
    if (!strstr(e.text, because) || !strstr(e.text, name) || strchr(e.text, '\n'))
        fail_msg("%s: %s", name, e.text);
    module_finish_all(&t);
}

static void plugins_that_do_not_fit_are_refused_in_words(void **state)
{
    (void)state;
    refuses(
        "wrong_abi",
        "was built for ABI 2, this worker speaks 1: rebuild it, or upgrade petiole");
    refuses("no_symbol", "is not a petiole plugin: it has no symbol ptl_module_v1");
    refuses("from_the_future",
            "undefined symbol: ptl_from_the_future (it was built for "
            "a newer petiole: rebuild it, or upgrade petiole)");
    refuses("new_row", "uses row fields that this worker does not know");
    refuses("bad_params", "has params \"x? y\": a required parameter follows");
    refuses("bad_name", "row 1 has no usable task name");
    refuses("no_run", "task 'no_run.task' has no run function");
    refuses("no_rows", "is damaged: rebuild it");
    refuses("failing_init", "its init failed: Permission denied");
    refuses("missing", "cannot load plugin");
}

static void an_older_shorter_row_is_read(void **state)
{
    struct module_table t = {0};
    struct module_error e;
    const struct module_row *row;

    (void)state;
    assert_true(module_load(&t, plugin("old_row"), &e));
    assert_int_equal(t.nrows, 2);
    row = module_row(&t, STR("old_row.second"));
    assert_non_null(row);
    assert_non_null(row->def.run);
    assert_null(row->def.summary);
    assert_int_equal(row->def.flags, 0);
    assert_true(str_is(row->function, "second"));
    module_finish_all(&t);
}

/* As petiole 0.1 had it: everything up to `reserved`. */
static void a_row_of_the_first_release_is_read(void **state)
{
    struct module_table t = {0};
    struct module_error e;
    const struct module_row *row;

    (void)state;
    assert_true(module_load(&t, plugin("first_row"), &e));
    row = module_row(&t, STR("first_row.second"));
    assert_non_null(row);
    assert_int_equal(row->def.max_retries, 7);
    assert_int_equal(row->def.flags, PTL_ACKS_LATE);
    assert_null(row->def.rate_limit);
    assert_int_equal(row->def.priority, 0);
    module_finish_all(&t);
}

static void a_newer_row_without_news_is_read(void **state)
{
    struct module_table t = {0};
    struct module_error e;

    (void)state;
    assert_true(module_load(&t, plugin("new_empty_row"), &e));
    assert_non_null(module_row(&t, STR("new_row.second")));
    module_finish_all(&t);
}

static void two_plugins_with_one_task_are_refused_and_both_are_named(void **state)
{
    struct module_table t = {0};
    struct module_error e;

    (void)state;
    assert_true(module_load(&t, getenv("DEMO_PLUGIN"), &e));
    assert_false(module_load(&t, plugin("same_task"), &e));
    assert_non_null(strstr(e.text, "task 'demo.add' is in both "));
    assert_non_null(strstr(e.text, "demo.so"));
    assert_non_null(strstr(e.text, "same_task.so"));
    module_finish_all(&t);
}

static void a_plugin_named_twice_is_loaded_once(void **state)
{
    struct module_table t = {0};
    struct module_error e;
    size_t n;

    (void)state;
    assert_true(module_load(&t, getenv("DEMO_PLUGIN"), &e));
    n = t.nrows;
    assert_true(module_load(&t, getenv("DEMO_PLUGIN"), &e));
    assert_true(module_init_all(&t, &e));
    assert_int_equal(t.nrows, n);
    module_finish_all(&t);
}

static void a_missing_task_is_not_found(void **state)
{
    struct module_table t = {0};
    struct module_error e;

    (void)state;
    assert_null(module_row(&t, STR("demo.add")));
    assert_true(module_load(&t, getenv("DEMO_PLUGIN"), &e));
    assert_non_null(module_row(&t, STR("demo.add")));
    assert_null(module_row(&t, STR("demo.ad")));
    assert_null(module_row(&t, STR("demo.adda")));
    assert_null(module_row(&t, STR("")));
    module_finish_all(&t);
}

/* dlopen allocates too, and says so in words of its own. */
static void failing_allocations_are_told(void **state)
{
    int n = 0;

    (void)state;
    for (bool failed = true; failed; n++) {
        struct module_table t = {0};
        struct module_error e = {""};
        bool ok;

        alloc_fail_at(n);
        ok = module_load(&t, getenv("DEMO_PLUGIN"), &e);
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        assert_true(ok || (failed && e.text[0]));
        module_finish_all(&t);
    }
    assert_true(n > 10);
}

/* ---- Finding ------------------------------------------------------------------ */

static void a_path_is_taken_as_it_is(void **state)
{
    struct module_error e;
    char path[PATH_MAX];

    (void)state;
    assert_true(module_find(plugin("old_row"), path, sizeof(path), &e));
    assert_string_equal(path, plugin("old_row"));
    assert_false(module_find("./nowhere.so", path, sizeof(path), &e));
    assert_string_equal(e.text, "no plugin at ./nowhere.so: No such file or directory");
}

static void a_name_is_looked_up_in_the_environment_first(void **state)
{
    struct module_error e;
    char path[PATH_MAX], value[PATH_MAX];

    (void)state;
    snprintf(value, sizeof(value), "/nowhere::%s", getenv("TEST_PLUGINS"));
    setenv("PETIOLE_PLUGIN_PATH", value, 1);
    assert_true(module_find("old_row", path, sizeof(path), &e));
    assert_string_equal(path, plugin("old_row"));
    assert_false(module_find("old_row", path, 3, &e));
    unsetenv("PETIOLE_PLUGIN_PATH");
    assert_false(module_find("old_row", path, sizeof(path), &e));
}

static void a_python_module_is_told_from_a_plugin(void **state)
{
    static const char *const names[] = {"proj.celery", "*", "d?mo", ""};
    struct module_error e;
    char path[PATH_MAX], expected[256];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(module_find(names[i], path, sizeof(path), &e));
        snprintf(expected, sizeof(expected),
                 "no plugin '%s': a plugin is a shared object with C handlers, not a "
                 "Python module; looked in ",
                 names[i]);
        assert_memory_equal(e.text, expected, strlen(expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_do_not_fit_are_refused_in_words),
        cmocka_unit_test(an_older_shorter_row_is_read),
        cmocka_unit_test(a_row_of_the_first_release_is_read),
        cmocka_unit_test(a_newer_row_without_news_is_read),
        cmocka_unit_test(two_plugins_with_one_task_are_refused_and_both_are_named),
        cmocka_unit_test(a_plugin_named_twice_is_loaded_once),
        cmocka_unit_test(a_missing_task_is_not_found),
        cmocka_unit_test(failing_allocations_are_told),
        cmocka_unit_test(a_path_is_taken_as_it_is),
        cmocka_unit_test(a_name_is_looked_up_in_the_environment_first),
        cmocka_unit_test(a_python_module_is_told_from_a_plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
