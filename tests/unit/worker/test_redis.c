/* SPDX-License-Identifier: Apache-2.0 */
/* A Redis connection against a server that lies, stalls and hangs up. Each lie gives
 * one clear line, and another attempt after a while. */
#include "fake_redis.h"
#include "loop.h"

#include "../../../src/redis/redis.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct story {
    uv_loop_t loop;
    struct fake_redis server;
    struct redis redis;
    struct endpoint endpoint; /* of the server's URL, as it is when it starts */
    struct redis_options options;
    bool ready, down, stopped;
    bool stop_in_reply, stop_in_down, stop_in_ready;
    unsigned readies, downs, replies, nulls;
    char why[300];
    double retry_s;
    char reply[64];
    long long integer;
};

static void on_stopped(void *ctx)
{
    ((struct story *)ctx)->stopped = true;
}

static void on_ready(void *ctx)
{
    struct story *s = ctx;
    s->ready = true;
    s->readies++;
    if (s->stop_in_ready)
        redis_stop(&s->redis, on_stopped);
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct story *s = ctx;
    (void)attempts;
    if (!s->down)
        snprintf(s->why, sizeof(s->why), "%s", why);
    s->down = true;
    s->downs++;
    s->ready = false;
    s->retry_s = retry_s;
    if (s->stop_in_down)
        redis_stop(&s->redis, on_stopped);
}

static const struct redis_events events = {on_ready, on_down, NULL};

static void begin(struct story *s, const struct fake_rule *rules)
{
    *s = (struct story){.options = {.max_reply_bytes = 1 << 20}};
    loop_start(&s->loop);
    fake_redis_start(&s->server, &s->loop, rules);
}

static void start(struct story *s)
{
    struct error e;
    s->server.url.options.socket_timeout_s = 0.3;
    s->server.url.options.socket_connect_timeout_s = 0.3;
    assert_int_equal(endpoint_init_parsed(&s->endpoint, ENDPOINT_BROKER, &s->server.url,
                                          &e),
                     0);
    redis_init(&s->redis, &s->loop, &s->endpoint, &s->options, &events, s);
    redis_start(&s->redis);
}

static void become_ready(struct story *s)
{
    start(s);
    loop_until_set(&s->loop, &s->ready, "READY");
}

static void end(struct story *s)
{
    redis_stop(&s->redis, on_stopped);
    loop_until_set(&s->loop, &s->stopped, "stopped");
    fake_redis_stop(&s->server);
    loop_finish(&s->loop);
    redis_finish(&s->redis);
    endpoint_finish(&s->endpoint);
    fake_redis_finish(&s->server);
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct story *s = ctx;
    s->replies++;
    s->nulls += !reply;
    if (reply && reply->str)
        snprintf(s->reply, sizeof(s->reply), "%s", reply->str);
    if (reply)
        s->integer = reply->integer;
    if (s->stop_in_reply)
        redis_stop(&s->redis, on_stopped);
}

static bool has_reply(void *ctx)
{
    return ((struct story *)ctx)->replies > 0;
}

/* ---- a healthy server ---------------------------------------------------------- */

static void a_healthy_server_is_greeted(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    become_ready(&s);
    assert_int_equal(s.redis.server.major, 7);
    assert_int_equal(s.redis.client_id, 7);
    assert_false(s.redis.server.read_only);
    assert_string_equal(s.redis.server.maxmemory_policy, "noeviction");
    end(&s);
    assert_int_equal(s.downs, 0);
}

static void replies_torn_at_each_byte_are_put_together(void **state)
{
    static const struct fake_rule rules[] = {{"ECHO", "$11\r\nhello\r\nyou!\r\n",
                                              FAKE_GO_ON, 0},
                                             {0}};
    (void)state;
    for (size_t tear = 1; tear < 20; tear++) {
        struct story s;
        begin(&s, rules);
        s.server.tear_bytes = tear;
        become_ready(&s);
        redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
        loop_until(&s.loop, has_reply, &s, "a reply");
        assert_string_equal(s.reply, "hello\r\nyou!");
        end(&s);
    }
}

static void user_password_and_database_are_sent_first(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    strcpy(s.server.url.user, "me");
    strcpy(s.server.url.password, "secret");
    s.server.url.db = 3;
    become_ready(&s);
    assert_int_equal(fake_redis_heard(&s.server, "AUTH me secret"), 1);
    assert_int_equal(fake_redis_heard(&s.server, "SELECT 3"), 1);
    end(&s);
}

