/* SPDX-License-Identifier: Apache-2.0 */
/* A link comes up at the address that answers, and may be closed from anywhere. */
#include "loop.h"

#include "../../../src/link/link.h"
#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

enum moment { NEVER, OPENED, RECEIVED, CLOSED };

struct story {
    uv_loop_t loop;
    uv_tcp_t listener, client;
    bool has_client;
    uint16_t port;
    const char *says; /* to whoever connects */
    struct url url;
    struct link link;
    enum moment close_at;
    bool closed;
    unsigned opened, received, closes, reopen;
    char why[400];
};

/* ---- the server ---------------------------------------------------------------- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct story *s = listener->data;
    assert_int_equal(status, 0);
    if (s->has_client)
        return;
    uv_tcp_init(&s->loop, &s->client);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&s->client), 0);
    s->has_client = true;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)s->says, (unsigned)strlen(s->says));
    uv_try_write((uv_stream_t *)&s->client, &buf, 1);
}

static int listen_at(struct story *s, const struct sockaddr *at)
{
    struct sockaddr_storage bound;
    int n = sizeof(bound);
    uv_tcp_init(&s->loop, &s->listener);
    s->listener.data = s;
    if (uv_tcp_bind(&s->listener, at, 0) < 0 ||
        uv_listen((uv_stream_t *)&s->listener, 4, on_connection) < 0)
        return -1;
    uv_tcp_getsockname(&s->listener, (struct sockaddr *)&bound, &n);
    s->port =
        ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                         : ((struct sockaddr_in6 *)&bound)->sin6_port);
    return 0;
}

static void listen_v4(struct story *s)
{
    struct sockaddr_in at;
    uv_ip4_addr("127.0.0.1", 0, &at);
    assert_int_equal(listen_at(s, (struct sockaddr *)&at), 0);
}

/* ---- the link ------------------------------------------------------------------ */

static void open_link(struct story *s)
{
    link_open(&s->link, &s->url, NULL, 5000);
}

static void on_opened(void *ctx)
{
    struct story *s = ctx;
    s->opened++;
    if (s->close_at == OPENED)
        link_close(&s->link, "enough");
}

static void on_received(void *ctx, struct str bytes)
{
    struct story *s = ctx;
    s->received += (unsigned)bytes.n;
    if (s->close_at == RECEIVED)
        link_close(&s->link, "enough");
}

static void on_closed(void *ctx, const char *why)
{
    struct story *s = ctx;
    s->closes++;
    snprintf(s->why, sizeof(s->why), "%s", why);
    if (s->reopen) {
        s->reopen--;
        open_link(s);
        link_close(&s->link, "at once");
        return;
    }
    link_close(&s->link, "again");
    s->closed = true;
}

static const struct link_events events = {on_opened, on_received, on_closed};

static void begin(struct story *s, const char *says)
{
    alarm(60);
    *s = (struct story){.says = says};
    loop_start(&s->loop);
    link_init(&s->link, &s->loop, &events, s, 1 << 20);
}

static void connect_to(struct story *s, const char *scheme, const char *host)
{
    struct error e;
    char text[100];
    snprintf(text, sizeof(text), "%s://%s:%u/0", scheme, host, s->port);
    assert_int_equal(url_parse(&s->url, text, &e), 0);
    open_link(s);
}

static void end(struct story *s)
{
    if (s->link.state != LINK_DOWN) {
        link_close(&s->link, "the end");
        loop_until_set(&s->loop, &s->closed, "closed");
    }
    link_finish(&s->link);
    loop_finish(&s->loop);
}

/* ---- closing from a callback --------------------------------------------------- */

static void close_at(const char *scheme, const char *says, enum moment when,
                     unsigned reopen)
{
    struct story s;
    begin(&s, says);
    listen_v4(&s);
    s.close_at = when;
    s.reopen = reopen;
    connect_to(&s, scheme, "127.0.0.1");
    loop_until_set(&s.loop, &s.closed, "closed");
    assert_int_equal(s.link.state, LINK_DOWN);
    assert_int_equal(s.opened, 1);
    assert_int_equal(s.closes, 1 + reopen);
    assert_string_equal(s.why, reopen ? "at once" : "enough");
    assert_int_equal(s.received > 0, when == RECEIVED);
    end(&s);
}

