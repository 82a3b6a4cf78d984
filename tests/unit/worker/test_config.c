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

/* Of a row: "CELERY_BROKER_URL BROKER_URL". */
static void forget_variables(const char *names)
{
    char copy[256], *save = NULL;
    snprintf(copy, sizeof(copy), "%s", names ? names : "");
    for (char *n = strtok_r(copy, " ", &save); n; n = strtok_r(NULL, " ", &save))
        unsetenv(n);
}

static int clean(void **state)
{
    (void)state;
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++)
        forget_variables(o->env);
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
    assert_int_equal(config.queues.taken, 2);
    assert_string_equal(config.queues.all[1].name, "b");
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
    expect_refused(LOAD("--without-gossip=yes"), "takes no value");
}

static void flags_may_stand_together(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-EqQ", "a", "--without-mingle"), 0);
    assert_true(config.send_task_events && config.quiet && config.without_mingle);
    assert_string_equal(config.select_queues, "a");
    assert_int_equal(LOAD("-CDqc7"), 0);
    assert_true(config.no_color && config.detach);
    assert_int_equal(config.concurrency, 7);
    expect_refused(LOAD("-Ey"), "unknown option '-y'");
}

static void settings_may_follow_as_words(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-c2", "--", "worker.prefetch_multiplier=9",
                          "task.acks_late=1", "max_tasks_per_child=5",
                          "broker_transport_options.visibility_timeout=77"),
                     0);
    assert_int_equal(config.prefetch_multiplier, 9);
    assert_int_equal(config.max_tasks_per_child, 5);
    assert_int_equal(config.visibility_timeout_s, 77);
    assert_true(config.acks_late);
    expect_refused(LOAD("--", "worker.prefetch=1"),
                   "unknown setting 'worker.prefetch'");
    expect_refused(LOAD("--", "worker.concurrency=0"), "argument 'worker.concurrency'");
    expect_refused(LOAD("--", "-c"), "unexpected argument '-c'");
}

static void what_only_python_can_do_is_refused_in_words(void **state)
{
    (void)state;
    expect_refused(LOAD("-B"), "run celery beat beside it");
    expect_refused(LOAD("-P", "proj.pools:Mine"), "Python classes");
    expect_refused(load_text("{\"worker_consumer\": \"proj.Consumer\"}"),
                   "names a Python class");
    expect_refused(load_text("{\"worker_direct\": true}"), "name one with -Q");
    assert_int_equal(load_text("{\"worker_consumer\": "
                               "\"celery.worker.consumer:Consumer\", "
                               "\"worker_direct\": false, \"timezone\": \"UTC\", "
                               "\"beat_schedule\": {\"a\": {\"task\": \"b\"}}, "
                               "\"cassandra_servers\": [\"h\"], \"include\": [\"x\"]}"),
                     0);
    assert_string_equal(config.warnings, "");
}

static void what_makes_no_difference_yet_is_warned_about(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-E"), 0);
    assert_string_equal(config.warnings, "");
    assert_int_equal(LOAD("-P", "gevent", "-c", "20"), 0);
    assert_non_null(strstr(config.warnings, "there will be 20 of them"));
    assert_int_equal(load_text("{\"accept_content\": [\"json\", \"pickle\"], "
                               "\"timezone\": \"Europe/Berlin\"}"),
                     0);
    assert_non_null(strstr(config.warnings, "petiole never reads it"));
    assert_non_null(strstr(config.warnings, "setting 'timezone' has no effect"));
}

static void a_solo_pool_is_one_child(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-P", "solo", "-c", "4"), 0);
    assert_int_equal(config.concurrency, 1);
}

static void file_names_expand_the_node_name(void **state)
{
    (void)state;
    assert_int_equal(LOAD("-n", "w1@h.example", "-f", "/l/%n%I.log", "--pidfile",
                          "/r/%p-%d-%i-%%.pid"),
                     0);
    assert_string_equal(config.log_file, "/l/w1.log");
    assert_string_equal(config.pid_file, "/r/w1@h.example-example-0-%.pid");
    expect_refused(LOAD("-f", "/l/%x.log"), "option '-f'");
}

static void a_mask_is_octal(void **state)
{
    (void)state;
    assert_int_equal(LOAD("--umask", "027"), 0);
    assert_int_equal(config.file_mode_mask, 027);
    assert_int_equal(LOAD(), 0);
    assert_int_equal(config.file_mode_mask, -1);
    expect_refused(LOAD("--umask", "9"), "octal");
    expect_refused(LOAD("--umask", "7777"), "octal");
}

static void a_log_format_names_fields_that_there_are(void **state)
{
    (void)state;
    assert_int_equal(
        load_text("{\"worker_log_format\": \"%(levelname)-8s %(message)s 100%%\"}"), 0);
    expect_refused(load_text("{\"worker_log_format\": \"%(funcName)s\"}"),
                   "'worker_log_format' has '%(funcName)s'");
    expect_refused(load_text("{\"worker_task_log_format\": \"%s\"}"), "known are");
}

