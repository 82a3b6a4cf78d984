/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings: each row at its bounds and beyond, and each name it has. These
 * tests go through the rows themselves, so that a new setting is tested as it is added.
 */
#include "../../../src/config/table.h"
#include "../../../src/config/value.h"
#include "../protocol/cmocka_all.h"

#include <ctype.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct config config;
static struct error error;

static int forget(void **state)
{
    (void)state;
    config_finish(&config);
    return 0;
}

static const char *name_of(const struct config_option *o)
{
    return o->key ? o->key : o->option;
}

static void expect_taken(const struct config_option *o, const char *text)
{
    if (config_set(&config, o, text, name_of(o), &error) < 0)
        fail_msg("%s", error.msg);
}

static void expect_refused(const struct config_option *o, const char *text)
{
    if (config_set(&config, o, text, name_of(o), &error) == 0)
        fail_msg("%s takes '%s'", name_of(o), text);
    assert_null(strchr(error.msg, '\n'));
    if (strncmp(error.msg, name_of(o), strlen(name_of(o))) != 0)
        fail_msg("'%s' does not begin with %s", error.msg, name_of(o));
}

static bool is_number(const struct config_option *o)
{
    return o->type == CONFIG_INT || o->type == CONFIG_BYTES;
}

static void every_number_is_taken_at_its_bounds_and_refused_beyond(void **state)
{
    const struct config_option *o;
    char text[64];
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        int64_t *field = (int64_t *)(void *)((char *)&config + o->offset);
        if (!is_number(o))
            continue;
        const int64_t bounds[] = {o->min, o->max};
        for (size_t b = 0; b < 2; b++) {
            snprintf(text, sizeof(text), "%lld", (long long)bounds[b]);
            expect_taken(o, text);
            assert_int_equal(*field, bounds[b]);
        }
        snprintf(text, sizeof(text), "%lld", (long long)o->min - 1);
        expect_refused(o, text);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)o->max + 1);
        expect_refused(o, text);
        expect_refused(o, "");
        expect_refused(o, "1.5");
        expect_refused(o, "many");
        expect_refused(o, "99999999999999999999");
    }
}

static void every_time_is_taken_at_its_bounds_and_refused_beyond(void **state)
{
    const struct config_option *o;
    char text[64];
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        const double *field = (const double *)(void *)((char *)&config + o->offset);
        if (o->type != CONFIG_SECONDS)
            continue;
        double min = (double)o->min / 1000;
        double max = o->max ? (double)o->max / 1000 : CONFIG_SECONDS_MAX;
        snprintf(text, sizeof(text), "%.15g", min);
        expect_taken(o, text);
        assert_true(fabs(*field - min) < 1e-9);
        snprintf(text, sizeof(text), "%.15g", max);
        expect_taken(o, text);
        assert_true(fabs(*field - max) < 1e-6);
        snprintf(text, sizeof(text), "%.15g", min - 0.001);
        expect_refused(o, text);
        snprintf(text, sizeof(text), "%.15g", max + 1);
        expect_refused(o, text);
        expect_refused(o, "");
        expect_refused(o, "nan");
        expect_refused(o, "inf");
        expect_refused(o, "1s");
        if (o->min == 0)
            expect_taken(o, "none");
        else
            expect_refused(o, "none");
    }
}

static void every_word_is_one_of_those_known(void **state)
{
    const struct config_option *o;
    char word[64];
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (o->type == CONFIG_CHOICE) {
            int64_t place = 0;
            for (const char *p = o->choices; *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");
                snprintf(word, sizeof(word), "%.*s", (int)n, p);
                expect_taken(o, word);
                assert_int_equal(*(int64_t *)(void *)((char *)&config + o->offset),
                                 place++);
                p += n;
            }
        }
        if (o->type == CONFIG_BOOL) {
            expect_taken(o, "Yes");
            assert_true(*((bool *)&config + o->offset));
            expect_taken(o, "0");
            assert_false(*((bool *)&config + o->offset));
        }
        if (o->type == CONFIG_MAYBE) {
            const int64_t *field = (void *)((char *)&config + o->offset);
            expect_taken(o, "Yes");
            assert_int_equal(*field, CONFIG_TRUE);
            expect_taken(o, "0");
            assert_int_equal(*field, CONFIG_FALSE);
            expect_taken(o, "null");
            assert_int_equal(*field, CONFIG_UNSET);
        }
        if (o->type == CONFIG_CHOICE || o->type == CONFIG_BOOL ||
            o->type == CONFIG_MAYBE || o->type == CONFIG_LEVEL) {
            expect_refused(o, "");
            expect_refused(o, "2");
            expect_refused(o, "perhaps");
        }
    }
}

static json_object *of_kind(unsigned kind)
{
    return kind == CONFIG_OBJECT   ? json_object_new_object()
           : kind == CONFIG_ARRAY  ? json_object_new_array()
           : kind == CONFIG_STRING ? json_object_new_string("")
           : kind == CONFIG_NUMBER ? json_object_new_int(-7)
                                   : json_object_new_boolean(true);
}

static void a_value_of_a_kind_that_a_setting_does_not_take_is_refused(void **state)
{
    const struct config_option *o;
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (!config_has_field(o))
            continue;
        unsigned taken = o->type == CONFIG_JSON   ? o->kinds
                         : o->type == CONFIG_TEXT ? ~(unsigned)CONFIG_OBJECT
                         : o->type == CONFIG_BOOL || o->type == CONFIG_MAYBE ||
                                 (o->choices && strstr(o->choices, "true"))
                             ? CONFIG_BOOLEAN | CONFIG_STRING
                             : CONFIG_NUMBER | CONFIG_STRING;
        for (unsigned kind = CONFIG_OBJECT; kind <= CONFIG_BOOLEAN; kind <<= 1) {
            json_object *value = of_kind(kind);
            int r = config_set_json(&config, o, value, name_of(o), &error);
            if (!(taken & kind) && r == 0)
                fail_msg("%s takes %s", name_of(o), json_object_get_string(value));
            json_object_put(value);
        }
    }
}

