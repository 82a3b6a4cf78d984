/* SPDX-License-Identifier: Apache-2.0 */
/* An AMQP connection against a server that greets, delivers, lies, stalls and hangs up.
 * Each lie ends in one clear line, and another attempt after a while. */
#include "fake_amqp.h"
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

struct story {
    uv_loop_t loop;
    struct fake_amqp server;
    struct amqp amqp;
    struct amqp_options options;
    struct endpoint endpoint;
    struct amqp_channel channel, other;
    bool ready, down, stopped;
    char why[400];
    unsigned answers, nulls, deliveries, returns, closes;
    bool blocked;
    struct amqp_delivery last;
    char body[64], text[64], closed_why[300], cancelled[32];
    uint16_t closed_code;
    uint64_t confirmed;
    bool confirmed_many, confirmed_taken;
};

static struct story s;

/* ---- what is told -------------------------------------------------------------- */

static void on_ready(void *ctx)
{
    (void)ctx;
    s.ready = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    (void)ctx, (void)retry_s, (void)attempts;
    if (!s.down)
        snprintf(s.why, sizeof(s.why), "%s", why);
    s.down = true;
    s.ready = false;
}

static void on_blocked(void *ctx, bool is_blocked, struct str reason)
{
    (void)ctx, (void)reason;
    s.blocked = is_blocked;
}

static const struct amqp_events events = {on_ready, on_down, on_blocked};

static void on_delivered(void *ctx, const struct amqp_delivery *d)
{
    (void)ctx;
    s.deliveries++;
    s.last = *d;
    snprintf(s.body, sizeof(s.body), "%.*s", d->body.n < 60 ? (int)d->body.n : 60,
             d->body.n ? d->body.p : "");
    snprintf(s.text, sizeof(s.text), "%.*s|%.*s|%.*s", (int)d->consumer_tag.n,
             d->consumer_tag.p, (int)d->exchange.n, d->exchange.p,
             (int)d->routing_key.n, d->routing_key.p);
}

static void on_returned(void *ctx, const struct amqp_delivery *d)
{
    (void)ctx;
    s.returns++;
    s.last = *d;
    snprintf(s.text, sizeof(s.text), "%u %.*s", d->code, (int)d->text.n, d->text.p);
}

static void on_confirmed(void *ctx, uint64_t number, bool multiple, bool taken)
{
    (void)ctx;
    s.confirmed = number;
    s.confirmed_many = multiple;
    s.confirmed_taken = taken;
}

static void on_cancelled(void *ctx, struct str tag)
{
    (void)ctx;
    snprintf(s.cancelled, sizeof(s.cancelled), "%.*s", (int)tag.n, tag.p);
}

static void on_closed(void *ctx, uint16_t code, const char *why)
{
    (void)ctx;
    s.closes++;
    s.closed_code = code;
    snprintf(s.closed_why, sizeof(s.closed_why), "%s", why ? why : "lost");
}

static const struct amqp_channel_events channel_events = {on_delivered, on_returned,
                                                          on_confirmed, on_cancelled,
                                                          on_closed};

static void on_answer(void *ctx, const amqp_method_t *m)
{
    (void)ctx;
    s.answers++;
    s.nulls += !m;
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    s.stopped = true;
}

/* ---- stories ------------------------------------------------------------------- */

static int begin(void **state)
{
    (void)state;
    s = (struct story){.options = {60, "celery@h", "PLAIN"}};
    loop_start(&s.loop);
    fake_amqp_start(&s.server, &s.loop);
    return 0;
}

static void start(void)
{
    struct error e;
    const struct amqp_library *library = amqp_library_load(&e);
    if (!library)
        fail_msg("%s", e.msg);
    s.server.url.options.socket_timeout_s = 0.3;
    s.server.url.options.socket_connect_timeout_s = 0.3;
    assert_int_equal(endpoint_init_parsed(&s.endpoint, ENDPOINT_BROKER, &s.server.url,
                                          &e),
                     0);
    amqp_init(&s.amqp, &s.loop, &s.endpoint, library, &s.options, &events, NULL);
    amqp_start(&s.amqp);
}

