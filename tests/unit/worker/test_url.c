/* SPDX-License-Identifier: Apache-2.0 */
/* URLs: what kombu 5.7 makes of each, and what it shows in the log. */
#include "../../../src/link/url.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct url url;
static struct error error;

static void parse(const char *text)
{
    if (url_parse(&url, text, &error) < 0)
        fail_msg("%s: %s", text, error.msg);
}

static void expect_refused(const char *text, const char *why)
{
    if (url_parse(&url, text, &error) == 0)
        fail_msg("'%s' is taken", text);
    if (!strstr(error.msg, why))
        fail_msg("%s: '%s' does not say '%s'", text, error.msg, why);
}

/* ---- parts --------------------------------------------------------------------- */

/* Printed by kombu 5.7: Connection(url) and its as_uri(), RedisBackend(url).as_uri().
 */
static const struct {
    const char *text, *host;
    unsigned port;
    const char *user, *password;
    unsigned db;
    const char *as_broker, *as_backend;
} known[] = {
    {"redis://", "localhost", 6379, "", "", 0, "redis://:**@localhost:6379//",
     "redis:///"},
    {"redis://h", "h", 6379, "", "", 0, "redis://:**@h:6379//", "redis://h/"},
    {"redis://h/", "h", 6379, "", "", 0, "redis://:**@h:6379//", "redis://h/"},
    {"redis://h/0", "h", 6379, "", "", 0, "redis://:**@h:6379/0", "redis://h/0"},
    {"redis://h:7/3", "h", 7, "", "", 3, "redis://:**@h:7/3", "redis://h:7/3"},
    {"redis://h:/0", "h", 6379, "", "", 0, "redis://:**@h:6379/0", "redis://h/0"},
    {"redis://@h/0", "h", 6379, "", "", 0, "redis://:**@h:6379/0", "redis://h/0"},
    {"redis://:@h/0", "h", 6379, "", "", 0, "redis://:**@h:6379/0", "redis://h/0"},
    {"redis://me@h/1", "h", 6379, "me", "", 1, "redis://me:**@h:6379/1",
     "redis://me@h/1"},
    {"redis://me:p%40ss@h:7/3", "h", 7, "me", "p@ss", 3, "redis://me:**@h:7/3",
     "redis://me:**@h:7/3"},
    {"redis://a:b:c@h/0", "h", 6379, "a", "b:c", 0, "redis://a:**@h:6379/0",
     "redis://a:**@h/0"},
    {"redis://u%20x:p@h%2e:1/2", "h.", 1, "u x", "p", 2, "redis://u%20x:**@h.:1/2",
     "redis://u%20x:**@h.:1/2"},
    {"redis://h/%31", "h", 6379, "", "", 1, "redis://:**@h:6379/1", "redis://h/1"},
    {"REDIS://H.Example/0", "h.example", 6379, "", "", 0,
     "redis://:**@h.example:6379/0", "redis://h.example/0"},
    {"redis+socket:///run/r.sock", "/run/r.sock", 6379, "", "", 0,
     "redis+socket:///run/r.sock", "redis+socket:///run/r.sock"},
    {"redis+socket://:s3@/run/r.sock?virtual_host=2", "/run/r.sock", 6379, "", "s3", 2,
     "redis+socket://:**@/run/r.sock", "redis+socket://:**@/run/r.sock"},
    {"rediss://:s@h:6380/0?ssl_cert_reqs=none", "h", 6380, "", "s", 0,
     "rediss://:**@h:6380/0", "rediss://:**@h:6380/0"},
    {"sentinel://h1", "h1", 26379, "", "", 0, "sentinel://:**@h1:26379//",
     "sentinel://h1/"},
    {"sentinel://:pw@h1:26380/2", "h1", 26380, "", "pw", 2, "sentinel://:**@h1:26380/2",
     "sentinel://:**@h1:26380/2"},
};

static void urls_are_taken_apart_and_shown_as_kombu_does(void **state)
{
    char masked[URL_MASKED_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        parse(known[i].text);
        assert_string_equal(url.host, known[i].host);
        assert_int_equal(url.port, known[i].port);
        assert_string_equal(url.user, known[i].user);
        assert_string_equal(url.password, known[i].password);
        assert_int_equal(url.db, known[i].db);
        url_mask(&url, URL_MASK_BROKER, masked);
        assert_string_equal(masked, known[i].as_broker);
        url_mask(&url, URL_MASK_BACKEND, masked);
        assert_string_equal(masked, known[i].as_backend);
    }
}

static void what_kombu_refuses_but_people_write_is_taken(void **state)
{
    (void)state;
    parse("redis://:a@b/c@h/1"); /* an unquoted password */
    assert_string_equal(url.password, "a@b/c");
    assert_string_equal(url.host, "h");
    assert_int_equal(url.db, 1);
    parse("socket:///run/r.sock");
    assert_true(url.is_socket);
    parse("unix://:p@/run/r.sock?db=3");
    assert_true(url.is_socket);
    assert_int_equal(url.db, 3);
    parse("rediss+sentinel://h");
    assert_true(url.is_sentinel && url.is_tls);
}

