/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as others may see them. */
#include "../../../src/config/shown.h"
#include "../../../src/report.h"
#include "../protocol/cmocka_all.h"

#include "../../../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct config config;
static struct arena arena;
static char file[64];

static void load(const char *text)
{
    struct error e;
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "-Ademo",
                    (char *)(uintptr_t) "--config", file};
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    if (config_load(&config, 4, argv, &e) < 0)
        fail_msg("%s", e.msg);
}

static void expect(const ptl_value *map, const char *key, const char *json)
{
    struct wr w;
    const ptl_value *v = value_get(map, key);
    if (!v)
        fail_msg("%s is missing", key);
    wr_init(&w, 4096);
    json_write(&w, v);
    assert_str(wr_str(&w), str_of(json));
    wr_finish(&w);
}

#define SECRETS                                                                        \
    "\"broker_url\": \"redis://u:hidden@h:7000/1\", "                                  \
    "\"result_backend\": \"redis://:hidden@h/2\", \"redis_password\": \"hidden\", "    \
    "\"broker_transport_options\": {\"visibility_timeout\": 60, "                      \
    "\"sentinel_kwargs\": {\"password\": \"hidden\"}}"

static void what_was_changed_is_shown(void **state)
{
    (void)state;
    load("{\"task_acks_late\": true, \"task_time_limit\": 1.5, \"worker_concurrency\": "
         "3,"
         " \"accept_content\": [\"json\", \"yaml\"], \"broker_transport_options\": "
         "{\"visibility_timeout\": 60, \"queue_order_strategy\": \"sorted\"}}");
    const ptl_value *v = config_shown(&config, false, &arena);
    expect(v, "deprecated_settings", "null");
    expect(v, "include", "[\"demo\"]");
    expect(v, "task_acks_late", "true");
    expect(v, "task_time_limit", "1.5");
    expect(v, "worker_concurrency", "3");
    expect(v, "accept_content", "[\"json\", \"yaml\"]");
    expect(v, "broker_transport_options",
           "{\"visibility_timeout\": 60, \"queue_order_strategy\": \"sorted\"}");
    assert_null(value_get(v, "task_track_started"));
    assert_int_equal(value_len(v), 9);
}

static void defaults_are_shown_on_request(void **state)
{
    (void)state;
    load("{}");
    const ptl_value *v = config_shown(&config, true, &arena);
    expect(v, "worker_prefetch_multiplier", "4");
    expect(v, "task_track_started", "false");
    expect(v, "task_acks_on_failure", "null");
    expect(v, "result_expires", "86400");
}

static void secrets_are_not_shown(void **state)
{
    struct wr w;
    (void)state;
    load("{" SECRETS "}");
    const ptl_value *v = config_shown(&config, false, &arena);
    expect(v, "broker_url", "\"redis://u:********@h:7000/1\"");
    expect(v, "result_backend", "\"redis://:********@h/2\"");
    expect(v, "redis_password", "\"********\"");
    wr_init(&w, 1 << 20);
    json_write(&w, v);
    json_write(&w, config_shown(&config, true, &arena));
    report_write(&w, &config);
    wr_u8(&w, 0);
    assert_false(w.bad);
    assert_non_null(strstr(w.p, "settings -> transport:redis results:redis://"));
    assert_null(strstr(w.p, "hidden"));
    wr_finish(&w);
}

static int begin(void **state)
{
    (void)state;
    snprintf(file, sizeof(file), "/tmp/petiole-shown-XXXXXX");
    close(mkstemp(file));
    arena_init(&arena, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    config_finish(&config);
    arena_finish(&arena);
    unlink(file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_changed_is_shown, begin, end),
        cmocka_unit_test_setup_teardown(defaults_are_shown_on_request, begin, end),
        cmocka_unit_test_setup_teardown(secrets_are_not_shown, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