static void become_ready(void)
{
    start();
    loop_until_set(&s.loop, &s.ready, "READY");
    amqp_channel_init(&s.channel, &s.amqp, &channel_events, NULL, 1 << 20);
    assert_true(amqp_open_channel(&s.channel));
}

static bool is_open(void *ctx)
{
    return ((const struct amqp_channel *)ctx)->state == CHANNEL_OPEN;
}

static void open_channel(void)
{
    become_ready();
    loop_until(&s.loop, is_open, &s.channel, "an open channel");
}

static int end(void **state)
{
    (void)state;
    amqp_stop(&s.amqp, on_stopped);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    fake_amqp_stop(&s.server);
    loop_finish(&s.loop);
    amqp_finish(&s.amqp);
    endpoint_finish(&s.endpoint);
    fake_amqp_finish(&s.server);
    return 0;
}

static bool counted(void *ctx)
{
    return *(const unsigned *)ctx > 0;
}

static void expect_down(const char *why)
{
    loop_until_set(&s.loop, &s.down, "DOWN");
    if (!strstr(s.why, why))
        fail_msg("'%s' does not say '%s'", s.why, why);
    assert_null(strchr(s.why, '\n'));
}

/* ---- greeting ------------------------------------------------------------------ */

static void a_server_is_greeted_and_its_virtual_host_opened(void **state)
{
    (void)state;
    strcpy(s.server.url.vhost, "farm/one");
    start();
    loop_until_set(&s.loop, &s.ready, "READY");
    assert_string_equal(s.server.vhost, "farm/one");
    assert_memory_equal(s.server.response, "\0guest\0secret", 13);
    assert_string_equal(s.amqp.server.product, "RabbitMQ");
    assert_int_equal(s.amqp.server.major, 3);
    assert_int_equal(s.amqp.server.minor, 10);
    assert_true(s.amqp.server.confirms);
    assert_int_equal(s.amqp.heartbeat_s, 60);
}

static void a_greeting_torn_at_each_byte_is_understood(void **state)
{
    (void)state;
    s.server.tear_bytes = 1;
    open_channel();
}

static void another_login_method_is_used_if_the_server_offers_it(void **state)
{
    (void)state;
    s.options.login_method = "AMQPLAIN";
    start();
    loop_until_set(&s.loop, &s.ready, "READY");
    assert_non_null(
        memmem(s.server.response, sizeof(s.server.response), "PASSWORD", 8));
}

static void a_login_method_that_is_not_offered_is_named(void **state)
{
    (void)state;
    s.options.login_method = "EXTERNAL";
    start();
    expect_down("does not offer the login method EXTERNAL");
}

static void a_refused_login_says_why_and_never_the_password(void **state)
{
    (void)state;
    s.server.refuses = true;
    start();
    expect_down("closed by the server: 403 ACCESS_REFUSED - Login was refused");
    assert_null(strstr(s.why, "secret"));
}

static void a_server_that_greets_no_one_is_left(void **state)
{
    (void)state;
    s.server.silent_after = 1; /* the protocol's header */
    start();
    expect_down("no answer to the greeting within 0.3 s");
}

