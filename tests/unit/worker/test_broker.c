/* SPDX-License-Identifier: Apache-2.0 */
/* The broker on a real Redis: what it takes, in which order, and that nothing is lost
 * whatever goes wrong. */
#include "broker_story.h"
#include "loop.h"
#include "real_redis.h"

#include "../protocol/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct real_redis server;

struct story {
    uv_loop_t loop;
    struct broker_story a, b;
    bool has_b;
};

static void begin_queues(struct story *s, const char *queues)
{
    alarm(120);
    real_redis_ask(&server, "FLUSHALL");
    *s = (struct story){0};
    loop_start(&s->loop);
    log_init(&s->loop, LOG_CRITICAL);
    broker_story_begin(&s->a, &s->loop, &server.url, queues);
}

static void begin(struct story *s)
{
    begin_queues(s, "celery");
}

/* A second node. */
static void join(struct story *s)
{
    broker_story_begin(&s->b, &s->loop, &server.url, "celery");
    broker_story_up(&s->b);
    s->has_b = true;
}

static void end(struct story *s)
{
    if (!s->a.stopped)
        broker_story_stop(&s->a);
    if (s->has_b)
        broker_story_stop(&s->b);
    log_finish();
    loop_finish(&s->loop);
    broker_story_finish(&s->a);
    if (s->has_b)
        broker_story_finish(&s->b);
}

static void push(const char *list, const char *text)
{
    real_redis_int(&server, "LPUSH %s %s", list, text);
}

static void expect_taken(struct broker_story *s, const char *const *texts)
{
    for (unsigned i = 0; texts[i]; i++)
        assert_string_equal(broker_story_message(s, i)->text, texts[i]);
}

static const char *tag_of(struct broker_story *s, unsigned i)
{
    static char tag[TAG_BYTES];
    redis_broker_tag(s->redis, broker_story_message(s, i)->delivery.tag, tag);
    return tag;
}

struct wait {
    const char *command, *key;
    long long least;
};

static bool there_are(void *ctx)
{
    const struct wait *w = ctx;
    return real_redis_int(&server, "%s %s", w->command, w->key) >= w->least;
}

/* Until LLEN, HLEN, … of the key is at least this. */
static void await(struct story *s, const char *command, const char *key, long long n)
{
    char text[64];
    snprintf(text, sizeof(text), "%s %s", command, key);
    char *format = strdup(text);
    struct wait w = {command, key, n};
    loop_until(&s->loop, there_are, &w, format);
    free(format);
}

/* ---- taking -------------------------------------------------------------------- */

static void messages_are_taken_by_priority_then_by_age(void **state)
{
    static const char *const expected[] = {"{\"p0\":1}", "{\"p0\":2}", "{\"p3\":1}",
                                           "{\"p9\":1}", NULL};
    struct story s;
    (void)state;
    begin(&s);
    push("celery\x06\x16"
         "9",
         "{\"p9\":1}");
    push("celery\x06\x16"
         "3",
         "{\"p3\":1}");
    push("celery", "{\"p0\":1}");
    push("celery", "{\"p0\":2}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 4);
    expect_taken(&s.a, expected);
    end(&s);
}

static void queues_take_turns(void **state)
{
    struct story s;
    (void)state;
    begin_queues(&s, "a,b,c");
    for (int i = 0; i < 3; i++) {
        push("a", "{\"q\":\"a\"}");
        push("b", "{\"q\":\"b\"}");
        push("c", "{\"q\":\"c\"}");
    }
    broker_story_up(&s.a);
    for (unsigned i = 1; i <= 6; i++)
        broker_story_take(&s.a, i);
    for (unsigned i = 0; i < 6; i++) {
        const char queue[] = {"abc"[i % 3], '\0'};
        assert_string_equal(broker_story_message(&s.a, i)->queue, queue);
    }
    end(&s);
}

static void what_is_taken_is_booked_as_kombu_books_it(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "{\"body\": \"W10=\"}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    assert_string_equal(real_redis_text(&server, "HGET unacked %s", tag_of(&s.a, 0)),
                        "[{\"body\": \"W10=\"}, \"\", \"celery\"]");
    const char *score =
        real_redis_text(&server, "ZSCORE unacked_index %s", tag_of(&s.a, 0));
    assert_null(strchr(score, '.'));
    assert_int_equal(real_redis_int(&server, "EXISTS celery"), 0);
    assert_true(real_redis_int(&server, "SISMEMBER _kombu.binding.celery %s",
                               "celery\x06\x16\x06\x16"
                               "celery"));
    s.a.broker->ops->ack(s.a.broker, &broker_story_message(&s.a, 0)->delivery);
    broker_story_await_settled(&s.a, 1);
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 0);
    assert_int_equal(real_redis_int(&server, "ZCARD unacked_index"), 0);
    assert_int_equal(s.a.broker->stats.acked, 1);
    end(&s);
}

