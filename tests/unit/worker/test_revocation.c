/* SPDX-License-Identifier: Apache-2.0 */
/* What a revoke, a rate limit and a lost child do to the requests at hand: what is
 * stored and how the message is settled, with a broker and a backend that only write it
 * down. */
#include "../../../protocol/message.h"
#include "../../../src/request/giveback.h"
#include "../../../src/request/revocation.h"
#include "../protocol/cmocka_all.h"
#include "loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct story {
    struct worker w;
    struct config config;
    struct broker broker;
    struct backend backend;
    struct table table;
    struct frame_row row;
    unsigned acked, put_back, stored, released;
    enum broker_side side;
    char meta[1024], put_back_text[2048];
};

static struct story s;

static void ack(struct broker *b, struct delivery *d)
{
    (void)b;
    s.acked++;
    outcome_settled(&s.w, d);
}

static void put_back(struct broker *b, struct delivery *d, enum broker_side side,
                     struct str text)
{
    (void)b;
    s.put_back++;
    s.side = side;
    snprintf(s.put_back_text, sizeof(s.put_back_text), "%.*s", (int)text.n,
             text.p ? text.p : "");
    outcome_settled(&s.w, d);
}

static void store(struct backend *b, struct str id, struct str meta,
                  enum backend_document document, backend_done_fn *done, void *ctx)
{
    (void)b, (void)document, (void)id;
    s.stored++;
    snprintf(s.meta, sizeof(s.meta), "%.*s", (int)meta.n, meta.p);
    if (done)
        done(ctx, BACKEND_STORED, NULL);
}

static void released(struct request *rq)
{
    s.released++;
    request_move(rq, RQ_READY);
}

static const struct broker_ops broker_ops = {.ack = ack, .put_back = put_back};
static const struct backend_ops backend_ops = {.store = store};
static const struct pool_events pool_events = {0};

static int begin(void **state)
{
    static const struct throttle_events throttle_events = {revocation_drops, released};
    (void)state;
    s = (struct story){.broker.ops = &broker_ops, .backend.ops = &backend_ops};
    s.config.hostname = (char *)(uintptr_t) "w1@h1";
    s.config.message_max_bytes = 1 << 20;
    s.row = (struct frame_row){.name = STR("t"), .attributes = ATTRIBUTES_DEFAULTS};
    s.row.attributes.rate_per_s = 1.0 / 3600;
    s.table = (struct table){.rows = &s.row, .n = 1};
    s.w.config = &s.config;
    s.w.broker = &s.broker;
    s.w.backend = &s.backend;
    for (unsigned i = 0; i < RQ_STATES; i++)
        list_init(&s.w.requests[i]);
    loop_start(&s.w.loop);
    log_init(&s.w.loop, (enum log_level)99);
    arena_init(&s.w.scratch, 1 << 20);
    s.w.unknown = unknown_create();
    s.w.metrics = metrics_create();
    events_init(&s.w.events, &s.w);
    s.w.pool = pool_create(&s.w.loop, &s.config, 0, STR(""), &pool_events, &s);
    s.w.throttle = throttle_create(&s.w.loop, &s.table, &throttle_events);
    revocation_load(&s.w);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_finish();
    loop_finish(&s.w.loop);
    for (unsigned i = 0; i < RQ_STATES; i++)
        while (!list_empty(&s.w.requests[i]))
            request_destroy(list_entry(s.w.requests[i].next, struct request, link));
    throttle_destroy(s.w.throttle);
    schedule_finish(&s.w.schedule);
    pool_destroy(s.w.pool);
    revoke_finish(&s.w.revoke);
    arena_finish(&s.w.scratch);
    unknown_destroy(s.w.unknown);
    events_finish(&s.w.events);
    metrics_destroy(s.w.metrics);
    return 0;
}

