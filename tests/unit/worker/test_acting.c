/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the remote control that change something, and what nobody should have
 * asked for; workers that meet, and elect one of them. */
#include "../../../src/control/gossip_parts.h"
#include "../../../src/control/mingle.h"
#include "../../../src/queue.h"
#include "../../../src/request/revocation.h"
#include "../protocol/cmocka_all.h"
#include "panel.h"

#include "../../../protocol/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct panel p;
static struct broker broker;
static struct queue consumed[4];
static size_t nconsumed;
static char sent[4096]; /* events, by routing key and body */
static bus_replied_fn *replied;
static bus_asked_fn *asked;
static char question[4096];

static void keep_event(struct bus *b, struct str key, struct str body, size_t n)
{
    (void)b, (void)n;
    size_t len = strlen(sent);
    snprintf(sent + len, sizeof(sent) - len, "%.*s %.*s\n", STR_ARG(key),
             STR_ARG(body));
}

static void ask(struct bus *b, const struct bus_request *r, bus_replied_fn *on_reply,
                bus_asked_fn *on_done, void *ctx)
{
    (void)b, (void)ctx;
    snprintf(question, sizeof(question), "%.*s%.*s", STR_ARG(r->method),
             STR_ARG(r->arguments));
    replied = on_reply;
    asked = on_done;
}

static int consume(struct broker *b, const struct queue *q)
{
    (void)b;
    consumed[nconsumed++] =
        (struct queue){strdup(q->name), strdup(q->exchange), strdup(q->exchange_type),
                       strdup(q->routing_key), 0};
    return 0;
}

static bool cancel(struct broker *b, const char *name)
{
    (void)b, (void)name;
    return false;
}

static const struct queue *list_consumed(const struct broker *b, size_t i)
{
    (void)b;
    return i < nconsumed ? &consumed[i] : NULL;
}

static struct bus_ops bus_ops;
static const struct broker_ops broker_ops = {.consume = consume,
                                             .cancel = cancel,
                                             .consumed = list_consumed};

