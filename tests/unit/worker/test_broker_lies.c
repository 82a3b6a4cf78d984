/* SPDX-License-Identifier: Apache-2.0 */
/* The broker against a Redis that refuses, stalls, lies and hangs up. */
#include "broker_story.h"
#include "fake_redis.h"
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

struct story {
    uv_loop_t loop;
    struct fake_redis server;
    struct broker_story b;
};

#define TWO_MESSAGES "*2\r\n:0\r\n*2\r\n$7\r\n{\"n\":2}\r\n$7\r\n{\"n\":1}\r\n"

static void begin(struct story *s, const struct fake_rule *rules)
{
    alarm(60); /* an endless loop in one turn is beyond any timer of its own */
    loop_start(&s->loop);
    fake_redis_start(&s->server, &s->loop, rules);
    broker_story_begin(&s->b, &s->loop, &s->server.url, "celery");
    log_init(&s->loop, LOG_CRITICAL);
}

static void end(struct story *s)
{
    if (!s->b.stopped)
        broker_story_stop(&s->b);
    fake_redis_stop(&s->server);
    log_finish();
    loop_finish(&s->loop);
    broker_story_finish(&s->b);
    fake_redis_finish(&s->server);
}

static bool is_down(void *ctx)
{
    return ((struct story *)ctx)->b.downs > 0;
}

static bool is_unfit(void *ctx)
{
    return ((struct story *)ctx)->b.unfits > 0;
}

struct hearing {
    struct story *story;
    const char *command;
    unsigned least;
};

static bool is_heard(void *ctx)
{
    const struct hearing *h = ctx;
    return fake_redis_heard(&h->story->server, h->command) >= h->least;
}

static void until_heard(struct story *s, const char *command, unsigned least)
{
    struct hearing h = {s, command, least};
    loop_until(&s->loop, is_heard, &h, command);
}

/* ---- coming up ----------------------------------------------------------------- */