static void every_default_is_a_value_of_its_setting(void **state)
{
    const struct config_option *o;
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->default_text)
            expect_taken(o, o->default_text);
    assert_string_equal(config.warnings, "");
}

static void what_is_refused_is_so_in_words_and_nothing_asked_for_is_not(void **state)
{
    const struct config_option *o;
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (config_has_field(o))
            continue;
        expect_taken(o, "none");
        expect_taken(o, "false");
        assert_string_equal(config.warnings, "");
        if (o->type == CONFIG_REFUSED) {
            expect_refused(o, "something");
            assert_non_null(strstr(error.msg, "is not supported: "));
        } else {
            expect_taken(o, "something");
            assert_int_equal(config.warnings[0] != '\0', o->type == CONFIG_WARNED);
        }
        config.warnings[0] = '\0';
    }
}

static void every_row_is_whole(void **state)
{
    const struct config_option *o;
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        assert_true(o->key || o->option);
        if (o->type == CONFIG_IGNORED)
            continue;
        assert_non_null(o->help);
        assert_true(strlen(o->help) > 0 && o->help[strlen(o->help) - 1] != '.');
        assert_true(!o->option || o->is_flag || o->metavar);
        assert_true(!o->is_flag ||
                    (o->option && (o->type == CONFIG_BOOL || !config_has_field(o))));
        assert_true(!o->letter || o->option);
        assert_true(!o->also || o->option);
        assert_true(o->type != CONFIG_CHOICE || o->choices);
        assert_true(o->type != CONFIG_JSON || o->kinds);
        assert_true(!is_number(o) || o->min < o->max);
        if (o->key && strlen(o->key) > 63)
            fail_msg("%s is too long to be suggested", o->key);
    }
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Those that change nothing share where they land. */
static bool share_a_field(const struct config_option *a, const struct config_option *b)
{
    static const size_t first = offsetof(struct config, ignored);
    bool ignored = a->offset >= first && a->offset < first + sizeof(config.ignored);
    return config_has_field(a) && config_has_field(b) && a->offset == b->offset &&
           !ignored;
}

static void no_two_rows_share_a_name_or_a_field(void **state)
{
    const struct config_option *a, *b;
    (void)state;
    for (size_t i = 0; (a = config_option_at(i)); i++)
        for (size_t j = i + 1; (b = config_option_at(j)); j++)
            if (same(a->key, b->key) || same(a->option, b->option) ||
                same(a->also, b->option) || same(a->option, b->also) ||
                same(a->env, b->env) || (a->letter && a->letter == b->letter) ||
                share_a_field(a, b))
                fail_msg("%s and %s", name_of(a), name_of(b));
}

/* ---- names --------------------------------------------------------------------- */

static void every_setting_is_found_by_its_django_name(void **state)
{
    const struct config_option *o;
    char name[128];
    (void)state;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        if (!o->key)
            continue;
        if (strchr(o->key, '*'))
            continue;
        assert_ptr_equal(config_find(o->key), o);
        int n = snprintf(name, sizeof(name), "CELERY_%s", o->key);
        for (int k = 0; k < n; k++)
            name[k] = (char)toupper((unsigned char)name[k]);
        assert_ptr_equal(config_find(name), o);
    }
}

static void settings_are_found_by_their_names_of_celery_3(void **state)
{
    static const char *const names[][2] = {
        {"BROKER_URL", "broker_url"},
        {"CELERY_RESULT_BACKEND", "result_backend"},
        {"CELERY_TASK_RESULT_EXPIRES", "result_expires"},
        {"CELERYD_CONCURRENCY", "worker_concurrency"},
        {"CELERYD_PREFETCH_MULTIPLIER", "worker_prefetch_multiplier"},
        {"CELERYD_TASK_TIME_LIMIT", "task_time_limit"},
        {"CELERY_ACKS_LATE", "task_acks_late"},
        {"CELERY_DEFAULT_QUEUE", "task_default_queue"},
        {"CELERY_ACCEPT_CONTENT", "accept_content"},
        {"CELERY_SEND_EVENTS", "worker_send_task_events"},
        {"CELERYD_POOL", "worker_pool"},
        {"CELERYBEAT_SCHEDULE", "beat_*"},
        {"CASSANDRA_SERVERS", "cassandra_*"},
        {"CELERY_IMPORTS", "imports"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct config_option *o = config_find(names[i][0]);
        if (!o || strcmp(o->key, names[i][1]) != 0)
            fail_msg("%s is %s, not %s", names[i][0], o ? o->key : "unknown",
                     names[i][1]);
    }
    assert_null(config_find("CELERY_NOTHING"));
    assert_null(config_find("CELERYD_"));
    assert_null(config_find(""));
}

#define T(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_number_is_taken_at_its_bounds_and_refused_beyond),
        T(every_time_is_taken_at_its_bounds_and_refused_beyond),
        T(every_word_is_one_of_those_known),
        T(a_value_of_a_kind_that_a_setting_does_not_take_is_refused),
        T(every_default_is_a_value_of_its_setting),
        T(what_is_refused_is_so_in_words_and_nothing_asked_for_is_not),
        T(every_row_is_whole),
        T(no_two_rows_share_a_name_or_a_field),
        T(every_setting_is_found_by_its_django_name),
        T(settings_are_found_by_their_names_of_celery_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