static void it_may_be_closed_while_it_opens(void **state)
{
    (void)state;
    close_at("redis", "news", OPENED, 0);
    close_at("rediss", "hello\nnews", OPENED, 0);
}

static void it_may_be_closed_while_it_receives(void **state)
{
    (void)state;
    close_at("redis", "news", RECEIVED, 0);
    close_at("rediss", "hello\nnews", RECEIVED, 0);
}

static void it_may_be_opened_and_closed_while_it_closes(void **state)
{
    (void)state;
    close_at("redis", "news", OPENED, 2);
    close_at("rediss", "hello\nnews", RECEIVED, 2);
}

static void what_ends_a_conversation_is_told(void **state)
{
    static const struct {
        const char *scheme, *says, *why;
        unsigned opened;
    } ends[] = {
        {"rediss", "hello\nbye\n", "the server closed the connection", 1},
        {"rediss", "goodness", "TLS: no hello", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct story s;
        begin(&s, ends[i].says);
        listen_v4(&s);
        connect_to(&s, ends[i].scheme, "127.0.0.1");
        loop_until_set(&s.loop, &s.closed, "closed");
        assert_string_equal(s.why, ends[i].why);
        assert_int_equal(s.opened, ends[i].opened);
        assert_int_equal(s.link.hung_up, ends[i].opened == 1);
        end(&s);
    }
}

/* ---- several addresses --------------------------------------------------------- */

static bool is_open(void *ctx)
{
    return ((struct story *)ctx)->opened > 0;
}

static void a_dead_address_leads_to_the_next(void **state)
{
    struct sockaddr_in6 at;
    struct story s;
    (void)state;
    begin(&s, "news");
    uv_ip6_addr("::1", 0, &at);
    if (listen_at(&s, (struct sockaddr *)&at) < 0) { /* a machine without IPv6 */
        loop_finish(&s.loop);
        skip();
    }
    connect_to(&s, "redis", "localhost");
    loop_until(&s.loop, is_open, &s, "open");
    assert_int_equal(link_peer(&s.link)->u.any.sa_family, AF_INET6);
    end(&s);
}

static void when_none_answers_all_are_counted(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "");
    listen_v4(&s);
    uv_close((uv_handle_t *)&s.listener, NULL);
    loop_for(&s.loop, 1); /* now the port is free */
    connect_to(&s, "redis", "localhost");
    loop_until_set(&s.loop, &s.closed, "closed");
    assert_non_null(strstr(s.why, "none of the 2 addresses of 'localhost' answers"));
    end(&s);
}

static void it_may_be_closed_between_two_addresses(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "");
    listen_v4(&s);
    uv_close((uv_handle_t *)&s.listener, NULL);
    loop_for(&s.loop, 1);
    connect_to(&s, "redis", "localhost");
    while (s.link.tried == 1 && !uv_is_closing(&s.link.u.handle))
        uv_run(&s.loop, UV_RUN_ONCE);
    link_close(&s.link, "enough");
    loop_until_set(&s.loop, &s.closed, "closed");
    assert_string_equal(s.why, "enough");
    assert_int_equal(s.closes, 1);
    end(&s);
}

static void it_may_be_closed_while_a_name_is_looked_up(void **state)
{
    struct story s;
    (void)state;
    begin(&s, "");
    s.port = 1;
    connect_to(&s, "redis", "no-such-host.invalid");
    assert_true(s.link.resolving);
    link_close(&s.link, "enough");
    loop_until_set(&s.loop, &s.closed, "closed");
    assert_string_equal(s.why, "enough");
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_may_be_closed_while_it_opens),
        cmocka_unit_test(it_may_be_closed_while_it_receives),
        cmocka_unit_test(it_may_be_opened_and_closed_while_it_closes),
        cmocka_unit_test(what_ends_a_conversation_is_told),
        cmocka_unit_test(a_dead_address_leads_to_the_next),
        cmocka_unit_test(when_none_answers_all_are_counted),
        cmocka_unit_test(it_may_be_closed_between_two_addresses),
        cmocka_unit_test(it_may_be_closed_while_a_name_is_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
