/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from the command line, the environment and a file; and URLs. */
#include "../../../src/config.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS_MAX 16

static struct config config;
static struct error error;
static char file[64];

/* Loads with `petiole worker -A demo` and these words; 0 or a negative errno. */
static int load(const char *const *words)
{
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "worker",
                             (char *)(uintptr_t) "-Ademo"};
    int argc = 2;
    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    config_finish(&config);
    error = (struct error){0};
    return config_load(&config, argc, argv, &error);
}

/* LOAD(): no words; LOAD("-c", "2"): two. */
#define LOAD(...) load((const char *const[WORDS_MAX - 2]){NULL, __VA_ARGS__} + 1)

static int load_text(const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return LOAD("--config", file);
}

static void expect_refused(int r, const char *why)
{
    assert_true(r < 0);
    if (!strstr(error.msg, why))
        fail_msg("'%s' does not say '%s'", error.msg, why);
    assert_null(strchr(error.msg, '\n'));
}

static int clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_noptions; i++)
        if (config_options[i].env)
            unsetenv(config_options[i].env);
    return 0;
}

static int forget(void **state)
{
    config_finish(&config);
    return clean(state);
}

/* ---- the command line ---------------------------------------------------------- */

static void every_form_of_an_option_is_taken(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-c2"), 0);
    assert_int_equal(config.concurrency, 2);
    assert_int_equal(LOAD("-c", "3"), 0);
    assert_int_equal(config.concurrency, 3);
    assert_int_equal(LOAD("--concurrency=4"), 0);
    assert_int_equal(config.concurrency, 4);
    assert_int_equal(LOAD("--concurrency", "5"), 0);
    assert_int_equal(config.concurrency, 5);
    assert_int_equal(LOAD("-c=6", "-l", "info", "-Q", "a,b"), 0);
    assert_int_equal(config.concurrency, 6);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.nqueues, 2);
    assert_string_equal(config.queue_names[1], "b");
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    expect_refused(LOAD("-c", "0"), "option '-c' must be a number from 1 to 1024");
    expect_refused(LOAD("-c", "-1"), "must be a number");
    expect_refused(LOAD("-c", "two"), "not 'two'");
    expect_refused(LOAD("-c", "1025"), "must be a number");
    expect_refused(LOAD("-c", "99999999999999999999"), "must be a number");
    expect_refused(LOAD("--time-limit", "nan"), "number of seconds");
    expect_refused(LOAD("--time-limit", "-1"), "number of seconds");
    expect_refused(LOAD("-l", "loud"), "DEBUG, INFO");
}

static void an_unknown_option_suggests_the_nearest(void **state)
{
    (void)state;
    expect_refused(LOAD("--concurency=2"), "did you mean '--concurrency'?");
    expect_refused(LOAD("--quues", "a"), "did you mean '--queues'?");
    expect_refused(LOAD("--xyzzy"), "--help lists them");
    expect_refused(LOAD("-y"), "unknown option '-y'");
    expect_refused(LOAD("-c"), "needs a value");
    expect_refused(LOAD("more"), "unexpected argument 'more'");
}

static void a_soft_limit_beyond_the_hard_one_is_refused(void **state)
{
    (void)state;
    expect_refused(LOAD("--soft-time-limit", "10", "--time-limit", "5"),
                   "soft_time_limit");
    assert_int_equal(LOAD("--soft-time-limit", "5", "--time-limit", "5"), 0);
    assert_int_equal(LOAD("--soft-time-limit", "5"), 0);
}

static void a_node_name_is_expanded(void **state)
{
    char host[128] = "", expected[300], first[128];
    (void)state;
    gethostname(host, sizeof(host) - 1);
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(host, "."), host);
    assert_int_equal(LOAD("-n", "w1@%h"), 0);
    snprintf(expected, sizeof(expected), "w1@%s", host);
    assert_string_equal(config.hostname, expected);
    assert_int_equal(LOAD("-n", "w1"), 0);
    assert_string_equal(config.hostname, expected);
    assert_int_equal(LOAD("-n", "a%%b@%n"), 0);
    snprintf(expected, sizeof(expected), "a%%b@%s", first);
    assert_string_equal(config.hostname, expected);
    expect_refused(LOAD("-n", "w1@%x"), "is none of %h %n %d");
}