static struct request *request(const char *id, const char *headers)
{
    char text[512];
    int n =
        snprintf(text, sizeof(text),
                 "{\"body\": \"\", \"headers\": {\"task\": \"t\", \"id\": \"%s\"%s}, "
                 "\"properties\": {}}",
                 id, headers);
    struct message m = {.id = str_of(id), .name = STR("t"), .task = STR("t")};
    struct request *rq =
        request_create(&s.w, &m, STR("celery"), (struct str){text, (size_t)n});
    rq->row = &s.row;
    rq->store_errors = true;
    rq->has_stamps = strstr(headers, "stamp") != NULL;
    return rq;
}

static struct request *waiting(const char *id, enum request_state state)
{
    struct request *rq = request(id, "");
    rq->due_us = INT64_MAX / 2;
    schedule_add(&s.w.schedule, rq);
    request_move(rq, state);
    return rq;
}

static struct request *running(const char *id)
{
    struct request *rq = request(id, "");
    request_move(rq, RQ_READY);
    request_move(rq, RQ_GIVEN);
    request_move(rq, RQ_RUNNING);
    return rq;
}

static void expect_stored(const char *status, const char *error)
{
    if (!strstr(s.meta, status) || !strstr(s.meta, error))
        fail_msg("%s has not %s and %s", s.meta, status, error);
}

#define REVOKED "\"status\": \"REVOKED\""
#define BECAUSE(why)                                                                   \
    "\"result\": {\"exc_type\": \"TaskRevokedError\", \"exc_message\": [\"" why        \
    "\"], \"exc_module\": \"celery.exceptions\"}"

/* ---- revoking ------------------------------------------------------------------ */

static void what_waits_anywhere_is_dropped_at_once(void **state)
{
    static const struct str ids[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};
    (void)state;
    waiting("a", RQ_WAITING);
    waiting("x", RQ_WAITING);
    waiting("b", RQ_PARKED);
    request_move(request("c", ""), RQ_READY);
    request_move(request("y", ""), RQ_READY);
    assert_true(throttle_admit(s.w.throttle, request("z", ""))); /* takes the token */
    assert_false(throttle_admit(s.w.throttle, request("d", "")));
    assert_false(throttle_admit(s.w.throttle, request("w", "")));
    assert_int_equal(revocation_revoke(&s.w, ids, 5), 5);
    assert_int_equal(s.acked, 4);
    assert_int_equal(s.stored, 4);
    expect_stored(REVOKED, BECAUSE("revoked"));
    assert_int_equal(s.w.counts[RQ_WAITING], 1);
    assert_int_equal(s.w.counts[RQ_PARKED], 0);
    assert_int_equal(s.w.counts[RQ_READY], 1);
    assert_int_equal(s.w.counts[RQ_LIMITED], 1);
    assert_int_equal(s.w.schedule.n, 1);
    assert_true(revocation_drops(request("e", ""))); /* that came later */
    assert_false(revocation_drops(request("f", "")));
    assert_int_equal(s.acked, 5);
}

static void a_stamp_drops_what_carries_it(void **state)
{
    const ptl_value me = {.kind = PTL_STR, .u.s = {"me", 2}};
    const char *stamped =
        ", \"stamped_headers\": [\"who\"], \"stamps\": {\"who\": \"me\"}";
    (void)state;
    request_move(request("a", stamped), RQ_READY);
    request_move(request("b", ""), RQ_READY);
    assert_true(revocation_revoke_stamp(&s.w, STR("who"), &me));
    assert_int_equal(s.acked, 1);
    expect_stored(REVOKED, BECAUSE("revoked"));
    assert_true(revocation_drops(request("c", stamped)));
    assert_int_equal(s.w.counts[RQ_READY], 1);
}

static void what_is_expired_counts_as_revoked_from_then_on(void **state)
{
    struct request *rq = request("a", "");
    (void)state;
    rq->expires_us = 1;
    assert_true(revocation_drops(rq));
    expect_stored(REVOKED, BECAUSE("expired"));
    assert_true(revocation_drops(request("a", "")));
    expect_stored(REVOKED, BECAUSE("revoked"));
}

static void an_ignored_result_is_not_stored(void **state)
{
    struct request *rq = request("a", "");
    (void)state;
    rq->store_errors = false;
    rq->expires_us = 1;
    assert_true(revocation_drops(rq));
    assert_int_equal(s.stored, 0);
    assert_int_equal(s.acked, 1);
}