static int begin(void **state)
{
    (void)state;
    panel_start(&p);
    bus_ops = *p.bus.ops;
    bus_ops.send_event = keep_event;
    bus_ops.ask = ask;
    p.bus.ops = &bus_ops;
    broker.ops = &broker_ops;
    p.w.broker = &broker;
    p.w.state = WORKER_RUNNING;
    revoke_init(&p.w.revoke);
    p.w.gossip = gossip_create(&p.w);
    panel_know(&p, (struct frame_row[]){{.name = STR("t.a")}, {.name = STR("t.b")}}, 2);
    sent[0] = question[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (; nconsumed > 0; nconsumed--) {
        struct queue *q = &consumed[nconsumed - 1];
        free(q->name), free(q->exchange), free(q->exchange_type), free(q->routing_key);
    }
    revoke_finish(&p.w.revoke);
    struct gossip *g = p.w.gossip;
    panel_finish(&p);
    gossip_destroy(g);
    return 0;
}

static void answers(const char *method, const char *arguments, const char *body)
{
    char text[2048];
    assert_int_equal(panel_call(&p, method, arguments), 1);
    snprintf(text, sizeof(text), "{\"w1@h1\": %s}", body);
    if (strcmp(p.body, text) != 0)
        fail_msg("%s(%s): %s, not %s", method, arguments, p.body, text);
}

#define ERROR(text) "{\"error\": \"" text "\"}"
#define OK(text) "{\"ok\": \"" text "\"}"

/* ---- revoke ------------------------------------------------------------------- */

static void what_is_revoked_is_remembered(void **state)
{
    (void)state;
    answers("revoke", "{\"task_id\": [\"b\", \"a\", \"b\"]}",
            OK("tasks {'a', 'b'} flagged as revoked"));
    answers("revoke", "{\"task_id\": \"it's\"}",
            OK("tasks {\\\"it's\\\"} flagged as revoked"));
    answers("revoke", "{\"task_id\": []}", OK("tasks set() flagged as revoked"));
    answers("revoke", "{\"task_id\": null}", OK("tasks set() flagged as revoked"));
    answers("revoked", "{}", "[\"a\", \"b\", \"it's\"]");
}

static void ids_of_other_kinds_are_refused_as_python_refuses_them(void **state)
{
    (void)state;
    answers("revoke", "{\"task_id\": 5}",
            ERROR("TypeError('sequence item 0: expected str instance, int found')"));
    answers("revoke", "{\"task_id\": [{}]}",
            ERROR("TypeError(\\\"unhashable type: 'dict'\\\")"));
    answers("revoke", "{\"task_id\": [[]]}",
            ERROR("TypeError(\\\"unhashable type: 'list'\\\")"));
    answers("revoke", "{\"terminate\": true}",
            ERROR("TypeError(\\\"revoke() missing 1 required positional argument: "
                  "'task_id'\\\")"));
    answers("terminate", "{\"signal\": \"KILL\", \"task_id\": 5}",
            OK("terminate: tasks unknown"));
}

static void a_signal_has_its_name(void **state)
{
    (void)state;
    answers("terminate", "{\"signal\": \"KILL\", \"task_id\": \"x\"}",
            OK("terminate: tasks unknown"));
    answers("terminate", "{\"signal\": \"SIGUSR1\", \"task_id\": \"x\"}",
            OK("terminate: tasks unknown"));
    answers("terminate", "{\"signal\": 9, \"task_id\": \"x\"}",
            OK("terminate: tasks unknown"));
    answers("terminate", "{\"signal\": \"kill\", \"task_id\": \"x\"}",
            ERROR("TypeError('signal name must be uppercase string.')"));
    answers("terminate", "{\"signal\": \"9\", \"task_id\": \"x\"}",
            ERROR("TypeError('signal name must be uppercase string.')"));
    answers("revoke", "{\"signal\": \"FOO\", \"terminate\": 1, \"task_id\": \"x\"}",
            ERROR("AttributeError(\\\"module 'signal' has no attribute 'SIGFOO'\\\")"));
    answers("terminate", "{\"signal\": [], \"task_id\": \"x\"}",
            OK("terminate: tasks unknown"));
    answers("terminate", "{\"signal\": {\"a\": 1}, \"task_id\": \"x\"}",
            ERROR("TypeError('signal name must be uppercase string.')"));
    answers("terminate", "{\"signal\": 99999, \"task_id\": \"x\"}",
            ERROR("OSError(22, 'Invalid argument')"));
}

static void stamps_are_revoked_by_header(void **state)
{
    (void)state;
    answers("revoke_by_stamped_headers", "{\"headers\": [\"k=v\", \"n=1=2\"]}",
            OK("headers {'k': 'v', 'n': '1'} flagged as revoked, but not terminated"));
    answers("revoke_by_stamped_headers",
            "{\"headers\": {\"k\": [\"w\", 3]}, \"terminate\": true}",
            OK("headers {'k': ['w', 3]} were not terminated"));
    assert_int_equal(p.w.revoke.stamps.n, 4);
    answers("revoke_by_stamped_headers", "{\"headers\": [\"k\"]}",
            ERROR("IndexError('list index out of range')"));
    answers("revoke_by_stamped_headers", "{\"headers\": [1]}",
            ERROR("AttributeError(\\\"'int' object has no attribute 'split'\\\")"));
    answers("revoke_by_stamped_headers", "{\"headers\": \"k=v\"}",
            ERROR("AttributeError(\\\"'str' object has no attribute 'items'\\\")"));
}

/* ---- limits ------------------------------------------------------------------- */

static const struct attributes *row(const char *name)
{
    return &table_find(pool_table(p.w.pool), str_of(name))->attributes;
}

static void rates_are_set_and_shown(void **state)
{
    (void)state;
    answers("rate_limit", "{\"task_name\": \"t.a\", \"rate_limit\": \"10/m\"}",
            OK("new rate limit set successfully"));
    answers("registered", "{}", "[\"t.a [rate_limit=10/m]\", \"t.b\"]");
    answers("rate_limit", "{\"task_name\": \"t.a\", \"rate_limit\": 2.5}",
            OK("new rate limit set successfully"));
    assert_true(row("t.a")->rate_per_s > 2.4 && row("t.a")->rate_per_s < 2.6);
    answers("rate_limit", "{\"task_name\": \"t.a\", \"rate_limit\": \"\"}",
            OK("rate limit disabled successfully"));
    answers("rate_limit", "{\"task_name\": \"t.a\", \"rate_limit\": null}",
            OK("rate limit disabled successfully"));
    answers("registered", "{}", "[\"t.a\", \"t.b\"]");
}

static void what_is_no_rate_is_refused(void **state)
{
    (void)state;
#define RATE(v) "{\"task_name\": \"t.a\", \"rate_limit\": " v "}"
    answers("rate_limit", RATE("\"abc\""),
            ERROR("Invalid rate limit string: ValueError(\\\"could not convert string "
                  "to float: 'abc'\\\")"));
    answers("rate_limit", RATE("\"/m\""),
            ERROR("Invalid rate limit string: ValueError(\\\"could not convert string "
                  "to float: ''\\\")"));
    answers("rate_limit", RATE("\"1/d\""), ERROR("KeyError('d')"));
    answers("rate_limit", RATE("[1]"),
            ERROR("TypeError(\\\"float() argument must be a string or a real number, "
                  "not 'list'\\\")"));
    answers("rate_limit", RATE("\"1/s/s\""), ERROR("KeyError('s/s')"));
    answers("rate_limit", "{\"task_name\": \"none\", \"rate_limit\": \"1/s\"}",
            ERROR("unknown task"));
    answers("rate_limit", "{\"task_name\": {}, \"rate_limit\": \"1/s\"}",
            ERROR("TypeError(\\\"argument 'task_name' must be str, not dict\\\")"));
    assert_int_equal(panel_call(&p, "rate_limit", RATE("-1")), 1);
    assert_non_null(strstr(p.body, "Invalid rate limit string"));
    assert_true(row("t.a")->rate_per_s == 0);
}

static void time_limits_hold_for_what_comes(void **state)
{
    (void)state;
    answers("time_limit", "{\"task_name\": \"t.b\", \"soft\": 1, \"hard\": 2.5}",
            OK("time limits set successfully"));
    assert_true(row("t.b")->time_limit_s == 2.5 && row("t.b")->soft_time_limit_s == 1);
    answers("time_limit", "{\"task_name\": \"t.b\"}",
            OK("time limits set successfully"));
    assert_true(row("t.b")->time_limit_s == 0 && row("t.b")->soft_time_limit_s == 0);
    answers("time_limit", "{\"task_name\": \"x\", \"hard\": 1}", ERROR("unknown task"));
    answers("time_limit", "{}", ERROR("unknown task"));
    answers("time_limit", "{\"task_name\": \"t.b\", \"soft\": \"1\"}",
            ERROR("TypeError('soft must be a number of seconds, not str')"));
    answers("time_limit", "{\"task_name\": \"t.b\", \"hard\": -1}",
            ERROR(
                "ValueError('hard must be a number of seconds from 0 to 1000000000')"));
}

/* ---- the pool, the end ---------------------------------------------------------- */

static void the_pool_says_why_it_does_not_change(void **state)
{
    (void)state;
    answers("pool_shrink", "{\"n\": 1}",
            ERROR("ValueError(\\\"Can't shrink pool. All processes busy!\\\")"));
    answers("pool_grow", "{\"n\": \"2\"}",
            ERROR("TypeError(\\\"'str' object cannot be interpreted as an "
                  "integer\\\")"));
    answers("pool_grow", "{\"n\": 100000000000000000000}",
            ERROR("ValueError(\\\"Can't grow pool: it has 0 processes, and may have "
                  "1024\\\")"));
    answers("pool_grow", "{\"n\": -5}", OK("pool will grow"));
    answers("pool_grow", "{\"n\": 3}", OK("pool will grow"));
    assert_int_equal(pool_size(p.w.pool), 3);
    answers("pool_restart", "{}", ERROR("ValueError('Pool restarts not enabled')"));
    answers("autoscale", "{\"max\": 3}", ERROR("ValueError('Autoscale not enabled')"));
    p.config.autoscale_max = 4;
    answers("pool_grow", "{}",
            ERROR("pool_grow is not supported with autoscale. Adjust autoscale range "
                  "instead."));
    answers("pool_shrink", "{}",
            ERROR("pool_shrink is not supported with autoscale. Adjust autoscale range "
                  "instead."));
    answers("autoscale", "{\"max\": 6, \"min\": 2}", OK("autoscale now max=6 min=2"));
    answers("autoscale", "{\"max\": null}", OK("autoscale now max=6 min=2"));
    answers("autoscale", "{\"max\": \"x\"}",
            ERROR("TypeError(\\\"'str' object cannot be interpreted as an "
                  "integer\\\")"));
}

/* ---- queues ------------------------------------------------------------------- */

static void a_queue_is_added_once(void **state)
{
    (void)state;
    answers("add_consumer", "{\"queue\": \"q2\"}", OK("add consumer q2"));
    answers("add_consumer", "{\"queue\": \"q2\", \"exchange\": null}",
            OK("add consumer q2"));
    assert_int_equal(nconsumed, 1);
    assert_string_equal(consumed[0].exchange, "q2");
    assert_string_equal(consumed[0].exchange_type, "direct");
    assert_string_equal(consumed[0].routing_key, "q2");
    answers("add_consumer",
            "{\"queue\": \"q3\", \"exchange\": \"x\", \"exchange_type\": \"topic\", "
            "\"routing_key\": \"a.#\"}",
            OK("add consumer q3"));
    assert_string_equal(consumed[1].routing_key, "a.#");
    answers("cancel_consumer", "{\"queue\": \"none\"}",
            OK("no longer consuming from none"));
}

static void what_is_no_queue_is_refused(void **state)
{
    (void)state;
    answers("add_consumer", "{\"queue\": \"q\", \"exchange_type\": \"odd\"}",
            ERROR("ValueError(\\\"queue 'q': exchange type 'odd' cannot be taken from: "
                  "use direct or topic\\\")"));
    answers("add_consumer", "{\"queue\": 7}",
            ERROR("TypeError('queue must be str, not int')"));
    answers("add_consumer", "{\"queue\": \"a\\u0000b\"}",
            ERROR("ValueError('queue holds a NUL character')"));
    answers("add_consumer", "{\"queue\": \"\"}",
            ERROR("ValueError('it names no queue')"));
    answers("add_consumer", "{\"queue\": \"q\", \"routing_key\": []}",
            ERROR("TypeError('routing_key must be str, not list')"));
    answers("cancel_consumer", "{\"queue\": null}",
            ERROR("TypeError('queue must be str, not NoneType')"));
    assert_int_equal(nconsumed, 0);
}

/* ---- mingle --------------------------------------------------------------------- */

static struct bus_message message(const char *body)
{
    struct json_error e;
    arena_reset(&p.arena);
    return (struct bus_message){.arena = &p.arena,
                                .headers = value_map(&p.arena, 0),
                                .body =
                                    json_read(&p.arena, str_of(body), JSON_COPY_STRINGS,
                                              &json_default_limits, &e)};
}

static void hello_gives_and_takes_what_is_revoked(void **state)
{
    (void)state;
    answers("revoke", "{\"task_id\": \"a\"}", OK("tasks {'a'} flagged as revoked"));
    p.w.clock = 40;
    answers("hello", "{\"from_node\": \"w2@h\", \"revoked\": {\"b\": [1.5, \"b\"]}}",
            "{\"clock\": 42, \"revoked\": [\"a\", \"b\"]}");
    answers("hello", "{\"from_node\": \"w2@h\", \"revoked\": [\"c\", 7, null]}",
            "{\"clock\": 45, \"revoked\": [\"a\", \"b\", \"c\"]}");
    answers("hello", "{\"from_node\": \"w1@h1\"}", "null");
    answers("hello", "{\"from_node\": \"w2@h\", \"revoked\": 5}",
            ERROR("TypeError(\\\"'int' object is not iterable\\\")"));
}

static void a_start_asks_and_takes_what_comes(void **state)
{
    (void)state;
    answers("revoke", "{\"task_id\": \"a\"}", OK("tasks {'a'} flagged as revoked"));
    mingle_begin(&p.w);
    assert_string_equal(question,
                        "hello{\"from_node\": \"w1@h1\", \"revoked\": [\"a\"]}");
    question[0] = '\0';
    mingle_begin(&p.w); /* it still waits */
    assert_string_equal(question, "");
    struct bus_message m =
        message("{\"w2@h\": {\"clock\": 900, \"revoked\": [\"x\"]}}");
    replied(&p.w, &m);
    static const char *const odd[] = {"{\"w1@h1\": null}",
                                      "{\"w3@h\": {\"clock\": -1}}", "{\"w4@h\": 5}",
                                      "{\"w5@h\": {\"revoked\": \"abc\"}}", "[]"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        m = message(odd[i]);
        replied(&p.w, &m);
    }
    asked(&p.w, NULL);
    assert_true(p.w.clock > 900 && p.w.clock < 910);
    assert_true(revoke_has_id(&p.w.revoke, STR("x")));
    assert_int_equal(p.w.mingling.neighbours, 4);
    assert_false(p.w.mingling.asking);
}

/* ---- gossip ------------------------------------------------------------------- */

static void hear(const char *event)
{
    struct bus_message m = message(event);
    gossip_heard(&p.w, &m);
}

static void peers_are_alive_for_twice_their_interval(void **state)
{
    (void)state;
    struct peers all;
    struct peer_event e = {.hostname = STR("w2@h"),
                           .type = STR("worker-online"),
                           .freq_s = 2};
    peers_init(&all);
    peers_note(&all, &e, 1000);
    e.type = STR("worker-heartbeat");
    peers_note(&all, &e, 2000);
    peers_look(&all, 5999, false);
    assert_int_equal(all.n, 1);
    peers_look(&all, 60000, true); /* nobody could be heard */
    assert_int_equal(all.n, 1);
    peers_look(&all, 64000, false);
    assert_int_equal(all.n, 0);
    peers_note(&all, &e, 70000);
    e.type = STR("worker-offline");
    peers_note(&all, &e, 70001);
    assert_int_equal(all.n, 0);
    for (unsigned i = 0; i < PEERS_MAX + 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "w%u", i);
        peers_note(&all, &(struct peer_event){.hostname = str_of(name)}, 1);
    }
    assert_int_equal(all.n, PEERS_MAX);
    peers_finish(&all);
}