static void an_idle_worker_is_woken_by_each_of_its_lists(void **state)
{
    static const char *const lists[] = {"celery",
                                        "celery\x06\x16"
                                        "3",
                                        "celery\x06\x16"
                                        "6",
                                        "celery\x06\x16"
                                        "9"};
    struct story s;
    (void)state;
    begin(&s);
    broker_story_up(&s.a);
    broker_story_want(&s.a, 100);
    loop_for(&s.loop, 100);
    for (unsigned i = 0; i < 4; i++) {
        push(lists[i], "{}");
        await(&s, "HLEN", "unacked", i + 1);
    }
    end(&s);
}

static void what_is_no_message_becomes_a_dead_letter(void **state)
{
    static const char *const bad[] = {"[1]", "", "nonsense", "{", "\xff{}", "\"{}\""};
    struct story s;
    (void)state;
    begin(&s);
    s.a.config.message_max_bytes = 64;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        push("celery", bad[i]);
    push("celery",
         "{\"large\": \"0123456789012345678901234567890123456789012345678901234\"}");
    push("celery", "{\"good\": 1}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    assert_string_equal(broker_story_message(&s.a, 0)->text, "{\"good\": 1}");
    assert_int_equal(real_redis_int(&server, "LLEN petiole.dead"), 7);
    assert_int_equal(real_redis_int(&server, "LLEN celery"), 0);
    const char *dead = real_redis_list(&server, "petiole.dead");
    assert_non_null(strstr(dead, "larger than message_max_bytes"));
    assert_non_null(strstr(dead, "\"message\": \"\\u00ff{}\""));
    end(&s);
}

static void no_more_is_taken_than_is_wanted(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    for (int i = 0; i < 10; i++)
        push("celery", "{}");
    broker_story_up(&s.a);
    broker_story_want(&s.a, 3); /* said once */
    loop_for(&s.loop, 300);
    assert_int_equal(s.a.taken, 3);
    assert_int_equal(real_redis_int(&server, "LLEN celery"), 7);
    end(&s);
}

/* ---- a fetch that fails -------------------------------------------------------- */

static void expect_intact(struct story *s, const char *why)
{
    (void)why;
    broker_story_want(&s->a, 2);
    loop_for(&s->loop, 1300); /* one retry included */
    broker_story_want(&s->a, 0);
    assert_int_equal(s->a.taken, 0);
    assert_string_equal(real_redis_list(&server, "celery"), "{\"n\":2} {\"n\":1}");
}

static void nothing_is_lost_if_unacked_is_no_hash(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "SET unacked oops");
    push("celery", "{\"n\":1}");
    push("celery", "{\"n\":2}");
    broker_story_up(&s.a);
    expect_intact(&s, "a string where the hash should be");
    real_redis_ask(&server, "DEL unacked");
    broker_story_take(&s.a, 2);
    end(&s);
}

static void log_in(struct story *s)
{
    strcpy(s->a.config.broker.urls[0].user, "worker");
    strcpy(s->a.config.broker.urls[0].password, "secret");
}

static void nothing_is_lost_if_a_right_is_taken_away(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "ACL SETUSER worker on >secret ~* &* +@all");
    log_in(&s);
    push("celery", "{\"n\":1}");
    push("celery", "{\"n\":2}");
    broker_story_up(&s.a);
    real_redis_ask(&server, "ACL SETUSER worker -hset");
    expect_intact(&s, "HSET is refused");
    real_redis_ask(&server, "ACL SETUSER worker +hset");
    broker_story_take(&s.a, 2);
    end(&s);
}

static bool is_down(void *ctx)
{
    return ((struct broker_story *)ctx)->downs > 0;
}

static void a_worker_that_cannot_register_takes_nothing(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "ACL SETUSER worker on >secret ~* &* +@all -hset");
    log_in(&s);
    push("celery", "{\"n\":1}");
    s.a.broker->ops->start(s.a.broker);
    broker_story_want(&s.a, 1);
    loop_until(&s.loop, is_down, &s.a, "down");
    assert_non_null(strstr(s.a.why, "refuses what a worker needs: NOPERM"));
    assert_int_equal(s.a.taken, 0);
    real_redis_ask(&server, "ACL DELUSER worker");
    end(&s);
}

/* ---- settling ------------------------------------------------------------------ */

static void put_back(struct story *s, unsigned i, enum broker_side side,
                     const char *text)
{
    s->a.broker->ops->put_back(s->a.broker, &broker_story_message(&s->a, i)->delivery,
                               side, text ? str_of(text) : (struct str){0});
}

static void what_is_put_back_stands_where_it_should(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    for (int i = 1; i <= 5; i++) {
        char text[16];
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        push("celery", text);
    }
    broker_story_up(&s.a);
    broker_story_take(&s.a, 3);
    put_back(&s, 2, BROKER_FRONT, NULL);
    put_back(&s, 1, BROKER_FRONT, "{\"marked\":2}");
    put_back(&s, 0, BROKER_BACK, NULL);
    broker_story_await_settled(&s.a, 3);
    assert_string_equal(real_redis_list(&server, "celery"),
                        "{\"n\":1} {\"n\":5} {\"n\":4} {\"n\":3} {\"marked\":2}");
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 0);
    assert_int_equal(real_redis_int(&server, "ZCARD unacked_index"), 0);
    end(&s);
}

