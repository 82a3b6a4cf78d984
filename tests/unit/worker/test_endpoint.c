/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of URLs, and what they become with the settings beside them. */
#include "../../../src/config.h"
#include "../../../src/link/endpoint.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct config config;
static struct endpoint ep;
static struct error error;
static char file[64];

static int forget(void **state)
{
    (void)state;
    config_finish(&config);
    endpoint_finish(&ep);
    return 0;
}

static int load(const char *json)
{
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "-Ademo",
                    (char *)(uintptr_t) "--config", file};
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(json, f);
    fclose(f);
    config_finish(&config);
    return config_load(&config, 4, argv, &error);
}

static void expect_loaded(const char *json)
{
    if (load(json) < 0)
        fail_msg("%s: %s", json, error.msg);
}

static void expect_refused(const char *json, const char *why)
{
    if (load(json) == 0)
        fail_msg("%s is taken", json);
    if (!strstr(error.msg, why))
        fail_msg("%s: '%s' does not say '%s'", json, error.msg, why);
    assert_null(strchr(error.msg, '\n'));
}

static int init(const char *text)
{
    endpoint_finish(&ep);
    return endpoint_init(&ep, ENDPOINT_BROKER, text, &(struct endpoint_settings){0},
                         &error);
}

/* ---- lists --------------------------------------------------------------------- */

static void a_list_is_parted_by_semicolons(void **state)
{
    (void)state;
    assert_int_equal(init("redis://a/1;redis://:p@b:7/2; rediss://c;"), 0);
    assert_int_equal(ep.nurls, 3);
    assert_string_equal(ep.urls[1].host, "b");
    assert_int_equal(ep.urls[1].db, 2);
    assert_true(ep.urls[2].is_tls);
    assert_string_equal(ep.masked, "redis://:**@a:6379/1");
    assert_false(ep.is_sentinel);
}

static void the_file_may_hold_a_list(void **state)
{
    (void)state;
    expect_loaded("{\"broker_url\": [\"redis://a,b/1\", \"redis://c/2\"], "
                  "\"broker_failover_strategy\": \"shuffle\"}");
    assert_int_equal(config.broker.nurls, 2);
    assert_string_equal(config.broker.urls[0].host, "a,b");
    assert_true(config.broker.shuffle);
}

static void a_list_that_is_wrong_is_refused(void **state)
{
    char many[400] = "redis://a";
    (void)state;
    assert_true(init("redis://a;redis://b:port") < 0);
    assert_non_null(strstr(error.msg, "URL 2: the URL's port"));
    assert_true(init(";") < 0);
    assert_non_null(strstr(error.msg, "the URL is empty"));
    assert_true(init("redis://a;sentinel://b") < 0);
    assert_non_null(strstr(error.msg, "cannot be mixed"));
    for (int i = 0; i < ENDPOINT_URLS_MAX; i++)
        strcat(many, ";redis://a");
    assert_true(init(many) < 0);
    assert_non_null(strstr(error.msg, "more than 16 URLs"));
}

static void the_read_url_stands_in_for_the_broker_url(void **state)
{
    (void)state;
    expect_loaded(
        "{\"broker_url\": \"redis://a/1\", \"broker_read_url\": \"redis://b/2\", "
        "\"broker_write_url\": \"redis://b/2\"}");
    assert_string_equal(config.broker.urls[0].host, "b");
    expect_refused("{\"broker_url\": \"redis://a/1\", "
                   "\"broker_write_url\": \"redis://b/2\"}",
                   "broker_write_url must be the URL that messages are taken from");
}

/* ---- options ------------------------------------------------------------------- */

static void nothing_waits_for_ever_even_if_it_should(void **state)
{
    (void)state;
    expect_loaded("{\"broker_transport_options\": {\"socket_timeout\": null}, "
                  "\"redis_socket_timeout\": 0, \"result_backend\": \"redis://h\"}");
    assert_true(config.broker.urls[0].options.socket_timeout_s == 15);
    assert_true(config.broker.urls[0].options.socket_connect_timeout_s == 4);
    assert_true(config.backend.urls[0].options.socket_timeout_s == 15);
    assert_true(config.backend.urls[0].options.socket_connect_timeout_s == 4);
}