static void a_soft_limit_beyond_the_hard_one_is_refused(void **state)
{
    (void)state;
    expect_refused(LOAD("--soft-time-limit", "10", "--time-limit", "5"),
                   "soft_time_limit");
    assert_int_equal(LOAD("--soft-time-limit", "5", "--time-limit", "5"), 0);
    assert_int_equal(LOAD("--soft-time-limit", "5"), 0);
}

static void what_annotations_say_is_checked_before_the_start(void **state)
{
    (void)state;
    assert_int_equal(load_text(
                         "{\"task_annotations\": {\"*\": {\"rate_limit\": \"10/s\"}, "
                         "\"a.b\": {\"max_retries\": null}}}"),
                     0);
    assert_non_null(strstr(config.annotations, "10/s"));
    assert_int_equal(load_text("{\"task_annotations\": null}"), 0);
    expect_refused(load_text("{\"task_annotations\": {\"a\": {\"rate_limt\": 1}}}"),
                   "did you mean 'rate_limit'?");
    expect_refused(load_text("{\"task_annotations\": {\"a\": {\"on_failure\": 1}}}"),
                   "task 'a': a worker here obeys no attribute 'on_failure'");
    expect_refused(load_text("{\"task_annotations\": {\"a\": {\"acks_late\": \"x\"}}}"),
                   "task 'a': acks_late must be true or false");
    expect_refused(load_text("{\"task_annotations\": {\"a\": [1]}}"),
                   "task 'a' needs an object of attributes");
    expect_refused(load_text("{\"task_annotations\": [1]}"), "task_annotations");
    expect_refused(load_text("{\"task_default_rate_limit\": \"10/day\"}"),
                   "task_default_rate_limit");
    assert_int_equal(load_text("{\"task_default_rate_limit\": 30}"), 0);
    assert_true(config.attributes.rate_per_s == 30);
}

static void the_halves_of_a_setting_follow_it_unless_they_are_set(void **state)
{
    (void)state;
    assert_int_equal(LOAD(), 0);
    assert_true(config.attributes.acks_on_failure && config.attributes.acks_on_timeout);
    assert_int_equal(load_text("{\"task_acks_on_failure_or_timeout\": false, "
                               "\"task_acks_on_failure\": true}"),
                     0);
    assert_true(config.attributes.acks_on_failure &&
                !config.attributes.acks_on_timeout);
    assert_int_equal(load_text("{\"task_acks_on_timeout\": false, "
                               "\"task_acks_on_failure\": null}"),
                     0);
    assert_true(config.attributes.acks_on_failure &&
                !config.attributes.acks_on_timeout);
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
    assert_int_equal(load_text("{\"broker_connection_timeout\": null}"), 0);
    assert_true(config.connection_timeout_s == 4);
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
    assert_int_equal(
        load_text("{\"CELERY_TASK_ACKS_LATE\": true, "
                  "\"CELERY_WORKER_CONCURRENCY\": 3, "
                  "\"imports\": [\"proj.tasks\"], \"app\": [\"demo\", \"documents\"], "
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

static const char *const bad_urls[] = {
    "redis://:hunter2@h:port/0",
    "redis://:hunter2@h:65536/0",
    "redis://:hunter2@h:0/0",
    "redis://:hunter2@h/db",
    "redis://:hunter2@[::1/0",
    "redis://u:hunter2@h/99999999999",
    "redis+socket://:hunter2@relative",
    "redis+socket://:hunter2@",
    "redis://:hunter2@h/0?socket_timeout=soon",
    "redis://:hunter2@h/0?sokcet_timeout=1",
    "rediss://:hunter2@h/0?ssl_cert_reqs=maybe",
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
        T(flags_may_stand_together),
        T(settings_may_follow_as_words),
        T(what_only_python_can_do_is_refused_in_words),
        T(what_makes_no_difference_yet_is_warned_about),
        T(a_solo_pool_is_one_child),
        T(file_names_expand_the_node_name),
        T(a_mask_is_octal),
        T(a_log_format_names_fields_that_there_are),
        T(a_soft_limit_beyond_the_hard_one_is_refused),
        T(what_annotations_say_is_checked_before_the_start),
        T(the_halves_of_a_setting_follow_it_unless_they_are_set),
        T(a_node_name_is_expanded),
        T(queues_that_redis_or_kombu_cannot_name_are_refused),
        T(a_connection_needs_some_time),
        T(the_command_line_wins_over_environment_file_and_default),
        T(the_environment_may_name_the_file),
        T(a_file_takes_celerys_spellings),
        T(a_file_that_is_wrong_is_refused),
        T(a_bad_url_never_shows_its_password),
        T(a_url_in_the_wrong_place_is_not_shown),
    };
    strcpy(file, "/tmp/petiole-config-XXXXXX");
    close(mkstemp(file));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