static void ten_thousand_are_revoked_among_as_many(void **state)
{
    static char names[10000][16];
    static struct str ids[10000];
    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(names[i], sizeof(names[i]), "task-%d", i);
        ids[i] = str_of(names[i]);
        waiting(names[i], RQ_WAITING);
        snprintf(s.put_back_text, 16, "other-%d", i);
        waiting(s.put_back_text, RQ_WAITING);
    }
    assert_int_equal(revocation_revoke(&s.w, ids, 10000), 10000);
    assert_int_equal(s.acked, 10000);
    assert_int_equal(s.w.counts[RQ_WAITING], 10000);
    assert_int_equal(s.w.schedule.n, 10000);
}

static void a_signal_is_known_by_name_and_number(void **state)
{
    (void)state;
    assert_int_equal(revocation_signal(STR("KILL")), SIGKILL);
    assert_int_equal(revocation_signal(STR("SIGTERM")), SIGTERM);
    assert_int_equal(revocation_signal(STR("sigusr1")), SIGUSR1);
    assert_int_equal(revocation_signal(STR("9")), 9);
    assert_int_equal(revocation_signal(STR("")), 0);
    assert_int_equal(revocation_signal(STR("-9")), 0);
    assert_int_equal(revocation_signal(STR("9999")), 0);
    assert_int_equal(revocation_signal(STR("HALT-AND-CATCH-FIRE")), 0);
}

/* ---- rate limits --------------------------------------------------------------- */

static void what_expires_while_it_waits_for_its_rate_costs_no_token(void **state)
{
    (void)state;
    assert_true(throttle_admit(s.w.throttle, request("a", "")));
    struct request *late = request("b", "");
    assert_false(throttle_admit(s.w.throttle, late));
    assert_false(throttle_admit(s.w.throttle, request("c", "")));
    assert_false(throttle_admit(s.w.throttle, request("d", "")));
    late->expires_us = 1;
    throttle_set(s.w.throttle, 0, 1000000); /* a changed limit lets the others pass */
    loop_for(&s.w.loop, 20);
    assert_int_equal(s.released, 2);
    assert_int_equal(s.acked, 1);
    assert_int_equal(s.w.counts[RQ_LIMITED], 0);
    throttle_set(s.w.throttle, 0, 0);
    for (int i = 0; i < 10; i++)
        assert_true(throttle_admit(s.w.throttle, request("e", "")));
}

/* ---- children that did not live to report --------------------------------------- */

static void a_terminated_task_is_revoked_and_acknowledged(void **state)
{
    (void)state;
    running("a")->acks_late = true;
    s.row.attributes.reject_on_worker_lost = true;
    outcome_lost(&s.w, list_entry(s.w.requests[RQ_RUNNING].next, struct request, link),
                 POOL_LOST_TERMINATED, SIGKILL);
    expect_stored(REVOKED, BECAUSE("terminated"));
    assert_int_equal(s.acked, 1);
    assert_int_equal(s.put_back, 0);
}

static void a_hard_limit_that_is_not_acknowledged_fails_and_goes_back(void **state)
{
    struct request *rq = running("a");
    (void)state;
    rq->acks_late = true;
    rq->hard_limit_s = 1.5;
    s.row.attributes.acks_on_timeout = false;
    outcome_lost(&s.w, rq, POOL_LOST_TIME_LIMIT, SIGKILL);
    expect_stored("\"status\": \"FAILURE\"", "\"exc_type\": \"TimeLimitExceeded\", "
                                             "\"exc_message\": [1.5]");
    assert_int_equal(s.put_back, 1);
    assert_int_equal(s.side, BROKER_BACK);
    assert_non_null(strstr(s.put_back_text, "\"x-petiole-rerun\": true"));
    assert_int_equal(s.acked, 0);
}

