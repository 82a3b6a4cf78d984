/* SPDX-License-Identifier: Apache-2.0 */
/* The bus of the remote control and of events on Redis: who hears what, that nothing is
 * left behind, and that nobody on a channel can stop it. */
#include "loop.h"
#include "real_redis.h"

#include "../protocol/cmocka_all.h"

#include "../../../protocol/json.h"
#include "../../../src/bus/bus_message.h"
#include "../../../src/config.h"
#include "../../../src/log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTROL_CHANNEL "/0.celery.pidbox"
#define REPLY_BINDINGS "_kombu.binding.reply.celery.pidbox"

static struct real_redis server;

/* ---- two of them --------------------------------------------------------------------
 */

struct side {
    struct bus *bus;
    struct config config;
    unsigned hearing, ups, downs, heard, events, replies;
    bool answers, asked, stopped;
    char method[64], routing_key[64], why[200];
};

struct story {
    uv_loop_t loop;
    struct side worker, client;
};

static void keep(char out[64], struct str text)
{
    snprintf(out, 64, STR_FMT, STR_ARG(text));
}

static void on_control(void *ctx, const struct bus_message *m)
{
    struct side *s = ctx;
    const ptl_value *to = value_get(m->body, "reply_to");
    s->heard++;
    keep(s->method, value_as_str(value_get(m->body, "method")));
    if (!s->answers || !to)
        return;
    s->bus->ops->reply(s->bus,
                       &(struct bus_reply){value_as_str(value_get(to, "exchange")),
                                           value_as_str(value_get(to, "routing_key")),
                                           value_as_str(value_get(m->body, "ticket")),
                                           3, STR("{\"w1@h1\": {\"ok\": \"pong\"}}")});
}

static void on_event(void *ctx, const struct bus_message *m)
{
    struct side *s = ctx;
    s->events += m->body->kind == PTL_LIST ? (unsigned)value_len(m->body) : 1;
    keep(s->routing_key, m->routing_key);
}

static void on_up(void *ctx)
{
    ((struct side *)ctx)->ups++;
}

static void on_down(void *ctx, const char *why, double retry_s)
{
    (void)why, (void)retry_s;
    ((struct side *)ctx)->downs++;
}

static const struct bus_events bus_events = {on_control, on_event, on_up, on_down};

static void on_replied(void *ctx, const struct bus_message *m)
{
    struct side *s = ctx;
    assert_non_null(value_get(m->body, "w1@h1"));
    s->replies++;
}

static void on_asked(void *ctx, const char *why)
{
    struct side *s = ctx;
    assert_false(s->asked);
    s->asked = true;
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
}

static void configure(struct side *s)
{
    struct error e;
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "-n",
                    (char *)(uintptr_t) "w1@h1"};
    assert_int_equal(config_load(&s->config, 3, argv, &e), 0);
    endpoint_finish(&s->config.broker);
    assert_int_equal(endpoint_init_parsed(&s->config.broker, ENDPOINT_BROKER,
                                          &server.url, &e),
                     0);
}

static void begin(struct story *s)
{
    alarm(120);
    real_redis_ask(&server, "FLUSHALL");
    *s = (struct story){
        .worker = {.hearing = BUS_CONTROL | BUS_WORKER_EVENTS, .answers = true}};
    loop_start(&s->loop);
    log_init(&s->loop, LOG_CRITICAL);
    configure(&s->worker);
    configure(&s->client);
}

static bool both_are_up(void *ctx)
{
    const struct story *s = ctx;
    return s->worker.bus->up && s->client.bus->up;
}

static void create(struct story *s, struct side *side)
{
    struct error e;
    side->bus =
        redis_bus_create(&s->loop, &side->config, side->hearing, &bus_events, side, &e);
    assert_non_null(side->bus);
}

static void up(struct story *s)
{
    create(s, &s->worker);
    create(s, &s->client);
    s->worker.bus->ops->start(s->worker.bus);
    s->client.bus->ops->start(s->client.bus);
    loop_until(&s->loop, both_are_up, s, "both are up");
}

static void on_stopped(void *ctx)
{
    ((struct side *)ctx)->stopped = true;
}