static void what_is_buried_is_kept_with_the_reason(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "{\"n\":1}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    const struct broker_burial burial = {STR("it \"killed\" three children"),
                                         STR("demo.add"), STR("id1")};
    s.a.broker->ops->bury(s.a.broker, &broker_story_message(&s.a, 0)->delivery,
                          &burial);
    broker_story_await_settled(&s.a, 1);
    const char *dead = real_redis_list(&server, "petiole.dead");
    assert_non_null(strstr(dead, "{\"reason\": \"it \\\"killed\\\" three children\", "
                                 "\"queue\": \"celery\", \"task\": \"demo.add\", "
                                 "\"id\": \"id1\", \"time\": "));
    assert_non_null(strstr(dead, "\"message\": \"{\\\"n\\\":1}\"}"));
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 0);
    end(&s);
}

static bool has_lost(void *ctx)
{
    return ((struct broker_story *)ctx)->lost > 0;
}

static void a_tag_that_a_peer_took_is_told_as_lost(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "{\"n\":1}");
    push("celery", "{\"n\":2}");
    s.a.config.visibility_timeout_s = 4;
    broker_story_up(&s.a);
    broker_story_take(&s.a, 2);
    real_redis_int(&server, "ZREM unacked_index %s", tag_of(&s.a, 0));
    loop_until(&s.loop, has_lost, &s.a, "the loss is noticed");
    assert_true(broker_story_message(&s.a, 0)->lost);
    assert_false(broker_story_message(&s.a, 1)->lost);
    end(&s);
}

static void a_settlement_of_what_a_peer_took_changes_nothing(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "{\"n\":1}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    real_redis_int(&server, "ZREM unacked_index %s", tag_of(&s.a, 0));
    real_redis_int(&server, "HDEL unacked %s", tag_of(&s.a, 0));
    put_back(&s, 0, BROKER_FRONT, NULL);
    broker_story_await_settled(&s.a, 1);
    assert_int_equal(real_redis_int(&server, "LLEN celery"), 0);
    assert_int_equal(s.a.broker->stats.leases_lost, 1);
    end(&s);
}

/* ---- leaving ------------------------------------------------------------------- */

static void quiescing_empties_the_inboxes_in_order(void **state)
{
    char inbox[REDIS_KEY_BYTES];
    struct story s;
    (void)state;
    begin(&s);
    broker_story_up(&s.a);
    snprintf(inbox, sizeof(inbox), "petiole.inbox.%s.celery", s.a.redis->id);
    push("celery", "{\"n\":3}");
    push(inbox, "{\"n\":1}");
    push(inbox, "{\"n\":2}");
    broker_story_quiesce(&s.a);
    assert_string_equal(real_redis_list(&server, "celery"),
                        "{\"n\":3} {\"n\":2} {\"n\":1}");
    broker_story_stop(&s.a);
    assert_int_equal(real_redis_int(&server, "HLEN petiole.nodes"), 0);
    end(&s);
}

static void a_worker_that_leaves_with_messages_stays_known_to_its_peers(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "{\"n\":1}");
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    broker_story_stop(&s.a); /* without settling it: out of patience */
    assert_int_equal(real_redis_int(&server, "HLEN petiole.nodes"), 1);
    end(&s);
}

static void a_worker_that_leaves_in_haste_leaves_its_inbox_to_its_peers(void **state)
{
    char inbox[REDIS_KEY_BYTES];
    struct story s;
    (void)state;
    begin(&s);
    broker_story_up(&s.a);
    snprintf(inbox, sizeof(inbox), "petiole.inbox.%s.celery", s.a.redis->id);
    push(inbox, "{\"n\":1}"); /* as its listener does */
    broker_story_stop(&s.a);
    join(&s);
    await(&s, "LLEN", "celery", 1);
    end(&s);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_taken_by_priority_then_by_age),
        cmocka_unit_test(queues_take_turns),
        cmocka_unit_test(what_is_taken_is_booked_as_kombu_books_it),
        cmocka_unit_test(an_idle_worker_is_woken_by_each_of_its_lists),
        cmocka_unit_test(what_is_no_message_becomes_a_dead_letter),
        cmocka_unit_test(no_more_is_taken_than_is_wanted),
        cmocka_unit_test(nothing_is_lost_if_unacked_is_no_hash),
        cmocka_unit_test(nothing_is_lost_if_a_right_is_taken_away),
        cmocka_unit_test(a_worker_that_cannot_register_takes_nothing),
        cmocka_unit_test(what_is_put_back_stands_where_it_should),
        cmocka_unit_test(what_is_buried_is_kept_with_the_reason),
        cmocka_unit_test(a_tag_that_a_peer_took_is_told_as_lost),
        cmocka_unit_test(a_settlement_of_what_a_peer_took_changes_nothing),
        cmocka_unit_test(quiescing_empties_the_inboxes_in_order),
        cmocka_unit_test(a_worker_that_leaves_with_messages_stays_known_to_its_peers),
        cmocka_unit_test(a_worker_that_leaves_in_haste_leaves_its_inbox_to_its_peers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