static void what_goes_back_a_second_time_is_held_first(void **state)
{
    (void)state;
    s.w.state = WORKER_RUNNING;
    s.row.attributes.acks_on_timeout = false;
    for (int i = 0; i < 2; i++) {
        struct request *rq = running("a");
        rq->acks_late = true;
        rq->hard_limit_s = 1.5;
        outcome_lost(&s.w, rq, POOL_LOST_TIME_LIMIT, SIGKILL);
    }
    assert_int_equal(s.put_back, 1);
    struct request *held = schedule_next(&s.w.schedule);
    assert_non_null(held);
    assert_int_equal(held->state, RQ_PARKED);
    schedule_remove(&s.w.schedule, held);
    s.put_back_text[0] = '\0';
    intake_due(held);
    assert_int_equal(s.put_back, 2);
    assert_non_null(strstr(s.put_back_text, "\"x-petiole-rerun\": true"));
}

static void a_cold_stop_gives_back_late_tasks_and_marks_early_ones(void **state)
{
    struct request *late = running("a"), *early = running("b");
    (void)state;
    s.w.cold = true;
    late->acks_late = true;
    early->store_errors = false; /* as Celery: it stores this one all the same */
    outcome_lost(&s.w, late, POOL_LOST_SIGNAL, SIGKILL);
    assert_int_equal(s.stored, 0);
    s.w.quiesced = true;
    giveback_unstarted(&s.w);
    assert_int_equal(s.put_back, 0); /* an older one may still be dying */
    s.w.pool_stopped = true;
    giveback_unstarted(&s.w);
    assert_int_equal(s.put_back, 1);
    assert_int_equal(s.side, BROKER_FRONT);
    assert_non_null(strstr(s.put_back_text, "\"redelivered\": true"));
    outcome_lost(&s.w, early, POOL_LOST_SIGNAL, SIGKILL);
    expect_stored("{\"status\": \"RETRY\", \"result\": {\"exc_type\": \"Retry\", "
                  "\"exc_message\": [\"Retry(Retry(...), None, None)\", null, null], "
                  "\"exc_module\": \"celery.exceptions\"}, \"traceback\": null, "
                  "\"children\": []",
                  "\"date_done\": null");
    assert_int_equal(s.acked, 1);
}

static void a_task_that_is_cancelled_for_a_lost_connection_goes_back(void **state)
{
    struct request *rq = running("a");
    (void)state;
    rq->acks_late = rq->cancelled = true;
    outcome_lost(&s.w, rq, POOL_LOST_TERMINATED, SIGTERM);
    expect_stored("\"status\": \"RETRY\"", "Retry(Retry(...), None, None)");
    assert_int_equal(s.put_back, 1);
    assert_int_equal(s.side, BROKER_FRONT);
}

static void extended_results_name_the_arguments_a_child_had_told(void **state)
{
    struct request *rq = running("a");
    (void)state;
    s.config.result_extended = true;
    rq->call = strdup("\"args\": [1], \"kwargs\": {\"k\": 2}");
    outcome_lost(&s.w, rq, POOL_LOST_EXIT, 3);
    expect_stored("\"name\": \"t\", \"args\": [1], \"kwargs\": {\"k\": 2}, \"worker\"",
                  "Worker exited prematurely: exitcode 3 Job: 0.");
    rq = request("b", "");
    rq->expires_us = 1;
    assert_true(revocation_drops(rq));
    expect_stored(REVOKED, "\"args\": null, \"kwargs\": null");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_waits_anywhere_is_dropped_at_once),
        T(a_stamp_drops_what_carries_it),
        T(what_is_expired_counts_as_revoked_from_then_on),
        T(an_ignored_result_is_not_stored),
        T(ten_thousand_are_revoked_among_as_many),
        T(a_signal_is_known_by_name_and_number),
        T(what_expires_while_it_waits_for_its_rate_costs_no_token),
        T(a_terminated_task_is_revoked_and_acknowledged),
        T(a_hard_limit_that_is_not_acknowledged_fails_and_goes_back),
        T(what_goes_back_a_second_time_is_held_first),
        T(a_cold_stop_gives_back_late_tasks_and_marks_early_ones),
        T(a_task_that_is_cancelled_for_a_lost_connection_goes_back),
        T(extended_results_name_the_arguments_a_child_had_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