static void stop(struct story *s, struct side *side)
{
    side->bus->ops->stop(side->bus, on_stopped, side);
    loop_until_set(&s->loop, &side->stopped, "it has stopped");
}

static void end(struct story *s)
{
    if (!s->worker.stopped)
        stop(s, &s->worker);
    if (!s->client.stopped)
        stop(s, &s->client);
    log_finish();
    loop_finish(&s->loop);
    s->worker.bus->ops->destroy(s->worker.bus);
    s->client.bus->ops->destroy(s->client.bus);
    config_finish(&s->worker.config);
    config_finish(&s->client.config);
}

struct wait {
    const unsigned *n;
    unsigned least;
};

static bool there_are(void *ctx)
{
    const struct wait *w = ctx;
    return *w->n >= w->least;
}

static void await(struct story *s, const unsigned *n, unsigned least, const char *what)
{
    struct wait w = {n, least};
    loop_until(&s->loop, there_are, &w, what);
}

/* ---- requests
 * ------------------------------------------------------------------------ */

static void begin_to_ask(struct side *s, struct bus_request r)
{
    s->asked = false;
    s->replies = 0;
    s->bus->ops->ask(s->bus, &r, on_replied, on_asked, s);
}

static void ask(struct story *s, struct bus_request r)
{
    begin_to_ask(&s->client, r);
    loop_until_set(&s->loop, &s->client.asked, "the request is over");
}

static void assert_answered(struct story *s)
{
    ask(s, (struct bus_request){.method = STR("ping"), .timeout_s = 8});
    assert_string_equal(s->client.why, "");
    assert_int_equal(s->client.replies, 1);
}

static void assert_nothing_is_left_of_requests(struct story *s)
{
    stop(s, &s->client); /* then all that it said is done */
    assert_int_equal(real_redis_int(&server, "EXISTS " REPLY_BINDINGS), 0);
    assert_int_equal(real_redis_ask(&server, "KEYS *reply.celery.pidbox")->elements, 0);
}

static void a_request_is_heard_and_answered_before_its_time_is_over(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    uint64_t begun = uv_now(&s.loop);
    assert_answered(&s);
    assert_true(uv_now(&s.loop) - begun <
                4000); /* of 8 s: one heard it, one answered */
    assert_string_equal(s.worker.method, "ping");
    assert_nothing_is_left_of_requests(&s);
    end(&s);
}

static void a_request_that_nobody_hears_is_over_at_once(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.hearing = BUS_WORKER_EVENTS;
    up(&s);
    uint64_t begun = uv_now(&s.loop);
    ask(&s, (struct bus_request){.method = STR("ping"), .timeout_s = 8});
    assert_true(uv_now(&s.loop) - begun < 4000);
    assert_int_equal(s.client.replies, 0);
    assert_nothing_is_left_of_requests(&s);
    end(&s);
}

static void a_request_that_nobody_answers_is_over_in_time(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.answers = false;
    up(&s);
    ask(&s, (struct bus_request){.method = STR("ping"), .timeout_s = 0.3});
    assert_string_equal(s.client.why, "");
    assert_int_equal(s.worker.heard, 1);
    assert_int_equal(s.client.replies, 0);
    assert_nothing_is_left_of_requests(&s);
    end(&s);
}

static void a_request_that_wants_no_reply_binds_no_queue(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    ask(&s, (struct bus_request){.method = STR("shutdown")});
    await(&s, &s.worker.heard, 1, "the request is heard");
    assert_string_equal(s.worker.method, "shutdown");
    assert_int_equal(real_redis_int(&server, "EXISTS " REPLY_BINDINGS), 0);
    end(&s);
}

static void a_second_request_is_refused_while_one_waits_for_replies(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.answers = false;
    up(&s);
    begin_to_ask(&s.client,
                 (struct bus_request){.method = STR("ping"), .timeout_s = 0.3});
    begin_to_ask(&s.client,
                 (struct bus_request){.method = STR("ping"), .timeout_s = 0.3});
    assert_string_equal(s.client.why, "another request is on its way");
    s.client.asked = false;
    loop_until_set(&s.loop, &s.client.asked, "the first request is over");
    assert_string_equal(s.client.why, "");
    end(&s);
}