static void the_query_wins_over_the_settings(void **state)
{
    (void)state;
    expect_loaded("{\"broker_url\": \"redis://h/0?socket_timeout=3\", "
                  "\"broker_connection_timeout\": 7, \"broker_transport_options\": "
                  "{\"socket_timeout\": 9, \"client_name\": \"w\", "
                  "\"health_check_interval\": 0, \"socket_keepalive_options\": "
                  "{\"4\": 60, \"TCP_KEEPINTVL\": 5}}}");
    const struct connect_options *o = &config.broker.urls[0].options;
    assert_true(o->socket_timeout_s == 3);
    assert_true(o->socket_connect_timeout_s == 7);
    assert_true(o->health_check_interval_s == 0);
    assert_string_equal(o->client_name, "w");
    assert_int_equal(o->keepalive_idle_s, 60);
    assert_int_equal(o->keepalive_interval_s, 5);
}

static void redis_alone_is_where_the_redis_settings_say(void **state)
{
    (void)state;
    expect_loaded("{\"result_backend\": \"redis\", \"redis_host\": \"h\", "
                  "\"redis_port\": 7, \"redis_db\": 3, \"redis_password\": \"p\"}");
    assert_string_equal(config.backend.urls[0].host, "h");
    assert_int_equal(config.backend.urls[0].port, 7);
    assert_int_equal(config.backend.urls[0].db, 3);
    assert_string_equal(config.backend.urls[0].password, "p");
    expect_loaded("{\"result_backend\": \"redis://:q@h\", \"redis_password\": \"p\"}");
    assert_string_equal(config.backend.urls[0].password, "q");
}

static void what_only_python_can_do_is_refused_in_words(void **state)
{
    (void)state;
    expect_refused("{\"broker_transport_options\": {\"credential_provider\": \"a.B\"}}",
                   "names a Python class");
    expect_refused("{\"redis_backend_credential_provider\": \"a.B\"}",
                   "names a Python class");
    expect_refused("{\"result_backend_max_retries\": 3}", "cannot be limited");
    expect_loaded("{\"result_backend_max_retries\": \"inf\"}");
    expect_loaded("{\"result_backend_transport_options\": {\"retry_policy\": "
                  "{\"timeout\": 5.0}}}");
    expect_refused("{\"result_backend_transport_options\": {\"retry_policy\": "
                   "{\"timeuot\": 5.0}}}",
                   "did you mean timeout");
}

/* ---- TLS ----------------------------------------------------------------------- */

static void a_broker_without_options_verifies_nothing_and_says_so(void **state)
{
    (void)state;
    expect_loaded("{\"broker_url\": \"rediss://h/0\"}");
    assert_int_equal(config.broker.urls[0].options.tls.verify, TLS_VERIFY_NONE);
    assert_string_equal(config.broker.warning,
                        "Secure redis scheme specified (rediss) with no ssl options, "
                        "defaulting to insecure SSL behaviour.");
}

static void a_broker_with_options_verifies(void **state)
{
    (void)state;
    expect_loaded("{\"broker_url\": \"rediss://h/0?ssl_ca_certs=/ca\"}");
    assert_int_equal(config.broker.urls[0].options.tls.verify, TLS_VERIFY_REQUIRED);
    assert_string_equal(config.broker.warning, "");
    expect_loaded("{\"broker_url\": \"redis://h/0\", \"broker_use_ssl\": true}");
    assert_true(config.broker.urls[0].is_tls);
    assert_int_equal(config.broker.urls[0].options.tls.verify, TLS_VERIFY_REQUIRED);
    expect_loaded("{\"broker_url\": \"redis://h/0\", \"broker_use_ssl\": false}");
    assert_false(config.broker.urls[0].is_tls);
}

static void broker_use_ssl_takes_what_python_applications_hold(void **state)
{
    (void)state;
    expect_loaded(
        "{\"broker_url\": \"rediss://h\", \"broker_use_ssl\": "
        "{\"ssl_cert_reqs\": \"ssl.CERT_OPTIONAL\", \"ssl_ca_certs\": \"/ca\", "
        "\"certfile\": \"/c\", \"keyfile\": \"/k\"}}");
    const struct tls_options *tls = &config.broker.urls[0].options.tls;
    assert_int_equal(tls->verify, TLS_VERIFY_OPTIONAL);
    assert_string_equal(tls->ca_certs, "/ca");
    assert_string_equal(tls->certfile, "/c");
    expect_loaded("{\"broker_use_ssl\": {\"ssl_cert_reqs\": 0}}");
    assert_int_equal(config.broker.urls[0].options.tls.verify, TLS_VERIFY_NONE);
    expect_refused("{\"broker_use_ssl\": {\"ssl_cafile\": \"/ca\"}}",
                   "setting 'broker_use_ssl': unknown option 'ssl_cafile'");
    expect_refused("{\"broker_use_ssl\": {\"ssl_cert_reqs\": \"maybe\"}}",
                   "CERT_REQUIRED");
}

