/* SPDX-License-Identifier: Apache-2.0 */
/* What dead nodes held comes back: whole, in order, marked; what live ones hold does
 * not. */
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
    struct broker_story a, b; /* b is who restores */
};

static void begin_queues(struct story *s, const char *queues)
{
    alarm(120);
    real_redis_ask(&server, "FLUSHALL");
    *s = (struct story){0};
    loop_start(&s->loop);
    log_init(&s->loop, LOG_CRITICAL);
    broker_story_begin(&s->a, &s->loop, &server.url, queues);
    broker_story_begin(&s->b, &s->loop, &server.url, queues);
}

static void begin(struct story *s)
{
    begin_queues(s, "celery");
}

static void end(struct story *s)
{
    if (!s->a.stopped)
        broker_story_stop(&s->a);
    broker_story_stop(&s->b);
    log_finish();
    loop_finish(&s->loop);
    broker_story_finish(&s->a);
    broker_story_finish(&s->b);
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

static void await(struct story *s, const char *command, const char *key, long long n)
{
    struct wait w = {command, key, n};
    loop_until(&s->loop, there_are, &w, key);
}

/* Dies, and its key is gone at once instead of after its TTL. */
static void die(struct story *s)
{
    broker_story_die(&s->a);
    real_redis_int(&server, "DEL petiole.node.%s", s->a.redis->id);
}

static bool forgotten(void *ctx)
{
    (void)ctx;
    return real_redis_int(&server, "HLEN petiole.nodes") == 1;
}

/* A message as kombu writes it, told apart by its correlation id. */
static const char *message(const char *id, int priority, bool redelivered)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "{\"body\": \"W10=\", \"content-encoding\": \"utf-8\", \"content-type\": "
             "\"application/json\", \"headers\": {%s}, \"properties\": "
             "{\"correlation_id\": \"%s\", \"delivery_mode\": 2, \"delivery_info\": "
             "{\"exchange\": \"\", \"routing_key\": \"celery\"%s}, \"priority\": %d, "
             "\"body_encoding\": \"base64\", \"delivery_tag\": \"%s\"}}",
             redelivered ? "\"redelivered\": true" : "", id,
             redelivered ? ", \"redelivered\": true" : "", priority, id);
    return text;
}

static void push(const char *list, const char *id, int priority)
{
    real_redis_int(&server, "LPUSH %s %s", list, message(id, priority, false));
}

/* As a Python worker books it: a score with a fraction. */
static void hold_like_kombu(const char *tag, double age_s, int priority,
                            const char *exchange, const char *routing_key)
{
    char held[1024];
    long long now = atoll(real_redis_ask(&server, "TIME")->element[0]->str);
    snprintf(held, sizeof(held), "[%s, \"%s\", \"%s\"]", message(tag, priority, false),
             exchange, routing_key);
    real_redis_int(&server, "HSET unacked %s %s", tag, held);
    real_redis_int(&server, "ZADD unacked_index %f %s", (double)now - age_s + 0.25,
                   tag);
}

static void expect_item(const char *list, int index, const char *text)
{
    assert_string_equal(real_redis_text(&server, "LINDEX %s %d", list, index), text);
}

/* ---- a dead node --------------------------------------------------------------- */

static void what_a_dead_node_held_comes_back_in_order_and_marked(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "one", 0);
    push("celery", "two", 0);
    push("celery\x06\x16"
         "6",
         "urgent-not", 7);
    broker_story_up(&s.a);
    broker_story_take(&s.a, 3);
    push("celery", "three", 0);
    die(&s);
    broker_story_up(&s.b);
    await(&s, "LLEN", "celery", 3);
    await(&s, "LLEN",
          "celery\x06\x16"
          "6",
          1);
    expect_item("celery", -1, message("one", 0, true));
    expect_item("celery", -2, message("two", 0, true));
    expect_item("celery", -3, message("three", 0, false));
    expect_item("celery\x06\x16"
                "6",
                0, message("urgent-not", 7, true));
    loop_until(&s.loop, forgotten, NULL, "the dead node is forgotten");
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 0);
    assert_int_equal(s.b.broker->stats.restored_from_dead, 3);
    end(&s);
}