/* ---- lies during the greeting -------------------------------------------------- */

struct lie {
    const char *name;
    struct fake_rule rule;
    const char *why; /* is in the line that is told */
};

#define INFO_6_0 "$22\r\nredis_version:6.0.16\r\n\r\n"
static const struct lie lies[] = {
    {"an array of 2^31-1", {"INFO", "*2147483647\r\n", FAKE_GO_ON, 0}, "Redis"},
    {"an array just beyond what is taken",
     {"INFO", "*131073\r\n", FAKE_GO_ON, 0},
     "Redis"},
    {"an array beyond any integer",
     {"INFO", "*99999999999999\r\n", FAKE_GO_ON, 0},
     "Redis"},
    {"nested ever deeper",
     {"INFO", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", FAKE_GO_ON, 0},
     "Redis"},
    {"512 MB announced, then silence",
     {"INFO", "$536870912\r\nabc", FAKE_GO_ON, 0},
     "no reply within 0.3 s"},
    {"a length that is negative", {"INFO", "$-7\r\n", FAKE_GO_ON, 0}, "Redis"},
    {"a length that is no number", {"INFO", "$abc\r\n", FAKE_GO_ON, 0}, "Redis"},
    {"HTTP",
     {"", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", FAKE_HANG_UP, 0},
     "does not speak Redis"},
    {"TLS", {"", "\x15\x03\x03", FAKE_HANG_UP, 0}, "does not speak Redis"},
    {"loading",
     {"CLIENT ID", "-LOADING Redis is loading the dataset in memory\r\n", FAKE_GO_ON,
      0},
     "LOADING Redis is loading"},
    {"NOAUTH",
     {"CLIENT ID", "-NOAUTH Authentication required.\r\n", FAKE_GO_ON, 0},
     "NOAUTH Authentication required. (the URL has no password"},
    {"WRONGPASS",
     {"AUTH", "-WRONGPASS invalid username-password pair\r\n", FAKE_GO_ON, 0},
     "AUTH refused: WRONGPASS"},
    {"a database that is not there",
     {"SELECT", "-ERR DB index is out of range\r\n", FAKE_GO_ON, 0},
     "SELECT refused: ERR DB index"},
    {"INFO that is not allowed",
     {"INFO", "-NOPERM this user has no permissions\r\n", FAKE_GO_ON, 0},
     "INFO refused: NOPERM"},
    {"INFO that is a number", {"INFO", ":1\r\n", FAKE_GO_ON, 0}, "INFO"},
    {"INFO that is nothing", {"INFO", "$-1\r\n", FAKE_GO_ON, 0}, "INFO"},
    {"INFO that is a list", {"INFO", "*1\r\n:1\r\n", FAKE_GO_ON, 0}, "INFO"},
    {"hanging up at once", {"", "", FAKE_HANG_UP, 0}, "closed"},
    {"hanging up in a reply", {"INFO", "$400\r\nredis_ver", FAKE_HANG_UP, 0}, "closed"},
    {"silence", {"CLIENT ID", NULL, FAKE_GO_ON, 0}, "no reply within 0.3 s"},
};

static void expect_lie(const struct lie *lie, size_t tear)
{
    struct story s;
    struct fake_rule rules[] = {lie->rule, {0}};
    begin(&s, rules);
    s.server.tear_bytes = tear;
    strcpy(s.server.url.password, "hunter2");
    s.server.url.db = 1;
    start(&s);
    loop_until_set(&s.loop, &s.down, lie->name);
    if (!strstr(s.why, lie->why))
        fail_msg("%s: '%s' does not say '%s'", lie->name, s.why, lie->why);
    assert_null(strstr(s.why, "hunter2"));
    assert_null(strchr(s.why, '\n'));
    assert_int_equal(s.readies, 0);
    assert_true(s.retry_s >= 1); /* a first attempt is repeated in Celery's seconds */
    end(&s);
}

static void each_lie_gives_one_line_and_another_attempt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        expect_lie(&lies[i], 0);
}

static void each_lie_is_seen_through_when_torn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        expect_lie(&lies[i], 1);
}