static void a_result_backend_must_say_whether_it_verifies(void **state)
{
    (void)state;
    expect_refused("{\"result_backend\": \"rediss://h\"}",
                   "result backend: A rediss:// URL must have parameter ssl_cert_reqs");
    expect_refused("{\"result_backend\": \"redis://h?ssl_cert_reqs=none\"}",
                   "should use the scheme rediss://");
    expect_loaded("{\"result_backend\": \"rediss://h?ssl_cert_reqs=CERT_NONE\"}");
    assert_non_null(strstr(config.backend.warning, "man in the middle"));
    expect_loaded("{\"result_backend\": \"redis://h\", \"redis_backend_use_ssl\": "
                  "{\"ssl_cert_reqs\": \"CERT_REQUIRED\"}}");
    assert_true(config.backend.urls[0].is_tls);
    assert_string_equal(config.backend.warning, "");
}

static void a_unix_socket_has_no_tls(void **state)
{
    (void)state;
    expect_refused("{\"broker_url\": \"redis+socket:///s\", \"broker_use_ssl\": true}",
                   "TLS over a unix socket");
}

/* ---- Sentinels ----------------------------------------------------------------- */

static void sentinels_are_asked_with_their_own_password(void **state)
{
    (void)state;
    expect_loaded(
        "{\"broker_url\": \"sentinel://:m@a/2;sentinel://b:7\", "
        "\"broker_transport_options\": {\"master_name\": \"mymaster\", "
        "\"min_other_sentinels\": 1, \"sentinel_kwargs\": {\"password\": \"s\", "
        "\"ssl\": true, \"ssl_ca_certs\": \"/ca\"}}}");
    assert_true(config.broker.is_sentinel);
    assert_string_equal(config.broker.master_name, "mymaster");
    assert_int_equal(config.broker.min_other_sentinels, 1);
    assert_string_equal(config.broker.master.password, "m");
    assert_int_equal(config.broker.master.db, 2);
    assert_false(config.broker.master.is_tls);
    assert_string_equal(config.broker.urls[1].password, "s");
    assert_int_equal(config.broker.urls[1].port, 7);
    assert_int_equal(config.broker.urls[1].db, 0);
    assert_true(config.broker.urls[0].is_tls);
    assert_int_equal(config.broker.urls[0].options.tls.verify, TLS_VERIFY_REQUIRED);
    assert_string_equal(config.broker.masked, "sentinel://:**@a:26379/2");
}

static void sentinels_need_a_master_name(void **state)
{
    (void)state;
    expect_refused("{\"broker_url\": \"sentinel://a\"}",
                   "'master_name' transport option must be specified.");
    expect_refused(
        "{\"result_backend\": \"sentinel://a\", \"broker_transport_options\": "
        "{\"master_name\": \"m\"}}",
        "result backend: 'master_name'");
    expect_loaded("{\"result_backend\": \"sentinel://:p@a/1;sentinel://:p@b\", "
                  "\"result_backend_transport_options\": {\"master_name\": \"m\"}}");
    assert_string_equal(config.backend.masked, "sentinel://:**@a/1;sentinel://:**@b/");
}

#define T(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_list_is_parted_by_semicolons),
        T(the_file_may_hold_a_list),
        T(a_list_that_is_wrong_is_refused),
        T(the_read_url_stands_in_for_the_broker_url),
        T(nothing_waits_for_ever_even_if_it_should),
        T(the_query_wins_over_the_settings),
        T(redis_alone_is_where_the_redis_settings_say),
        T(what_only_python_can_do_is_refused_in_words),
        T(a_broker_without_options_verifies_nothing_and_says_so),
        T(a_broker_with_options_verifies),
        T(broker_use_ssl_takes_what_python_applications_hold),
        T(a_result_backend_must_say_whether_it_verifies),
        T(a_unix_socket_has_no_tls),
        T(sentinels_are_asked_with_their_own_password),
        T(sentinels_need_a_master_name),
    };
    strcpy(file, "/tmp/petiole-endpoint-XXXXXX");
    close(mkstemp(file));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