static void an_ip6_address_stands_in_brackets(void **state)
{
    char masked[URL_MASKED_BYTES];
    (void)state;
    parse("redis://:p@[::1]:7000/");
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 7000);
    url_mask(&url, URL_MASK_BROKER, masked);
    assert_string_equal(masked, "redis://:**@[::1]:7000//");
    expect_refused("redis://[::1/0", "no closing bracket");
    expect_refused("redis://[::1]7/0", "only :port");
}

/* ---- the query ----------------------------------------------------------------- */

static void the_query_says_how_to_connect(void **state)
{
    (void)state;
    parse(
        "redis://h/1?socket_timeout=2.5&socket_connect_timeout=1&health_check_interval="
        "7&socket_keepalive=False&client_name=w%201&db=4&retry_on_timeout=true");
    assert_true(url.options.socket_timeout_s == 2.5);
    assert_true(url.options.socket_connect_timeout_s == 1);
    assert_true(url.options.health_check_interval_s == 7);
    assert_int_equal(url.options.keepalive, SAID_NO);
    assert_string_equal(url.options.client_name, "w 1");
    assert_int_equal(url.db, 4);
    assert_false(url.options.tls_said);
}

static void the_query_says_how_to_verify(void **state)
{
    static const struct {
        const char *word;
        enum tls_verify verify;
    } words[] = {
        {"none", TLS_VERIFY_NONE},
        {"CERT_NONE", TLS_VERIFY_NONE},
        {"0", TLS_VERIFY_NONE},
        {"optional", TLS_VERIFY_OPTIONAL},
        {"ssl.CERT_OPTIONAL", TLS_VERIFY_OPTIONAL},
        {"required", TLS_VERIFY_REQUIRED},
        {"VerifyMode.CERT_REQUIRED", TLS_VERIFY_REQUIRED},
        {"2", TLS_VERIFY_REQUIRED},
    };
    char text[100];
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        snprintf(text, sizeof(text), "rediss://h?ssl_cert_reqs=%s", words[i].word);
        parse(text);
        assert_int_equal(url.options.tls.verify, words[i].verify);
    }
    parse("rediss://h/0?ssl_ca_certs=%2Fetc%2Fca.pem&ssl_certfile=/c&ssl_keyfile=/k&"
          "ssl_check_hostname=false&ssl_min_version=772");
    assert_string_equal(url.options.tls.ca_certs, "/etc/ca.pem");
    assert_string_equal(url.options.tls.keyfile, "/k");
    assert_int_equal(url.options.tls.check_hostname, SAID_NO);
    assert_int_equal(url.options.tls.min_version, 0x0304);
    assert_true(url.options.tls_said);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect_refused("redis://h/0?sokcet_timeout=1", "did you mean 'socket_timeout'?");
    expect_refused("rediss://h/0?ssl_cert_req=none", "did you mean 'ssl_cert_reqs'?");
    expect_refused("redis://h/0?x=y", "unknown option 'x'");
    expect_refused("redis://h/0?socket_timeout=soon", "must be a number of seconds");
    expect_refused("redis://h/0?socket_timeout=-1", "must be a number of seconds");
    expect_refused("redis://h/0?socket_timeout=nan", "must be a number of seconds");
    expect_refused("redis://h/0?socket_keepalive=maybe", "must be true or false");
    expect_refused("rediss://h/0?ssl_cert_reqs=maybe", "CERT_REQUIRED");
    expect_refused("rediss://h/0?ssl_min_version=769", "not safe");
    expect_refused("redis://h/0?virtual_host=x", "number of a database");
    expect_refused("redis://h/0?credential_provider=a.B", "is a Python class");
    expect_refused("redis://:pa?ss@h/0", "in a password write");
    expect_refused("amqp://h", "not a transport this worker speaks");
    expect_refused("h:6379", "has no transport");
    expect_refused("redis+socket://relative", "absolute path");
}

static void an_unknown_option_may_hold_a_password_and_shows_none(void **state)
{
    (void)state;
    expect_refused("redis://h/0?pasword=hunter2", "did you mean 'password'?");
    assert_null(strstr(error.msg, "hunter2"));
    expect_refused("redis://h/0?password=hun%00ter2", "holds a NUL");
    assert_null(strstr(error.msg, "ter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart_and_shown_as_kombu_does),
        cmocka_unit_test(what_kombu_refuses_but_people_write_is_taken),
        cmocka_unit_test(an_ip6_address_stands_in_brackets),
        cmocka_unit_test(the_query_says_how_to_connect),
        cmocka_unit_test(the_query_says_how_to_verify),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(an_unknown_option_may_hold_a_password_and_shows_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
