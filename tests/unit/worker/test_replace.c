/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery that is acknowledged and what takes its place: all of it once, or nothing
 * at all. */
#include "broker_story.h"
#include "loop.h"
#include "real_redis.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct real_redis server;

struct story {
    uv_loop_t loop;
    struct broker_story a;
};

/* One message is taken, and held. */
static void begin(struct story *s)
{
    alarm(120);
    real_redis_ask(&server, "FLUSHALL");
    *s = (struct story){0};
    loop_start(&s->loop);
    log_init(&s->loop, LOG_CRITICAL);
    broker_story_begin(&s->a, &s->loop, &server.url, "celery");
    real_redis_int(&server, "LPUSH celery %s", "{\"n\":1}");
    broker_story_up(&s->a);
    broker_story_take(&s->a, 1);
    broker_story_want(&s->a, 0);
}

static void end(struct story *s)
{
    broker_story_stop(&s->a);
    log_finish();
    loop_finish(&s->loop);
    broker_story_finish(&s->a);
}

static void replace(struct story *s, const struct broker_message *messages, size_t n)
{
    s->a.broker->ops->replace(s->a.broker, &broker_story_message(&s->a, 0)->delivery,
                              messages, n);
}

static void expect_settled(struct story *s)
{
    broker_story_await_settled(&s->a, 1);
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 0);
    assert_int_equal(real_redis_int(&server, "ZCARD unacked_index"), 0);
}

static void all_messages_take_its_place_in_their_order(void **state)
{
    const struct broker_message messages[] = {
        {{.routing_key = STR("a")}, STR("{\"m\":1}")},
        {{.routing_key = STR("b"), .priority = 6}, STR("{\"m\":2}")},
        {{.routing_key = STR("a")}, STR("{\"m\":3}")},
        {{STR("bound"), STR("key"), 0}, STR("{\"m\":4}")},
    };
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "SADD _kombu.binding.bound %s",
                   "key\x06\x16\x06\x16"
                   "c");
    replace(&s, messages, 4);
    expect_settled(&s);
    assert_string_equal(real_redis_list(&server, "a"), "{\"m\":3} {\"m\":1}");
    assert_string_equal(real_redis_list(&server, "b\x06\x16"
                                                 "6"),
                        "{\"m\":2}");
    assert_string_equal(real_redis_list(&server, "c"), "{\"m\":4}");
    assert_int_equal(s.a.broker->stats.acked, 1);
    /* Python's side finds the queues by their bindings. */
    assert_int_equal(real_redis_int(&server, "EXISTS _kombu.binding.a"), 1);
    end(&s);
}

static void a_thousand_messages_go_at_once(void **state)
{
    static struct broker_message messages[1000];
    struct story s;
    (void)state;
    begin(&s);
    for (size_t i = 0; i < 1000; i++)
        messages[i] =
            (struct broker_message){{.routing_key = STR("many")}, STR("{\"m\":1}")};
    replace(&s, messages, 1000);
    expect_settled(&s);
    assert_int_equal(real_redis_int(&server, "LLEN many"), 1000);
    end(&s);
}

static bool is_taken_over(void *ctx)
{
    return ((struct story *)ctx)->a.lost > 0;
}

/* And it is told: what the publishing ends must not end. */
static void expect_taken_over(struct story *s)
{
    loop_until(&s->loop, is_taken_over, s, "the lease is lost");
    assert_int_equal(s->a.settled, 0);
}

static void nothing_is_published_for_what_a_peer_took(void **state)
{
    const struct broker_message message = {{.routing_key = STR("a")}, STR("{}")};
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "DEL unacked");
    replace(&s, &message, 1);
    expect_taken_over(&s);
    assert_int_equal(real_redis_int(&server, "EXISTS a"), 0);
    assert_int_equal(s.a.broker->stats.leases_lost, 1);
    end(&s);
}

/* The others must not be published a second time. */
static void a_later_message_for_a_key_that_is_no_list_is_a_dead_letter(void **state)
{
    const struct broker_message messages[] = {
        {{.routing_key = STR("a")}, STR("{\"m\":1}")},
        {{.routing_key = STR("odd")}, STR("{\"m\":2}")},
        {{.routing_key = STR("a")}, STR("{\"m\":3}")},
    };
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "SET odd 1");
    replace(&s, messages, 3);
    expect_settled(&s);
    assert_string_equal(real_redis_list(&server, "a"), "{\"m\":3} {\"m\":1}");
    const char *dead = real_redis_list(&server, "petiole.dead");
    assert_non_null(strstr(dead, "{\"reason\": \"WRONGTYPE "));
    assert_non_null(strstr(dead, "\"queue\": \"odd\""));
    end(&s);
}

static bool has_complained(void *ctx)
{
    return ((struct story *)ctx)->a.redis->jobs_after_ms > 0;
}

static void it_stays_held_until_the_first_message_can_be_published(void **state)
{
    const struct broker_message messages[] = {
        {{.routing_key = STR("odd")}, STR("{\"m\":1}")},
        {{.routing_key = STR("a")}, STR("{\"m\":2}")},
    };
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "SET odd 1");
    replace(&s, messages, 2);
    loop_until(&s.loop, has_complained, &s, "the refusal is told");
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 1);
    assert_int_equal(real_redis_int(&server, "EXISTS a"), 0);
    real_redis_ask(&server, "DEL odd");
    expect_settled(&s);
    assert_string_equal(real_redis_list(&server, "odd"), "{\"m\":1}");
    assert_string_equal(real_redis_list(&server, "a"), "{\"m\":2}");
    end(&s);
}

static bool is_down(void *ctx)
{
    return ((struct story *)ctx)->a.downs > 0;
}

static bool is_over(void *ctx)
{
    return ((struct story *)ctx)->a.settled + ((struct story *)ctx)->a.lost > 0;
}

/* Killed connections, with the script at the server or before it. */
static void a_lost_connection_publishes_nothing_twice(void **state)
{
    const struct broker_message messages[] = {
        {{.routing_key = STR("a")}, STR("{\"m\":1}")},
        {{.routing_key = STR("b")}, STR("{\"m\":2}")},
    };
    struct story s;
    (void)state;
    begin(&s);
    replace(&s, messages, 2);
    redis_replace_flush(s.a.redis);
    link_flush(&s.a.redis->redis.link);
    real_redis_ask(&server, "CLIENT KILL TYPE normal SKIPME yes");
    loop_until(&s.loop, is_down, &s, "the connection is lost");
    loop_until(&s.loop, is_over, &s, "its settlement is told");
    assert_string_equal(real_redis_list(&server, "a"), "{\"m\":1}");
    assert_string_equal(real_redis_list(&server, "b"), "{\"m\":2}");
    end(&s);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_messages_take_its_place_in_their_order),
        cmocka_unit_test(a_thousand_messages_go_at_once),
        cmocka_unit_test(nothing_is_published_for_what_a_peer_took),
        cmocka_unit_test(a_later_message_for_a_key_that_is_no_list_is_a_dead_letter),
        cmocka_unit_test(it_stays_held_until_the_first_message_can_be_published),
        cmocka_unit_test(a_lost_connection_publishes_nothing_twice),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