static void what_is_told_is_heard_beside_a_request_that_waits_for_replies(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.answers = false;
    up(&s);
    begin_to_ask(&s.client,
                 (struct bus_request){.method = STR("ping"), .timeout_s = 0.5});
    assert_true(s.client.bus->ops->tell(s.client.bus,
                                        &(struct bus_request){.method = STR("revoke"),
                                                              .timeout_s = 9}));
    await(&s, &s.worker.heard, 2, "both requests are heard");
    assert_string_equal(s.worker.method, "revoke");
    assert_false(s.client.asked);
    loop_until_set(&s.loop, &s.client.asked, "the time for replies is over");
    assert_nothing_is_left_of_requests(&s);
    end(&s);
}

static void a_request_beyond_the_limit_is_not_sent(void **state)
{
    struct story s;
    char *huge = malloc(BUS_MESSAGE_MAX);
    (void)state;
    begin(&s);
    up(&s);
    memset(huge, ' ', BUS_MESSAGE_MAX);
    huge[0] = '{', huge[BUS_MESSAGE_MAX - 1] = '}';
    ask(&s, (struct bus_request){.method = STR("ping"),
                                 .arguments = {huge, BUS_MESSAGE_MAX},
                                 .timeout_s = 8});
    assert_string_equal(s.client.why,
                        "it is larger than a message may be, or memory is short");
    assert_answered(&s);
    assert_int_equal(s.worker.heard, 1);
    free(huge);
    end(&s);
}

static void a_request_waits_for_replies_no_longer_once_it_stops(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.answers = false;
    up(&s);
    begin_to_ask(&s.client,
                 (struct bus_request){.method = STR("ping"), .timeout_s = 100});
    await(&s, &s.worker.heard, 1, "the request is heard");
    assert_nothing_is_left_of_requests(&s);
    assert_true(s.client.asked);
    assert_string_equal(s.client.why, "it is stopping");
    end(&s);
}

/* ---- replies
 * ------------------------------------------------------------------------- */

static void reply(struct side *s, struct str routing_key)
{
    s->bus->ops->reply(s->bus,
                       &(struct bus_reply){STR("reply.celery.pidbox"), routing_key,
                                           STR("ticket"), 1, STR("{\"w1@h1\": {}}")});
}

static void a_reply_makes_no_list_for_whom_nobody_is_bound(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    reply(&s.worker, STR("gone"));
    stop(&s, &s.worker);
    assert_int_equal(s.worker.bus->stats.replies_sent, 0);
    assert_int_equal(s.worker.bus->stats.replies_dropped, 1);
    assert_int_equal(real_redis_ask(&server, "KEYS *reply*")->elements, 0);
    end(&s);
}

static void a_reply_goes_to_a_queue_of_any_name_and_has_an_end(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "SADD " REPLY_BINDINGS " %s",
                   "me\x06\x16\x06\x16my.reply.celery.pidbox");
    reply(&s.worker, STR("me"));
    stop(&s, &s.worker);
    assert_int_equal(s.worker.bus->stats.replies_sent, 1);
    assert_int_equal(real_redis_int(&server, "LLEN my.reply.celery.pidbox"), 1);
    assert_true(real_redis_int(&server, "PTTL my.reply.celery.pidbox") > 0);
    end(&s);
}

static void a_reply_of_a_queue_of_tasks_lets_them_live(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "SADD " REPLY_BINDINGS " %s", "me\x06\x16\x06\x16tasks");
    real_redis_ask(&server, "LPUSH tasks one");
    reply(&s.worker, STR("me"));
    stop(&s, &s.worker);
    assert_int_equal(real_redis_int(&server, "LLEN tasks"), 2);
    assert_int_equal(real_redis_int(&server, "PTTL tasks"), -1);
    end(&s);
}

/* ---- events
 * -------------------------------------------------------------------------- */

static void send_event(struct side *s, struct str routing_key)
{
    s->bus->ops->send_event(s->bus, routing_key, STR("[{\"type\": \"a\"}, {}]"), 2);
}