static void a_dead_nodes_inbox_is_emptied(void **state)
{
    char inbox[REDIS_KEY_BYTES];
    struct story s;
    (void)state;
    begin(&s);
    broker_story_up(&s.a);
    snprintf(inbox, sizeof(inbox), "petiole.inbox.%s.celery", s.a.redis->id);
    die(&s);
    push("celery", "two", 0);
    push(inbox, "one", 0);
    broker_story_up(&s.b);
    await(&s, "LLEN", "celery", 2);
    expect_item("celery", -1, message("one", 0, false));
    end(&s);
}

static bool is_refused(void *ctx)
{
    const char *stats = real_redis_text(&server, "INFO commandstats");
    const char *line = strstr(stats, "cmdstat_lmove:");
    const char *calls = line ? strstr(line, "rejected_calls=") : NULL;
    (void)ctx;
    return calls && atoi(calls + strlen("rejected_calls=")) >= 1;
}

/* LMOVE needs memory: a full server refuses it, and is emptied later. */
static void an_inbox_that_cannot_be_emptied_now_is_emptied_later(void **state)
{
    char inbox[REDIS_KEY_BYTES];
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "ACL SETUSER worker on >secret ~* &* +@all -lmove");
    real_redis_ask(&server, "CONFIG RESETSTAT");
    strcpy(s.b.config.broker.urls[0].user, "worker");
    strcpy(s.b.config.broker.urls[0].password, "secret");
    broker_story_up(&s.a);
    snprintf(inbox, sizeof(inbox), "petiole.inbox.%s.celery", s.a.redis->id);
    die(&s);
    push(inbox, "one", 0);
    broker_story_up(&s.b);
    loop_until(&s.loop, is_refused, NULL, "LMOVE is refused");
    loop_for(&s.loop, 100);
    real_redis_ask(&server, "ACL SETUSER worker +lmove");
    await(&s, "LLEN", "celery", 1);
    end(&s);
}

static void a_message_that_cannot_be_restored_now_is_restored_later(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "one", 0);
    broker_story_up(&s.a);
    broker_story_take(&s.a, 1);
    die(&s);
    real_redis_ask(&server, "SET celery oops");
    broker_story_up(&s.b);
    loop_for(&s.loop, 6000); /* by then the node is dead, and its queue is no list */
    assert_int_equal(real_redis_int(&server, "HLEN petiole.nodes"), 2);
    real_redis_ask(&server, "DEL celery");
    await(&s, "LLEN", "celery", 1);
    end(&s);
}

/* ---- overdue ------------------------------------------------------------------- */

static void what_a_python_worker_held_too_long_comes_back_in_order(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    hold_like_kombu("oldest", 4000.5, 0, "", "celery");
    hold_like_kombu("older", 3900.5, 0, "", "celery");
    hold_like_kombu("urgent", 3800.5, 9, "", "celery");
    hold_like_kombu("fresh", 3500.5, 0, "", "celery");
    broker_story_up(&s.b);
    await(&s, "LLEN", "celery", 2);
    await(&s, "LLEN",
          "celery\x06\x16"
          "9",
          1);
    expect_item("celery", -1, message("oldest", 0, true));
    expect_item("celery", -2, message("older", 0, true));
    assert_int_equal(real_redis_int(&server, "HEXISTS unacked fresh"), 1);
    loop_for(&s.loop, 50);
    assert_int_equal(real_redis_int(&server, "EXISTS unacked_mutex"), 0);
    end(&s);
}

/* kombu looks up in its bindings which queue a routing key stands for. */
static void a_message_of_a_named_exchange_comes_back_to_its_queue(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "SADD _kombu.binding.media %s",
                   "media.video\x06\x16\x06\x16videos");
    real_redis_int(&server, "SADD _kombu.binding.media %s",
                   "media.image\x06\x16\x06\x16images");
    hold_like_kombu("film", 4000, 0, "media", "media.video");
    broker_story_up(&s.b);
    await(&s, "LLEN", "videos", 1);
    assert_int_equal(real_redis_int(&server, "EXISTS media.video"), 0);
    end(&s);
}

static void a_message_of_a_topic_exchange_comes_back_by_its_pattern(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "SADD _kombu.binding.media %s",
                   "media.#\x06\x16^media\\..*?$\x06\x16videos");
    real_redis_int(&server, "SADD _kombu.binding.media %s",
                   "*.video.*\x06\x16^[^\\.]+\\.video\\.[^\\.]+$\x06\x16three");
    hold_like_kombu("film", 4000, 0, "media", "media.video");
    broker_story_up(&s.b);
    await(&s, "LLEN", "videos", 1);
    assert_int_equal(real_redis_int(&server, "EXISTS media.video three unacked"), 0);
    end(&s);
}