static void events_of_others_carry_the_clock_on(void **state)
{
    (void)state;
    hear("{\"type\": \"worker-online\", \"hostname\": \"w2@h\", \"clock\": 100, "
         "\"freq\": 2.0}");
    assert_int_equal(p.w.clock, 101);
    assert_int_equal(p.w.gossip->peers.n, 1);
    hear("{\"type\": \"worker-online\", \"hostname\": \"w1@h1\", \"clock\": 7000}");
    assert_int_equal(p.w.clock, 102);
    static const char *const odd[] = {
        "{}",
        "[]",
        "[1, null, {\"type\": 5}]",
        "{\"type\": \"worker-online\"}",
        "{\"type\": \"worker-online\", \"hostname\": [], \"clock\": \"x\"}",
        "{\"type\": \"worker-elect\"}",
        "{\"type\": \"worker-elect-ack\"}",
        "{\"type\": \"worker-elect-ack\", \"id\": {\"a\": []}}",
        "{\"type\": \"worker-heartbeat\", \"hostname\": \"w9\", \"freq\": -1e400}"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        hear(odd[i]);
    assert_int_equal(p.w.gossip->peers.n, 2);
}

static void elect(const char *hostname, int pid, int clock)
{
    char text[512];
    snprintf(
        text, sizeof(text),
        "{\"type\": \"worker-elect\", \"id\": \"e1\", \"clock\": %d, \"hostname\": "
        "\"%s\", \"pid\": %d, \"topic\": \"odd\", \"action\": null, \"cver\": 1}",
        clock, hostname, pid);
    hear(text);
}

#define ACK "{\"type\": \"worker-elect-ack\", \"id\": \"e1\", \"hostname\": \"w\"}"

static void the_lowest_candidate_is_elected(void **state)
{
    (void)state;
    hear("{\"type\": \"worker-online\", \"hostname\": \"w2@h\", \"clock\": 1}");
    hear(ACK); /* of nobody's election */
    answers("election", "{\"id\": \"e1\", \"topic\": \"odd\"}", "null");
    assert_non_null(strstr(sent, "\"topic\": \"odd\", \"action\": null, \"cver\": 1"));
    elect("w1@h1", getpid(), 20);
    assert_null(strstr(sent, "worker.elect.ack")); /* w2 would fail of it */
    hear(ACK); /* too early: there is another candidate to come */
    assert_int_equal(p.w.gossip->elections.n, 1);
    elect("w2@h", 7, 19);
    assert_non_null(strstr(sent, "worker.elect.ack"));
    hear(ACK);
    assert_int_equal(p.w.gossip->elections.n, 0);
}

static void alone_one_wins_at_once(void **state)
{
    (void)state;
    answers("election", "{\"id\": \"e1\", \"topic\": \"odd\", \"action\": {}}", "null");
    elect("w1@h1", getpid(), 20);
    hear(ACK);
    assert_int_equal(p.w.gossip->elections.n, 0);
}

static void elections_are_bounded(void **state)
{
    (void)state;
    char text[256];
    for (unsigned i = 0; i < 3 * ELECTIONS_MAX; i++) {
        snprintf(text, sizeof(text), "{\"id\": %u, \"topic\": \"t\"}", i);
        answers("election", text, "null");
    }
    assert_int_equal(p.w.gossip->elections.n, ELECTIONS_MAX);
    static char long_id[2 * ELECTION_ID_MAX];
    int n = snprintf(long_id, sizeof(long_id), "{\"topic\": \"t\", \"id\": \"");
    memset(long_id + n, 'x', ELECTION_ID_MAX);
    strcpy(long_id + n + ELECTION_ID_MAX, "\"}");
    answers("election", long_id,
            ERROR("ValueError(\\\"an election's id has at most 512 bytes\\\")"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_revoked_is_remembered),
        T(ids_of_other_kinds_are_refused_as_python_refuses_them),
        T(a_signal_has_its_name),
        T(stamps_are_revoked_by_header),
        T(rates_are_set_and_shown),
        T(what_is_no_rate_is_refused),
        T(time_limits_hold_for_what_comes),
        T(the_pool_says_why_it_does_not_change),
        T(a_queue_is_added_once),
        T(what_is_no_queue_is_refused),
        T(hello_gives_and_takes_what_is_revoked),
        T(a_start_asks_and_takes_what_comes),
        T(peers_are_alive_for_twice_their_interval),
        T(events_of_others_carry_the_clock_on),
        T(the_lowest_candidate_is_elected),
        T(alone_one_wins_at_once),
        T(elections_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