static void queues_that_redis_or_kombu_cannot_name_are_refused(void **state)
{
    char name[400];
    (void)state;
    memset(name, 'q', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_refused(LOAD("-Q", name), "longer than");
    expect_refused(LOAD("-Q", "a\"b"), "may not hold");
    expect_refused(LOAD("-Q", "a\\b"), "may not hold");
    expect_refused(LOAD("-Q", "a\nb"), "may not hold");
    expect_refused(LOAD("-Q", ","), "names no queue");
    assert_int_equal(LOAD("-Q", "caf\xc3\xa9"), 0);
}

static void a_connection_needs_some_time(void **state)
{
    (void)state;
    expect_refused(load_text("{\"broker_connection_timeout\": 0}"),
                   "broker_connection_timeout");
    expect_refused(load_text("{\"broker_connection_timeout\": null}"),
                   "broker_connection_timeout");
}

/* ---- sources ------------------------------------------------------------------- */

static void the_command_line_wins_over_environment_file_and_default(void **state)
{
    (void)state;
    assert_int_equal(LOAD(), 0);
    assert_int_equal(config.prefetch_multiplier, 4);
    assert_int_equal(load_text("{\"worker_prefetch_multiplier\": 5}"), 0);
    assert_int_equal(config.prefetch_multiplier, 5);
    setenv("CELERY_WORKER_PREFETCH_MULTIPLIER", "6", 1);
    assert_int_equal(LOAD("--config", file), 0);
    assert_int_equal(config.prefetch_multiplier, 6);
    assert_int_equal(LOAD("--config", file, "--prefetch-multiplier", "7"), 0);
    assert_int_equal(config.prefetch_multiplier, 7);
}

static void the_environment_may_name_the_file(void **state)
{
    (void)state;
    assert_int_equal(load_text("{\"task_acks_late\": true}"), 0);
    setenv("PETIOLE_CONFIG", file, 1);
    assert_int_equal(LOAD(), 0);
    assert_true(config.acks_late);
    setenv("PETIOLE_CONFIG", "/nowhere.json", 1);
    expect_refused(LOAD(), "cannot read /nowhere.json: No such file");
}

static void a_file_takes_celerys_spellings(void **state)
{
    (void)state;
    assert_int_equal(load_text(
                         "{\"CELERY_TASK_ACKS_LATE\": true, "
                         "\"CELERY_WORKER_CONCURRENCY\": 3, "
                         "\"imports\": [\"demo\", \"documents\"], "
                         "\"result_expires\": null, "
                         "\"broker_transport_options\": {\"visibility_timeout\": "
                         "43200}, \"plugins\": {\"documents\": {\"roots\": []}}}"),
                     0);
    assert_true(config.acks_late);
    assert_int_equal(config.concurrency, 3);
    assert_true(config.result_expires_s == 0);
    assert_int_equal(config.visibility_timeout_s, 43200);
    assert_string_equal(config.plugin_settings, "{\"documents\":{\"roots\":[]}}");
}

static void a_file_that_is_wrong_is_refused(void **state)
{
    (void)state;
    expect_refused(load_text("[1]"), "is not a JSON object");
    expect_refused(load_text("{\"a\": "), "is not a JSON object");
    expect_refused(load_text(""), "is not a JSON object");
    expect_refused(load_text("{\"task_ack_late\": true}"),
                   "did you mean 'task_acks_late'?");
    expect_refused(load_text(
                       "{\"broker_transport_options\": {\"visibilty_timeout\": 1}}"),
                   "did you mean 'broker_transport_options.visibility_timeout'?");
    expect_refused(load_text("{\"worker_concurrency\": \"many\"}"), "not 'many'");
    expect_refused(load_text("{\"task_acks_late\": 3}"), "true or false");
    expect_refused(load_text("{\"task_default_queue\": []}"), "names no queue");
    expect_refused(LOAD("--config", "/tmp"), "cannot read /tmp");
}

/* ---- URLs ---------------------------------------------------------------------- */

static void urls_are_taken_apart_as_kombu_does(void **state)
{
    struct url u;
    (void)state;
    assert_int_equal(url_parse(&u, "redis://", &error), 0);
    assert_string_equal(u.masked, "redis://localhost:6379/0");
    assert_int_equal(url_parse(&u, "redis://me:p%40ss@h:7/3", &error), 0);
    assert_string_equal(u.user, "me");
    assert_string_equal(u.password, "p@ss");
    assert_string_equal(u.masked, "redis://me:**@h:7/3");
    assert_int_equal(url_parse(&u, "redis://:a@b/c@h/1?x=y", &error), 0);
    assert_string_equal(u.password, "a@b/c");
    assert_string_equal(u.host, "h");
    assert_int_equal(u.db, 1);
    assert_int_equal(url_parse(&u, "redis://[::1]:7000/", &error), 0);
    assert_string_equal(u.host, "::1");
    assert_int_equal(u.port, 7000);
    assert_int_equal(url_parse(&u, "redis+socket://:s3@/run/r.sock?virtual_host=2",
                               &error),
                     0);
    assert_string_equal(u.host, "/run/r.sock");
    assert_int_equal(u.db, 2);
    assert_null(strstr(u.masked, "s3"));
    assert_int_equal(url_parse(&u, "socket:///run/r.sock", &error), 0);
    assert_true(u.is_socket);
}

static const char *const bad_urls[] = {
    "redis://:hunter2@h:port/0",
    "redis://:hunter2@h:65536/0",
    "redis://:hunter2@h:0/0",
    "redis://:hunter2@h/db",
    "redis://:hunter2@[::1/0",
    "redis://u:hunter2@h/99999999999",
    "redis+socket://:hunter2@relative",
    "redis+socket://:hunter2@",
    "rediss://:hunter2@h/0",
    "amqp://u:hunter2@h//",
    "sentinel://:hunter2@h",
    "hunter2@h:6379",
    ":hunter2@h",
    "redis:/:hunter2@h",
    "redis://:hun%00ter2@h",
    "",
};

static void a_bad_url_never_shows_its_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_urls) / sizeof(bad_urls[0]); i++) {
        if (LOAD("-b", bad_urls[i]) == 0)
            fail_msg("'%s' is taken", bad_urls[i]);
        if (strstr(error.msg, "hunter2"))
            fail_msg("shown: %s", error.msg);
        assert_null(strchr(error.msg, '\n'));
        assert_true(LOAD("--result-backend", bad_urls[i]) < 0 || !bad_urls[i][0]);
        assert_null(strstr(error.msg, "hunter2"));
    }
}