static void
events_of_workers_are_heard_and_those_of_tasks_only_by_who_wants_all(void **x)
{
    struct story s;
    (void)x;
    begin(&s);
    s.client.hearing = BUS_ALL_EVENTS;
    up(&s);
    send_event(&s.client, STR("task.multi"));
    await(&s, &s.client.events, 2, "its own events are heard");
    assert_string_equal(s.client.routing_key, "task.multi");
    send_event(&s.client, STR("worker.heartbeat"));
    await(&s, &s.worker.events, 2, "events are heard");
    assert_string_equal(s.worker.routing_key, "worker.heartbeat");
    assert_int_equal(s.worker.events, 2);
    assert_int_equal(s.client.bus->stats.events_sent, 4);
    end(&s);
}

static void without_patterns_events_are_told_apart_by_their_routing_key(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    s.worker.config.fanout_patterns = s.client.config.fanout_patterns = false;
    up(&s);
    send_event(&s.client, STR("task.multi"));
    send_event(&s.client, STR("worker.online"));
    await(&s, &s.worker.events, 2, "events are heard");
    assert_string_equal(s.worker.routing_key, "worker.online");
    assert_int_equal(s.worker.events, 2);
    end(&s);
}

static void what_is_sent_while_there_is_no_connection_is_dropped_and_counted(void **x)
{
    struct story s;
    (void)x;
    begin(&s);
    create(&s, &s.worker);
    create(&s, &s.client);
    send_event(&s.client, STR("worker.online"));
    reply(&s.client, STR("me"));
    begin_to_ask(&s.client,
                 (struct bus_request){.method = STR("ping"), .timeout_s = 1});
    assert_int_equal(s.client.bus->stats.events_dropped, 2);
    assert_int_equal(s.client.bus->stats.replies_dropped, 1);
    assert_string_equal(s.client.why, "there is no connection to the broker");
    assert_false(s.client.bus->ops->tell(s.client.bus, &(struct bus_request){
                                                           .method = STR("revoke")}));
    end(&s);
}

/* ---- bad messages
 * -------------------------------------------------------------------- */

#define ENVELOPE(BODY, TYPE)                                                           \
    "{\"body\": " BODY ", \"content-type\": " TYPE                                     \
    ", \"headers\": {}, \"properties\": {\"body_encoding\": \"base64\"}}"
#define JSON "\"application/json\""

static const char *const bad[] = {
    "",
    "{",
    "[]",
    "7",
    "{}",
    "{\"body\": 1}",
    ENVELOPE("\"eyJt*@==\"", JSON),
    ENVELOPE("\"bm8ganNvbg==\"", JSON), /* no json */
    ENVELOPE("\"NDI=\"", JSON),         /* 42 */
    ENVELOPE("\"W3t9XQ==\"", JSON),     /* [{}] */
    ENVELOPE("\"e30=\"", "\"application/x-python-serialize\""),
    ENVELOPE("\"e30=\"", "1"),
};

static void bad_messages_are_counted_and_the_next_request_is_answered(void **state)
{
    const size_t n = sizeof(bad) / sizeof(bad[0]);
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    for (size_t i = 0; i < n; i++)
        real_redis_ask(&server, "PUBLISH " CONTROL_CHANNEL " %s", bad[i]);
    assert_answered(&s);
    assert_int_equal(s.worker.bus->stats.malformed, n);
    assert_int_equal(s.worker.heard, 1);
    end(&s);
}

static void a_huge_message_is_left_and_the_next_request_is_answered(void **state)
{
    struct story s;
    const size_t n = BUS_MESSAGE_MAX + 1;
    char *huge = calloc(1, n);
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "PUBLISH " CONTROL_CHANNEL " %b", huge, n);
    assert_answered(&s);
    assert_int_equal(s.worker.bus->stats.malformed, 1);
    free(huge);
    end(&s);
}

static void a_request_without_properties_is_heard(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "PUBLISH " CONTROL_CHANNEL " %s",
                   "{\"body\": \"{\\\"method\\\": \\\"bare\\\"}\", "
                   "\"content-type\": " JSON "}");
    await(&s, &s.worker.heard, 1, "the request is heard");
    assert_string_equal(s.worker.method, "bare");
    end(&s);
}

/* ---- life
 * ---------------------------------------------------------------------------- */

