/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, channels, binding patterns and the table of queues, as kombu and Celery have
 * them. */
#include "../../../src/config.h"
#include "../../../src/redis/redis_route.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

static struct config config;
static struct error error;

static int load(const char *json, const char *select)
{
    static char file[] = "/tmp/petiole-queues-XXXXXX";
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "--config", file,
                    (char *)(uintptr_t) "-Q", (char *)(uintptr_t)select};
    strcpy(file + sizeof(file) - 7, "XXXXXX");
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
    close(fd);
    int r = config_load(&config, select ? 5 : 3, argv, &error);
    unlink(file);
    return r;
}

static int clean(void **state)
{
    (void)state;
    config_finish(&config);
    return 0;
}

static void priorities_fall_into_the_steps_that_bisect_finds(void **state)
{
    static const struct {
        const char *steps;
        int64_t priority;
        unsigned step;
    } cases[] = {
        {"0,3,6,9", 0, 0},   {"0,3,6,9", 2, 0},  {"0,3,6,9", 5, 3},
        {"0,3,6,9", 255, 9}, {"0,3,6,9", -1, 0}, {"0", 9, 0},
        {"1,5", 0, 5},       {"1,5", 4, 1},      {"0,1,2,3,4,5,6,7,8,9", 7, 7},
    };
    (void)state;
    assert_int_equal(load("{}", NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_keys k;
        char *kept = config.priority_steps, steps[32];
        snprintf(steps, sizeof(steps), "%s", cases[i].steps);
        config.priority_steps = steps;
        assert_int_equal(redis_keys_init(&k, &config, &error), 0);
        assert_int_equal(redis_keys_step(&k, cases[i].priority), cases[i].step);
        config.priority_steps = kept;
    }
}

static void fanout_channels_are_kombus(void **state)
{
    static const struct {
        const char *options, *exchange, *routing_key, *channel;
    } cases[] = {
        {"{}", "celery.pidbox", "", "/0.celery.pidbox"},
        {"{}", "celeryev", "worker.#", "/0.celeryev/worker.*"},
        {"{\"fanout_patterns\": false}", "celeryev", "worker.#", "/0.celeryev"},
        {"{\"fanout_prefix\": false}", "celeryev", "task.multi", "celeryev/task.multi"},
        {"{\"fanout_prefix\": \"/mine.\"}", "celery.pidbox", "", "/mine.celery.pidbox"},
        {"{\"global_keyprefix\": \"pre_\"}", "celery.pidbox", "",
         "pre_/0.celery.pidbox"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_keys k;
        char json[200], channel[REDIS_KEY_BYTES];
        snprintf(json, sizeof(json), "{\"broker_transport_options\": %s}",
                 cases[i].options);
        assert_int_equal(load(json, NULL), 0);
        assert_int_equal(redis_keys_init(&k, &config, &error), 0);
        redis_keys_channel(&k, str_of(cases[i].exchange), str_of(cases[i].routing_key),
                           channel);
        assert_string_equal(channel, cases[i].channel);
        config_finish(&config);
    }
}

static void binding_keys_become_kombus_expressions(void **state)
{
    static const char *const cases[][2] = {
        {"news.#", "^news\\..*?$"},
        {"*.sport.*", "^[^\\.]+\\.sport\\.[^\\.]+$"},
        {"#", "^.*?$"},
        {"a-b.c_d", "^a\\-b\\.c\\_d$"},
        {"", "^$"},
    };
    char out[64], tiny[4];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(redis_route_pattern(str_of(cases[i][0]), out, sizeof(out)),
                         strlen(cases[i][1]));
        assert_string_equal(out, cases[i][1]);
    }
    assert_int_equal(redis_route_pattern(STR("news.#"), tiny, sizeof(tiny)), 0);
}

static void expect_queue(const char *name, const char *exchange, const char *type,
                         const char *key)
{
    const struct queue *q = queue_find(&config.queues, name);
    assert_non_null(q);
    assert_string_equal(q->exchange, exchange);
    assert_string_equal(q->exchange_type, type);
    assert_string_equal(q->routing_key, key);
}

static void queues_get_celerys_defaults(void **state)
{
    (void)state;
    assert_int_equal(load("{\"task_default_queue\": \"jobs\"}", "jobs,extra"), 0);
    expect_queue("jobs", "jobs", "direct", "jobs");
    expect_queue("extra", "extra", "direct", "extra");
    config_finish(&config);
    assert_int_equal(
        load("{\"task_queues\": [{\"name\": \"a\"}, \"b\", {\"name\": \"c\","
             " \"exchange\": {\"name\": \"x\", \"type\": \"topic\"},"
             " \"routing_key\": \"c.#\", \"expires\": 1.5}]}",
             "c,a"),
        0);
    assert_int_equal(config.queues.taken, 2);
    assert_string_equal(config.queues.all[0].name, "c");
    expect_queue("a", "celery", "direct", "celery");
    expect_queue("b", "celery", "direct", "b");
    expect_queue("c", "x", "topic", "c.#");
    assert_int_equal(queue_find(&config.queues, "c")->expires_ms, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(priorities_fall_into_the_steps_that_bisect_finds,
                                  clean),
        cmocka_unit_test_teardown(fanout_channels_are_kombus, clean),
        cmocka_unit_test_teardown(binding_keys_become_kombus_expressions, clean),
        cmocka_unit_test_teardown(queues_get_celerys_defaults, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