/* kombu would drop it. */
static void a_message_that_no_queue_is_bound_for_becomes_a_dead_letter(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "SADD _kombu.binding.media %s",
                   "media.image\x06\x16\x06\x16images");
    hold_like_kombu("film", 4000, 0, "media", "media.video");
    broker_story_up(&s.b);
    await(&s, "LLEN", "petiole.dead", 1);
    assert_non_null(strstr(real_redis_list(&server, "petiole.dead"),
                           "\"reason\": \"no queue is bound to its exchange\", "
                           "\"queue\": \"media.video\""));
    assert_int_equal(real_redis_int(&server, "EXISTS unacked unacked_index images"), 0);
    end(&s);
}

static void what_is_held_in_another_form_becomes_a_dead_letter(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_int(&server, "HSET unacked odd nonsense");
    real_redis_int(&server, "ZADD unacked_index 1 odd");
    real_redis_int(&server, "ZADD unacked_index 1 nothing-there");
    broker_story_up(&s.b);
    await(&s, "LLEN", "petiole.dead", 1);
    loop_for(&s.loop, 50);
    assert_int_equal(real_redis_int(&server, "ZCARD unacked_index"), 0);
    end(&s);
}

/* ---- the living ---------------------------------------------------------------- */

static void our_own_orphans_come_back_after_a_lost_reply(void **state)
{
    struct story s;
    char tag[TAG_BYTES], held[1024];
    (void)state;
    begin(&s);
    push("celery", "known", 0);
    broker_story_up(&s.b);
    broker_story_take(&s.b, 1);
    redis_broker_tag(s.b.redis, 77, tag); /* as if its fetch was never answered */
    snprintf(held, sizeof(held), "[%s, \"\", \"celery\"]", message("lost", 0, false));
    real_redis_int(&server, "HSET unacked %s %s", tag, held);
    real_redis_int(&server, "ZADD unacked_index 9999999999 %s", tag);
    real_redis_ask(&server, "CLIENT KILL TYPE normal SKIPME yes");
    await(&s, "LLEN", "celery", 1);
    expect_item("celery", 0, message("lost", 0, true));
    assert_int_equal(real_redis_int(&server, "HLEN unacked"), 1);
    end(&s);
}

/* Both live. While the server stands still nobody can renew; that is no death. */
static void a_paused_server_makes_nobody_dead(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    push("celery", "one", 0);
    broker_story_up(&s.a);
    broker_story_up(&s.b);
    broker_story_take(&s.a, 1);
    loop_for(&s.loop, 1200); /* both have watched */
    kill(server.pid, SIGSTOP);
    loop_for(&s.loop, NODE_TTL_MS + 2000);
    kill(server.pid, SIGCONT);
    loop_for(&s.loop, NODE_TTL_MS + 2000);
    assert_int_equal(s.a.lost + s.b.lost, 0);
    assert_int_equal(s.b.broker->stats.restored_from_dead, 0);
    assert_int_equal(real_redis_int(&server, "LLEN celery"), 0);
    assert_int_equal(real_redis_int(&server, "HLEN petiole.nodes"), 2);
    end(&s);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_dead_node_held_comes_back_in_order_and_marked),
        cmocka_unit_test(a_dead_nodes_inbox_is_emptied),
        cmocka_unit_test(an_inbox_that_cannot_be_emptied_now_is_emptied_later),
        cmocka_unit_test(a_message_that_cannot_be_restored_now_is_restored_later),
        cmocka_unit_test(what_a_python_worker_held_too_long_comes_back_in_order),
        cmocka_unit_test(a_message_of_a_named_exchange_comes_back_to_its_queue),
        cmocka_unit_test(a_message_of_a_topic_exchange_comes_back_by_its_pattern),
        cmocka_unit_test(a_message_that_no_queue_is_bound_for_becomes_a_dead_letter),
        cmocka_unit_test(what_is_held_in_another_form_becomes_a_dead_letter),
        cmocka_unit_test(our_own_orphans_come_back_after_a_lost_reply),
        cmocka_unit_test(a_paused_server_makes_nobody_dead),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