static void the_role_is_found_behind_words_that_end_alike(void **state)
{
    static const struct fake_rule rules[] = {
        {"INFO",
         "$84\r\nredis_version:7.0.15\r\nexecutable:/srv/role/redis-server\r\n"
         "x_role:master\r\nrole:slave\r\n\r\n",
         FAKE_GO_ON, 0},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    become_ready(&s);
    assert_true(s.redis.server.read_only);
    end(&s);
}

/* ---- losses -------------------------------------------------------------------- */

static void a_lost_connection_answers_what_was_asked_and_comes_back(void **state)
{
    static const struct fake_rule rules[] = {{"ECHO", NULL, FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    become_ready(&s);
    for (int i = 0; i < 200; i++)
        redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    loop_for(&s.loop, 50);
    fake_redis_hang_up(&s.server);
    loop_until_set(&s.loop, &s.down, "down");
    assert_int_equal(s.replies, 200);
    assert_int_equal(s.nulls, 200);
    loop_until_set(&s.loop, &s.ready, "READY again");
    assert_int_equal(s.readies, 2);
    end(&s);
}

static void a_silent_server_is_left(void **state)
{
    static const struct fake_rule rules[] = {{"ECHO", NULL, FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    become_ready(&s);
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    loop_until_set(&s.loop, &s.down, "down");
    assert_string_equal(s.why, "no reply within 0.3 s");
    assert_int_equal(s.nulls, 1);
    end(&s);
}

static void a_reply_that_is_too_large_is_not_waited_for(void **state)
{
    static char reply[9000] = "$536870912\r\n";
    static const struct fake_rule rules[] = {{"ECHO", reply, FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    memset(reply + strlen(reply), 'x', sizeof(reply) - strlen(reply) - 1);
    begin(&s, rules);
    s.options.max_reply_bytes = 8000;
    become_ready(&s);
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    loop_until_set(&s.loop, &s.down, "down");
    assert_non_null(strstr(s.why, "larger than the 8000 bytes"));
    end(&s);
}

static void a_reply_nobody_asked_for_ends_the_connection(void **state)
{
    static const struct fake_rule rules[] = {{"ECHO", "+a\r\n+b\r\n", FAKE_GO_ON, 0},
                                             {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    become_ready(&s);
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    loop_until_set(&s.loop, &s.down, "down");
    assert_string_equal(s.reply, "a");
    assert_non_null(strstr(s.why, "a reply nobody asked for"));
    end(&s);
}

/* A server that greets and then hangs up, again and again. */
static void a_server_that_greets_and_leaves_is_asked_ever_less_often(void **state)
{
    static const struct fake_rule rules[] = {{"INFO", NULL, FAKE_HANG_UP, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, NULL);
    become_ready(&s);
    for (int i = 1; i <= 4; i++) {
        s.down = false;
        fake_redis_hang_up(&s.server);
        loop_until_set(&s.loop, &s.down, "down");
        if (i < 4)
            loop_until_set(&s.loop, &s.ready, "READY");
    }
    assert_true(s.retry_s > 0.75);
    fake_redis_script(&s.server, rules);
    end(&s);
}

/* ---- closing from anywhere ----------------------------------------------------- */

static void it_can_be_stopped_in_a_reply(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    s.stop_in_reply = true;
    become_ready(&s);
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    redis_words(&s.redis, on_reply, &s, "ECHO", "y", NULL);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    end(&s);
    assert_int_equal(s.replies, 2);
    assert_int_equal(s.nulls, 1);
}

static void it_can_be_stopped_in_the_reply_of_a_lost_connection(void **state)
{
    static const struct fake_rule rules[] = {{"ECHO", NULL, FAKE_HANG_UP, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.stop_in_reply = true;
    become_ready(&s);
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    end(&s);
    assert_int_equal(s.nulls, 1);
}

static void it_can_be_stopped_when_told_of_a_loss(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    s.stop_in_down = true;
    become_ready(&s);
    fake_redis_hang_up(&s.server);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    end(&s);
}

static void it_can_be_stopped_when_told_of_being_ready(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    s.stop_in_ready = true;
    start(&s);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    end(&s);
    assert_int_equal(s.downs, 0);
}

static void it_can_be_stopped_before_it_is_connected(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    start(&s);
    end(&s);
    assert_int_equal(s.readies, 0);
}

static void it_can_be_stopped_while_greeting(void **state)
{
    static const struct fake_rule rules[] = {{"INFO", NULL, FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    start(&s);
    loop_for(&s.loop, 50);
    assert_int_equal(s.redis.state, REDIS_GREETING);
    end(&s);
}

static void it_can_be_stopped_while_waiting_to_try_again(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    strcpy(s.server.url.host, "/nowhere/at/all");
    start(&s);
    loop_until_set(&s.loop, &s.down, "down");
    assert_int_equal(s.redis.state, REDIS_DOWN);
    assert_non_null(strstr(s.why, "no such file"));
    end(&s);
}

static void it_can_be_stopped_while_a_name_is_looked_up(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    s.server.url.is_socket = false;
    strcpy(s.server.url.host, "no-such-host.invalid");
    s.server.url.port = 6379;
    start(&s);
    end(&s);
    assert_int_equal(s.downs, 0);
}

static void commands_of_a_lost_connection_fail_at_once(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    become_ready(&s);
    link_close(&s.redis.link, "a reason");
    redis_words(&s.redis, on_reply, &s, "ECHO", "x", NULL);
    assert_int_equal(s.nulls, 1);
    loop_until_set(&s.loop, &s.down, "down");
    assert_string_equal(s.why, "a reason");
    end(&s);
}

/* The log goes straight to standard error here, as nobody has begun one. */
static size_t errors_said_during(struct story *s, void (*act)(struct story *s))
{
    FILE *log = tmpfile();
    int stderr_fd = dup(STDERR_FILENO);
    char line[400];
    size_t n = 0;
    assert_non_null(log);
    dup2(fileno(log), STDERR_FILENO);
    act(s);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    rewind(log);
    while (fgets(line, sizeof(line), log))
        n += strstr(line, "ERROR") && strstr(line, "cannot ");
    fclose(log);
    return n;
}

static void complain_of_two_kinds_in_turn(struct story *s)
{
    for (int i = 0; i < 10; i++) {
        redis_complain(&s->redis, "acknowledge", "EXECABORT Transaction discarded", 1);
        redis_complain(&s->redis, "take messages", "OOM command not allowed", 1);
    }
}

static void complain_of_ever_new_kinds(struct story *s)
{
    char text[32];
    for (int i = 0; i < 3 * REDIS_COMPLAINTS; i++) {
        snprintf(text, sizeof(text), "KIND%d of error", i);
        redis_complain(&s->redis, "acknowledge", text, 1);
    }
}

static void errors_that_alternate_are_said_once_each(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    become_ready(&s);
    assert_int_equal(errors_said_during(&s, complain_of_two_kinds_in_turn), 2);
    assert_int_equal(errors_said_during(&s, complain_of_two_kinds_in_turn), 0);
    assert_int_equal(errors_said_during(&s, complain_of_ever_new_kinds),
                     3 * REDIS_COMPLAINTS);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_server_is_greeted),
        cmocka_unit_test(replies_torn_at_each_byte_are_put_together),
        cmocka_unit_test(user_password_and_database_are_sent_first),
        cmocka_unit_test(each_lie_gives_one_line_and_another_attempt),
        cmocka_unit_test(each_lie_is_seen_through_when_torn),
        cmocka_unit_test(the_role_is_found_behind_words_that_end_alike),
        cmocka_unit_test(a_lost_connection_answers_what_was_asked_and_comes_back),
        cmocka_unit_test(a_silent_server_is_left),
        cmocka_unit_test(a_reply_that_is_too_large_is_not_waited_for),
        cmocka_unit_test(a_reply_nobody_asked_for_ends_the_connection),
        cmocka_unit_test(a_server_that_greets_and_leaves_is_asked_ever_less_often),
        cmocka_unit_test(it_can_be_stopped_in_a_reply),
        cmocka_unit_test(it_can_be_stopped_in_the_reply_of_a_lost_connection),
        cmocka_unit_test(it_can_be_stopped_when_told_of_a_loss),
        cmocka_unit_test(it_can_be_stopped_when_told_of_being_ready),
        cmocka_unit_test(it_can_be_stopped_before_it_is_connected),
        cmocka_unit_test(it_can_be_stopped_while_greeting),
        cmocka_unit_test(it_can_be_stopped_while_waiting_to_try_again),
        cmocka_unit_test(it_can_be_stopped_while_a_name_is_looked_up),
        cmocka_unit_test(commands_of_a_lost_connection_fail_at_once),
        cmocka_unit_test(errors_that_alternate_are_said_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