static void what_is_no_amqp_is_left_at_once(void **state)
{
    (void)state;
    become_ready();
    fake_amqp_bytes(&s.server, STR("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect_down("the server does not speak AMQP 0-9-1");
}

/* ---- heartbeats and deadlines --------------------------------------------------- */

static bool has_beaten(void *ctx)
{
    return ((const struct fake_amqp *)ctx)->heartbeats > 0;
}

static void a_quiet_connection_beats_and_a_silent_server_is_left(void **state)
{
    (void)state;
    s.server.heartbeat_s = 1;
    open_channel();
    assert_int_equal(s.amqp.heartbeat_s, 1);
    loop_until(&s.loop, has_beaten, &s.server, "a heartbeat");
    expect_down("no heartbeat for 2.0 s");
}

static void a_question_without_an_answer_ends_the_connection(void **state)
{
    amqp_basic_qos_t qos = {.prefetch_count = 4};
    (void)state;
    open_channel();
    s.server.answers_questions = false;
    amqp_ask(&s.channel, AMQP_BASIC_QOS_METHOD, &qos, on_answer, NULL);
    expect_down("no answer within 0.3 s");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.nulls, 1);
    assert_int_equal(s.closes, 1);
    assert_string_equal(s.closed_why, "lost");
}

static void a_question_is_answered_once(void **state)
{
    amqp_basic_qos_t qos = {.prefetch_count = 4};
    (void)state;
    open_channel();
    amqp_ask(&s.channel, AMQP_BASIC_QOS_METHOD, &qos, on_answer, NULL);
    loop_until(&s.loop, counted, &s.answers, "an answer");
    assert_int_equal(s.answers, 1);
    assert_int_equal(s.nulls, 0);
}

/* ---- deliveries ---------------------------------------------------------------- */

static void a_message_in_several_frames_is_one_delivery(void **state)
{
    (void)state;
    open_channel();
    fake_amqp_deliver(&s.server, 1, STR("what a long body"), 3);
    loop_until(&s.loop, counted, &s.deliveries, "a delivery");
    assert_string_equal(s.body, "what a long body");
    assert_string_equal(s.text, "me||celery");
    assert_int_equal(s.last.tag, 7);
    assert_true(s.last.redelivered);
}

static void a_message_without_a_body_is_one_too(void **state)
{
    (void)state;
    open_channel();
    s.server.tear_bytes = 1;
    fake_amqp_deliver(&s.server, 1, STR(""), 1);
    loop_until(&s.loop, counted, &s.deliveries, "a delivery");
    assert_int_equal(s.last.body_size, 0);
}

static void a_message_too_large_to_keep_is_told_without_its_body(void **state)
{
    (void)state;
    open_channel();
    s.channel.max_body_bytes = 8;
    fake_amqp_deliver(&s.server, 1, STR("more than eight"), 4);
    loop_until(&s.loop, counted, &s.deliveries, "a delivery");
    assert_int_equal(s.last.body_size, 15);
    assert_true(s.last.body.n < 15);
    s.deliveries = 0;
    fake_amqp_deliver(&s.server, 1, STR("eight!!!"), 4);
    loop_until(&s.loop, counted, &s.deliveries, "the next delivery");
    assert_string_equal(s.body, "eight!!!");
}

static void what_is_published_is_cut_into_frames(void **state)
{
    static char large[300000];
    amqp_basic_publish_t p = {.exchange = amqp_empty_bytes,
                              .routing_key = amqp_cstring_bytes("celery")};
    amqp_basic_properties_t none = {0};
    amqp_basic_qos_t qos = {.prefetch_count = 1};
    (void)state;
    memset(large, 'x', sizeof(large));
    open_channel();
    amqp_publish(&s.channel, &p, &none, (struct str){large, sizeof(large)});
    amqp_ask(&s.channel, AMQP_BASIC_QOS_METHOD, &qos, on_answer, NULL);
    loop_until(&s.loop, counted, &s.answers, "an answer behind it");
    assert_int_equal(s.server.body.len, sizeof(large));
}

/* ---- what a server says unasked -------------------------------------------------- */

static void confirms_returns_and_cancellations_are_told(void **state)
{
    amqp_basic_ack_t ack = {.delivery_tag = 3, .multiple = 1};
    amqp_basic_return_t back = {.reply_code = 312,
                                .reply_text = amqp_cstring_bytes("NO_ROUTE"),
                                .exchange = amqp_empty_bytes,
                                .routing_key = amqp_cstring_bytes("nowhere")};
    amqp_basic_cancel_t cancel = {.consumer_tag = amqp_cstring_bytes("me")};
    amqp_connection_blocked_t blocked = {amqp_cstring_bytes("low on memory")};
    (void)state;
    open_channel();
    fake_amqp_method(&s.server, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    fake_amqp_method(&s.server, 1, AMQP_BASIC_ACK_METHOD, &ack);
    fake_amqp_method(&s.server, 1, AMQP_BASIC_CANCEL_METHOD, &cancel);
    fake_amqp_method(&s.server, 1, AMQP_BASIC_RETURN_METHOD, &back);
    fake_amqp_header(&s.server, 1, 0);
    loop_until(&s.loop, counted, &s.returns, "a returned message");
    assert_string_equal(s.text, "312 NO_ROUTE");
    assert_int_equal(s.confirmed, 3);
    assert_true(s.confirmed_many && s.confirmed_taken);
    assert_string_equal(s.cancelled, "me");
    assert_true(s.blocked);
}

static void a_channel_the_server_closes_leaves_the_others_and_opens_again(void **state)
{
    amqp_channel_close_t no = {.reply_code = 404,
                               .reply_text =
                                   amqp_cstring_bytes("NOT_FOUND - no queue")};
    (void)state;
    open_channel();
    amqp_channel_init(&s.other, &s.amqp, &channel_events, NULL, 1 << 20);
    assert_true(amqp_open_channel(&s.other));
    loop_until(&s.loop, is_open, &s.other, "a second channel");
    fake_amqp_method(&s.server, 1, AMQP_CHANNEL_CLOSE_METHOD, &no);
    loop_until(&s.loop, counted, &s.closes, "the channel closed");
    assert_int_equal(s.closed_code, 404);
    assert_string_equal(s.closed_why, "NOT_FOUND - no queue");
    assert_true(amqp_open_channel(&s.channel));
    loop_until(&s.loop, is_open, &s.channel, "the channel open again");
    assert_int_equal(s.other.state, CHANNEL_OPEN);
    assert_false(s.down);
}

static void nothing_is_told_of_a_channel_that_was_closed_here(void **state)
{
    (void)state;
    open_channel();
    amqp_close_channel(&s.channel);
    fake_amqp_deliver(&s.server, 1, STR("too late"), 100);
    amqp_channel_close_ok_t ok = {0};
    fake_amqp_method(&s.server, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    amqp_channel_init(&s.other, &s.amqp, &channel_events, NULL, 1 << 20);
    assert_true(amqp_open_channel(&s.other));
    loop_until(&s.loop, is_open, &s.other, "another channel");
    assert_int_equal(s.deliveries + s.closes, 0);
    assert_int_equal(s.channel.state, CHANNEL_CLOSED);
}

/* ---- lies ---------------------------------------------------------------------- */

static void a_body_larger_than_announced_is_a_lie(void **state)
{
    (void)state;
    open_channel();
    fake_amqp_deliver(&s.server, 1, STR(""), 1);
    fake_amqp_frame(&s.server, AMQP_FRAME_BODY, 1, STR("more"));
    expect_down("a body where none belongs");
}

static void a_body_beyond_its_header_is_a_lie(void **state)
{
    amqp_basic_deliver_t d = {.consumer_tag = amqp_cstring_bytes("me")};
    (void)state;
    open_channel();
    fake_amqp_method(&s.server, 1, AMQP_BASIC_DELIVER_METHOD, &d);
    fake_amqp_header(&s.server, 1, 2);
    fake_amqp_frame(&s.server, AMQP_FRAME_BODY, 1, STR("three"));
    expect_down("a body larger than announced");
    assert_int_equal(s.deliveries, 0);
}

static void a_frame_on_a_channel_that_is_not_open_is_a_lie(void **state)
{
    (void)state;
    open_channel();
    fake_amqp_deliver(&s.server, 9, STR("x"), 1);
    expect_down("a frame on channel 9, which is not open");
}

static void a_message_within_a_message_is_a_lie(void **state)
{
    amqp_basic_deliver_t d = {.consumer_tag = amqp_cstring_bytes("me")};
    (void)state;
    open_channel();
    fake_amqp_method(&s.server, 1, AMQP_BASIC_DELIVER_METHOD, &d);
    fake_amqp_method(&s.server, 1, AMQP_BASIC_DELIVER_METHOD, &d);
    expect_down("a method within a message");
}

static void an_answer_to_no_question_is_a_lie(void **state)
{
    amqp_basic_qos_ok_t ok = {0};
    (void)state;
    open_channel();
    fake_amqp_method(&s.server, 1, AMQP_BASIC_QOS_OK_METHOD, &ok);
    expect_down("which nobody asked for");
}

static void a_frame_larger_than_agreed_is_a_lie(void **state)
{
    (void)state;
    open_channel();
    fake_amqp_bytes(&s.server, (struct str){"\x03\x00\x01\x7f\xff\xff\xff", 7});
    expect_down("the server does not speak AMQP 0-9-1");
}

static void a_table_with_a_lying_length_is_a_lie(void **state)
{
    /* connection.blocked with a short string of 200 bytes that are not there */
    (void)state;
    open_channel();
    fake_amqp_frame(&s.server, AMQP_FRAME_METHOD, 0,
                    (struct str){"\x00\x0a\x00\x3c\xc8ow", 7});
    expect_down("the server does not speak AMQP 0-9-1");
}

/* ---- losses -------------------------------------------------------------------- */

static void a_lost_connection_is_made_again(void **state)
{
    (void)state;
    open_channel();
    fake_amqp_hang_up(&s.server);
    loop_until_set(&s.loop, &s.down, "DOWN");
    assert_int_equal(s.channel.state, CHANNEL_CLOSED);
    loop_until_set(&s.loop, &s.ready, "READY again");
    assert_int_equal(s.server.connections, 2);
    assert_true(amqp_open_channel(&s.channel));
    loop_until(&s.loop, is_open, &s.channel, "the channel open again");
}

static void a_goodbye_is_said_and_heard(void **state)
{
    (void)state;
    open_channel();
    amqp_stop(&s.amqp, on_stopped);
    loop_until_set(&s.loop, &s.stopped, "stopped");
    assert_int_equal(fake_amqp_count(&s.server, AMQP_CONNECTION_CLOSE_METHOD), 1);
    assert_false(s.down);
}

static void a_server_that_hears_no_goodbye_is_not_waited_for_long(void **state)
{
    (void)state;
    open_channel();
    s.server.silent_after = 1;
    amqp_stop(&s.amqp, on_stopped);
    loop_until_set(&s.loop, &s.stopped, "stopped");
}

#define story(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_server_is_greeted_and_its_virtual_host_opened),
        story(a_greeting_torn_at_each_byte_is_understood),
        story(another_login_method_is_used_if_the_server_offers_it),
        story(a_login_method_that_is_not_offered_is_named),
        story(a_refused_login_says_why_and_never_the_password),
        story(a_server_that_greets_no_one_is_left),
        story(what_is_no_amqp_is_left_at_once),
        story(a_quiet_connection_beats_and_a_silent_server_is_left),
        story(a_question_without_an_answer_ends_the_connection),
        story(a_question_is_answered_once),
        story(a_message_in_several_frames_is_one_delivery),
        story(a_message_without_a_body_is_one_too),
        story(a_message_too_large_to_keep_is_told_without_its_body),
        story(what_is_published_is_cut_into_frames),
        story(confirms_returns_and_cancellations_are_told),
        story(a_channel_the_server_closes_leaves_the_others_and_opens_again),
        story(nothing_is_told_of_a_channel_that_was_closed_here),
        story(a_body_larger_than_announced_is_a_lie),
        story(a_body_beyond_its_header_is_a_lie),
        story(a_frame_on_a_channel_that_is_not_open_is_a_lie),
        story(a_message_within_a_message_is_a_lie),
        story(an_answer_to_no_question_is_a_lie),
        story(a_frame_larger_than_agreed_is_a_lie),
        story(a_table_with_a_lying_length_is_a_lie),
        story(a_lost_connection_is_made_again),
        story(a_goodbye_is_said_and_heard),
        story(a_server_that_hears_no_goodbye_is_not_waited_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