static void what_it_bound_goes_when_it_stops(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    assert_int_equal(real_redis_int(&server,
                                    "SISMEMBER _kombu.binding.celery.pidbox %s",
                                    "\x06\x16\x06\x16w1@h1.celery.pidbox"),
                     1);
    assert_int_equal(real_redis_int(&server, "SCARD _kombu.binding.celeryev"), 1);
    stop(&s, &s.worker);
    assert_int_equal(real_redis_int(&server, "EXISTS _kombu.binding.celery.pidbox"), 0);
    assert_int_equal(real_redis_int(&server, "EXISTS _kombu.binding.celeryev"), 0);
    end(&s);
}

static void it_comes_back_when_its_subscription_is_cut(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "CLIENT KILL TYPE pubsub");
    await(&s, &s.worker.ups, 2, "it is up again");
    assert_int_equal(s.worker.downs, 1);
    assert_answered(&s);
    end(&s);
}

static void it_comes_back_when_all_its_connections_are_cut(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    up(&s);
    real_redis_ask(&server, "CLIENT KILL TYPE pubsub");
    real_redis_ask(&server, "CLIENT KILL TYPE normal SKIPME yes");
    await(&s, &s.worker.ups, 2, "the worker's is up again");
    await(&s, &s.client.ups, 2, "the client's is up again");
    assert_answered(&s);
    end(&s);
}

static void a_channel_that_is_forbidden_does_not_keep_it_down(void **state)
{
    struct story s;
    (void)state;
    begin(&s);
    real_redis_ask(&server, "ACL SETUSER default resetchannels &/0.celery.pidbox");
    up(&s);
    assert_answered(&s);
    real_redis_ask(&server, "ACL SETUSER default allchannels");
    end(&s);
}

static void names_beyond_their_limit_are_refused(void **state)
{
    struct story s;
    struct error e;
    (void)state;
    begin(&s);
    free(s.client.config.control_exchange);
    s.client.config.control_exchange = calloc(1, 600);
    memset(s.client.config.control_exchange, 'x', 599);
    assert_null(redis_bus_create(&s.loop, &s.client.config, 0, &bus_events, &s, &e));
    assert_non_null(strstr(e.msg, "control_exchange"));
    log_finish();
    loop_finish(&s.loop);
    config_finish(&s.worker.config);
    config_finish(&s.client.config);
}

int main(void)
{
    if (!real_redis_start(&server)) {
        fprintf(stderr, "skipped: no redis-server is installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_heard_and_answered_before_its_time_is_over),
        cmocka_unit_test(a_request_that_nobody_hears_is_over_at_once),
        cmocka_unit_test(a_request_that_nobody_answers_is_over_in_time),
        cmocka_unit_test(a_request_that_wants_no_reply_binds_no_queue),
        cmocka_unit_test(a_second_request_is_refused_while_one_waits_for_replies),
        cmocka_unit_test(what_is_told_is_heard_beside_a_request_that_waits_for_replies),
        cmocka_unit_test(a_request_beyond_the_limit_is_not_sent),
        cmocka_unit_test(a_request_waits_for_replies_no_longer_once_it_stops),
        cmocka_unit_test(a_reply_makes_no_list_for_whom_nobody_is_bound),
        cmocka_unit_test(a_reply_goes_to_a_queue_of_any_name_and_has_an_end),
        cmocka_unit_test(a_reply_of_a_queue_of_tasks_lets_them_live),
        cmocka_unit_test(
            events_of_workers_are_heard_and_those_of_tasks_only_by_who_wants_all),
        cmocka_unit_test(without_patterns_events_are_told_apart_by_their_routing_key),
        cmocka_unit_test(
            what_is_sent_while_there_is_no_connection_is_dropped_and_counted),
        cmocka_unit_test(bad_messages_are_counted_and_the_next_request_is_answered),
        cmocka_unit_test(a_huge_message_is_left_and_the_next_request_is_answered),
        cmocka_unit_test(a_request_without_properties_is_heard),
        cmocka_unit_test(what_it_bound_goes_when_it_stops),
        cmocka_unit_test(it_comes_back_when_its_subscription_is_cut),
        cmocka_unit_test(it_comes_back_when_all_its_connections_are_cut),
        cmocka_unit_test(a_channel_that_is_forbidden_does_not_keep_it_down),
        cmocka_unit_test(names_beyond_their_limit_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    real_redis_stop(&server);
    return failed;
}