static void redis_6_0_is_refused_in_one_line(void **state)
{
    static const struct fake_rule rules[] = {
        {"INFO", "$36\r\n# Server\r\nredis_version:6.0.16\r\n0123\r\n", FAKE_GO_ON, 0},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.broker->ops->start(s.b.broker);
    loop_until(&s.loop, is_unfit, &s, "unfit");
    assert_string_equal(s.b.why, "Redis 6.0.16 is too old: BLMOVE needs 6.2 or newer; "
                                 "upgrade the server");
    end(&s);
}

static void a_replica_is_left(void **state)
{
    static const struct fake_rule rules[] = {
        {"INFO", "$33\r\nredis_version:7.0.15\r\nrole:slave\r\n\r\n", FAKE_GO_ON, 0},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.broker->ops->start(s.b.broker);
    loop_until(&s.loop, is_down, &s, "down");
    assert_non_null(strstr(s.b.why, "the server is a read-only replica"));
    end(&s);
}

static void a_server_that_refuses_scripts_is_left(void **state)
{
    static const struct fake_rule rules[] = {
        {"SCRIPT LOAD", "-NOPERM this user has no permissions\r\n", FAKE_GO_ON, 0},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.broker->ops->start(s.b.broker);
    loop_until(&s.loop, is_down, &s, "down");
    assert_string_equal(s.b.why,
                        "SCRIPT LOAD refused: NOPERM this user has no permissions");
    end(&s);
}

static void a_replica_that_says_so_only_when_written_to_is_left(void **state)
{
    static const struct fake_rule rules[] = {
        {"HEXISTS", "-READONLY You can't write against a read only replica.\r\n",
         FAKE_GO_ON, 0},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.broker->ops->start(s.b.broker);
    loop_until(&s.loop, is_down, &s, "down");
    assert_non_null(strstr(s.b.why, "takes no writes any more: READONLY"));
    end(&s);
}

/* ---- answers that make no sense ------------------------------------------------ */

static const struct fake_rule nonsense[] = {
    {FETCH, "*2\r\n:5\r\n:6\r\n", FAKE_GO_ON, 0},
    {FETCH, "*2\r\n:99\r\n*1\r\n$2\r\n{}\r\n", FAKE_GO_ON, 0},
    {FETCH, "*2\r\n:-1\r\n*1\r\n$2\r\n{}\r\n", FAKE_GO_ON, 0},
    {FETCH, "*2\r\n:0\r\n*2\r\n:5\r\n*0\r\n", FAKE_GO_ON, 0},
    {FETCH, "*2\r\n:0\r\n*-1\r\n", FAKE_GO_ON, 0},
    {FETCH, "*3\r\n$-1\r\n$-1\r\n$-1\r\n", FAKE_GO_ON, 0},
    {FETCH, "$2\r\n{}\r\n", FAKE_GO_ON, 0},
    {FETCH, ":1\r\n", FAKE_GO_ON, 0},
    {RENEW, "*1\r\n:5\r\n", FAKE_GO_ON, 0},
    {RENEW, "*1\r\n$3\r\nabc\r\n", FAKE_GO_ON, 0},
    {RENEW, "$-1\r\n", FAKE_GO_ON, 0},
    {ABSENT, "*2\r\n:5\r\n$-1\r\n", FAKE_GO_ON, 0},
    {ABSENT, "*1\r\n*0\r\n", FAKE_GO_ON, 0},
    {ABSENT, "+OK\r\n", FAKE_GO_ON, 0},
    {OVERDUE, "*2\r\n:5\r\n$-1\r\n", FAKE_GO_ON, 0},
    {OVERDUE, "+OK\r\n", FAKE_GO_ON, 0},
    {"HMGET", "*1\r\n:1\r\n", FAKE_GO_ON, 0},
    {"EXEC", "*2\r\n$1\r\na\r\n+b\r\n", FAKE_GO_ON, 0},
    {"EXEC", "*2\r\n-ERR a\r\n-ERR b\r\n", FAKE_GO_ON, 0},
    {"SET unacked_mutex", "$-1\r\n", FAKE_GO_ON, 0},
    {"BLMOVE", ":1\r\n", FAKE_GO_ON, 3},
    {"CLIENT UNBLOCK", "-ERR no\r\n", FAKE_GO_ON, 0},
};

static void an_answer_that_makes_no_sense_does_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        const struct fake_rule rules[] = {nonsense[i],
                                          {OVERDUE, "*1\r\n$3\r\nabc\r\n", FAKE_GO_ON,
                                           1},
                                          {FETCH, TWO_MESSAGES, FAKE_GO_ON, 1},
                                          {0}};
        struct story s;
        begin(&s, rules);
        s.b.config.visibility_timeout_s = 1; /* renew at each beat */
        s.b.broker->ops->start(s.b.broker);
        broker_story_want(&s.b, 2);
        loop_for(&s.loop, 1300); /* until behind the first beat */
        for (unsigned m = 0; m < s.b.taken; m++) {
            struct held_message *held = broker_story_message(&s.b, m);
            if (!held->lost)
                s.b.broker->ops->ack(s.b.broker, &held->delivery);
        }
        loop_for(&s.loop, 20);
        end(&s);
    }
}

static void scanned_tags_that_make_no_sense_do_no_harm(void **state)
{
    static const char *const answers[] = {"*2\r\n:0\r\n*0\r\n",
                                          "*2\r\n$1\r\n0\r\n:1\r\n",
                                          "*2\r\n$1\r\n0\r\n*2\r\n:1\r\n:2\r\n",
                                          "*1\r\n$1\r\n0\r\n", "+OK\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct fake_rule rules[] = {{"ZSCAN", answers[i], FAKE_GO_ON, 1}, {0}};
        struct story s;
        begin(&s, rules);
        broker_story_up(&s.b);
        fake_redis_hang_up(&s.server); /* then it looks for tags it does not know of */
        until_heard(&s, "ZSCAN", 1);
        loop_for(&s.loop, 20);
        end(&s);
    }
}

/* ---- the sweep's lock ---------------------------------------------------------- */

static const char *array_of(char *out, unsigned n, const char *item)
{
    int used = sprintf(out, "*%u\r\n", n);
    for (unsigned i = 0; i < n; i++)
        used += sprintf(out + used, "%s", item);
    return out;
}

static void a_sweep_locks_for_a_minute_and_renews_it_with_each_slice(void **state)
{
    char tags[4096], slice[4096], rest[4096];
    const struct fake_rule rules[] = {
        {OVERDUE, array_of(tags, 250, "$3\r\nabc\r\n"), FAKE_GO_ON, 1},
        {"HMGET", array_of(slice, 100, "$-1\r\n"), FAKE_GO_ON, 2},
        {"HMGET", array_of(rest, 50, "$-1\r\n"), FAKE_GO_ON, 1},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    until_heard(&s, "HMGET", 3);
    struct str line = fake_redis_newest(&s.server, "SET unacked_mutex");
    assert_int_equal(fake_redis_heard(&s.server, "SET unacked_mutex"), 3);
    assert_non_null(memmem(line.p, line.n, " XX PX 60000", 12));
    end(&s);
}

/* ---- refusals ------------------------------------------------------------------ */

static void a_refused_acknowledgement_is_not_repeated_at_once(void **state)
{
    static const struct fake_rule rules[] = {
        {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n",
         FAKE_GO_ON, 1},
        {FETCH, TWO_MESSAGES, FAKE_GO_ON, 1},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_take(&s.b, 2);
    s.b.broker->ops->ack(s.b.broker, &broker_story_message(&s.b, 0)->delivery);
    until_heard(&s, "EXEC", 1);
    loop_for(&s.loop, 300);
    assert_int_equal(fake_redis_heard(&s.server, "EXEC"), 1);
    broker_story_await_settled(&s.b, 1);
    end(&s);
}

static void a_refused_settlement_is_not_repeated_at_once(void **state)
{
    static const struct fake_rule rules[] = {
        {MOVE, "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
         FAKE_GO_ON, 1},
        {FETCH, TWO_MESSAGES, FAKE_GO_ON, 1},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_take(&s.b, 2);
    s.b.broker->ops->put_back(s.b.broker, &broker_story_message(&s.b, 0)->delivery,
                              BROKER_BACK, (struct str){0});
    until_heard(&s, MOVE, 1);
    loop_for(&s.loop, 300);
    assert_int_equal(fake_redis_heard(&s.server, MOVE), 1);
    broker_story_await_settled(&s.b, 1);
    end(&s);
}

static void it_stops_even_if_a_settlement_is_always_refused(void **state)
{
    static const struct fake_rule rules[] = {
        {MOVE, "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
         FAKE_GO_ON, 0},
        {FETCH, TWO_MESSAGES, FAKE_GO_ON, 1},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_take(&s.b, 2);
    s.b.broker->ops->put_back(s.b.broker, &broker_story_message(&s.b, 0)->delivery,
                              BROKER_BACK, (struct str){0});
    until_heard(&s, MOVE, 1);
    end(&s);
    assert_int_equal(s.b.settled, 0);
}

static void a_lease_that_could_not_be_renewed_is_tried_again(void **state)
{
    static const struct fake_rule rules[] = {
        {FETCH, TWO_MESSAGES, FAKE_GO_ON, 1},
        {RENEW, "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
         FAKE_GO_ON, 1},
        {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.config.visibility_timeout_s = 1;
    broker_story_up(&s.b);
    broker_story_take(&s.b, 2);
    broker_story_message(&s.b, 0)->delivery.eta_s = 4000000000;
    until_heard(&s, RENEW, 2);
    struct str second = fake_redis_newest(&s.server, RENEW);
    assert_non_null(memmem(second.p, second.n, "4000000000", 10));
    end(&s);
}

static void a_failing_fetch_takes_nothing_by_the_other_way(void **state)
{
    static const struct fake_rule rules[] = {
        {FETCH, "-WRONGTYPE Operation against a key\r\n", FAKE_GO_ON, 0}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_want(&s.b, 1);
    until_heard(&s, FETCH, 2);
    assert_int_equal(fake_redis_heard(&s.server, "BLMOVE"), 0);
    end(&s);
}

/* ---- losses -------------------------------------------------------------------- */

static void the_connection_may_be_lost_in_the_turn_that_settles(void **state)
{
    static const struct fake_rule rules[] = {{FETCH, TWO_MESSAGES, FAKE_GO_ON, 1}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_take(&s.b, 2);
    /* as a deadline does: between two of its turns */
    link_close(&s.b.redis->redis.link, "no reply");
    s.b.broker->ops->put_back(s.b.broker, &broker_story_message(&s.b, 0)->delivery,
                              BROKER_BACK, (struct str){0});
    s.b.broker->ops->ack(s.b.broker, &broker_story_message(&s.b, 1)->delivery);
    broker_story_await_settled(&s.b, 2);
    assert_int_equal(fake_redis_heard(&s.server, MOVE), 1);
    end(&s);
}

static void the_connection_may_be_lost_in_the_turn_that_wants_more(void **state)
{
    struct story s;
    (void)state;
    begin(&s, NULL);
    broker_story_up(&s.b);
    link_close(&s.b.redis->redis.link, "no reply");
    broker_story_want(&s.b, 5);
    until_heard(&s, FETCH, 1);
    end(&s);
}

static void it_may_be_stopped_by_what_it_hands_over(void **state)
{
    static const struct fake_rule rules[] = {{FETCH, TWO_MESSAGES, FAKE_GO_ON, 1}, {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    s.b.stop_in_taken = true;
    broker_story_up(&s.b);
    broker_story_want(&s.b, 2);
    loop_until_set(&s.loop, &s.b.stopped, "stopped");
    end(&s);
}

static void it_may_lose_the_server_while_it_says_good_bye(void **state)
{
    static const struct fake_rule rules[] = {{"HDEL petiole.nodes", NULL, FAKE_HANG_UP,
                                              0},
                                             {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    end(&s);
}

static void what_a_broken_listener_may_have_moved_is_looked_for(void **state)
{
    static const struct fake_rule rules[] = {{"BLMOVE celery petiole", NULL,
                                              FAKE_HANG_UP, 1},
                                             {"BLMOVE celery petiole", "*-1\r\n",
                                              FAKE_GO_ON, 1},
                                             {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    broker_story_want(&s.b, 1);
    until_heard(&s, "BLMOVE", 4);
    until_heard(&s, FETCH, 2); /* one hung up: what it had moved nobody told */
    until_heard(&s, FETCH, 3); /* and once the server must have noticed too */
    end(&s);
}

/* ---- restoring ----------------------------------------------------------------- */

static void an_index_entry_that_a_peer_removed_first_is_not_counted(void **state)
{
    static const struct fake_rule rules[] = {{OVERDUE, "*1\r\n$3\r\nabc\r\n",
                                              FAKE_GO_ON, 1},
                                             {"HMGET", "*1\r\n$-1\r\n", FAKE_GO_ON, 0},
                                             {"ZREM unacked_index abc", ":0\r\n",
                                              FAKE_GO_ON, 0},
                                             {0}};
    struct story s;
    (void)state;
    begin(&s, rules);
    broker_story_up(&s.b);
    until_heard(&s, "ZREM unacked_index abc", 1);
    until_heard(&s, "EVALSHA 7x", 1); /* the lock is given back: it is over */
    assert_int_equal(s.b.broker->stats.restored_overdue, 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_6_0_is_refused_in_one_line),
        cmocka_unit_test(a_replica_is_left),
        cmocka_unit_test(a_server_that_refuses_scripts_is_left),
        cmocka_unit_test(a_replica_that_says_so_only_when_written_to_is_left),
        cmocka_unit_test(an_answer_that_makes_no_sense_does_no_harm),
        cmocka_unit_test(scanned_tags_that_make_no_sense_do_no_harm),
        cmocka_unit_test(a_sweep_locks_for_a_minute_and_renews_it_with_each_slice),
        cmocka_unit_test(a_refused_acknowledgement_is_not_repeated_at_once),
        cmocka_unit_test(a_refused_settlement_is_not_repeated_at_once),
        cmocka_unit_test(it_stops_even_if_a_settlement_is_always_refused),
        cmocka_unit_test(a_lease_that_could_not_be_renewed_is_tried_again),
        cmocka_unit_test(a_failing_fetch_takes_nothing_by_the_other_way),
        cmocka_unit_test(the_connection_may_be_lost_in_the_turn_that_settles),
        cmocka_unit_test(the_connection_may_be_lost_in_the_turn_that_wants_more),
        cmocka_unit_test(it_may_be_stopped_by_what_it_hands_over),
        cmocka_unit_test(it_may_lose_the_server_while_it_says_good_bye),
        cmocka_unit_test(what_a_broken_listener_may_have_moved_is_looked_for),
        cmocka_unit_test(an_index_entry_that_a_peer_removed_first_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