static void a_url_in_the_wrong_place_is_not_shown(void **state)
{
    (void)state;
    expect_refused(LOAD("redis://:hunter2@h/0"), "unexpected argument");
    assert_null(strstr(error.msg, "hunter2"));
    expect_refused(LOAD("-zredis://:hunter2@h/0"), "unknown option");
    assert_null(strstr(error.msg, "hunter2"));
    expect_refused(LOAD("--brokr=redis://:hunter2@h/0"), "did you mean");
    assert_null(strstr(error.msg, "hunter2"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, clean, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_form_of_an_option_is_taken),
        T(numbers_out_of_range_are_refused),
        T(an_unknown_option_suggests_the_nearest),
        T(a_soft_limit_beyond_the_hard_one_is_refused),
        T(a_node_name_is_expanded),
        T(queues_that_redis_or_kombu_cannot_name_are_refused),
        T(a_connection_needs_some_time),
        T(the_command_line_wins_over_environment_file_and_default),
        T(the_environment_may_name_the_file),
        T(a_file_takes_celerys_spellings),
        T(a_file_that_is_wrong_is_refused),
        T(urls_are_taken_apart_as_kombu_does),
        T(a_bad_url_never_shows_its_password),
        T(a_url_in_the_wrong_place_is_not_shown),
    };
    strcpy(file, "/tmp/petiole-config-XXXXXX");
    close(mkstemp(file));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
