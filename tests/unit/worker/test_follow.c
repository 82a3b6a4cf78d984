/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an outcome: when each effect acts, what is published with the
 * acknowledgement, and what a crash, a lost lease or a shutdown makes of it. Broker,
 * backend and child only write down what they are asked. */
#include "../../../protocol/base64.h"
#include "../../../protocol/message.h"
#include "../../../src/pool/slot.h"
#include "../../../src/request/conclude.h"
#include "../../../src/request/follow.h"
#include "../../../src/request/giveback.h"
#include "../../../src/request/revocation.h"
#include "../child/failing_alloc.h"
#include "../protocol/cmocka_all.h"
#include "loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PLAIN                                                                          \
    "[[], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": null, \"chord\": "  \
    "null}]"
#define CHORD "[[], {}, {\"chord\": {\"task\": \"b\"}}]"
#define MESSAGE                                                                        \
    "{\"body\": \"\", \"headers\": {}, \"properties\": {\"delivery_info\": {}}}"

struct story {
    struct worker w;
    struct config config;
    struct broker broker;
    struct backend backend;
    struct frame_row row;
    struct slot child; /* gone already: nothing can be told to it */
    struct wr said;    /* what broker and backend were asked, in order */
    bool answers;      /* … and whether they answer at once */
    backend_done_fn *done;
    void *ctx;
    enum backend_part_state part, sending;
};

static struct story s;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wr_text(&s.said, text);
    wr_text(&s.said, "\n");
}

/* All that was said since it was asked last. */
static const char *said(void)
{
    static char text[1 << 20];
    snprintf(text, sizeof(text), "%.*s", (int)s.said.len, s.said.p);
    wr_reset(&s.said);
    return text;
}

#define expect(text) assert_string_equal(said(), text)

/* ---- a broker and a backend ---------------------------------------------------- */

static void ack(struct broker *b, struct delivery *d)
{
    (void)b;
    say("ack");
    outcome_settled(&s.w, d);
}

static void put_back(struct broker *b, struct delivery *d, enum broker_side side,
                     struct str text)
{
    (void)b, (void)side, (void)text;
    say("put back");
    outcome_settled(&s.w, d);
}

static void bury(struct broker *b, struct delivery *d,
                 const struct broker_burial *burial)
{
    (void)b;
    say("bury: %.*s", (int)burial->reason.n, burial->reason.p);
    outcome_settled(&s.w, d);
}

static void replace(struct broker *b, struct delivery *d,
                    const struct broker_message *messages, size_t n)
{
    (void)b;
    say("replace by %zu, the first for %.*s", n, (int)messages[0].to.routing_key.n,
        messages[0].to.routing_key.p);
    outcome_settled(&s.w, d);
}

static void publish(struct broker *b, const struct broker_address *to, struct str text,
                    void (*done)(void *ctx), void *ctx)
{
    (void)b;
    say("publish for %.*s%s", (int)to->routing_key.n, to->routing_key.p,
        memmem(text.p, text.n, "\"redelivered\": true", 19) ? ", marked" : "");
    done(ctx);
}

static void send_it(struct broker *b, const struct broker_address *to, struct str text,
                    broker_sent_fn *done, void *ctx)
{
    (void)b, (void)text;
    say("send for %.*s", (int)to->routing_key.n, to->routing_key.p);
    done(ctx, NULL);
}

static void answer_done(backend_done_fn *done, void *ctx)
{
    if (s.answers && done)
        done(ctx, BACKEND_STORED, NULL);
    else
        s.done = done, s.ctx = ctx;
}

static void store(struct backend *b, struct str id, struct str meta,
                  enum backend_document document, backend_done_fn *done, void *ctx)
{
    (void)b, (void)document;
    say("store %.*s: %.*s", (int)id.n, id.p, (int)(meta.n < 20 ? meta.n : 20), meta.p);
    answer_done(done, ctx);
}

static void chord_part(struct backend *b, const struct backend_part *p,
                       backend_part_fn *done, void *ctx)
{
    (void)b;
    say("part %.*s of %.*s", (int)p->task_id.n, p->task_id.p, (int)p->group.n,
        p->group.p);
    done(ctx, s.part, 0.001, NULL);
}

static void chord_sending(struct backend *b, struct str group, struct str id,
                          backend_part_fn *done, void *ctx)
{
    (void)b;
    say("sending %.*s for %.*s", (int)group.n, group.p, (int)id.n, id.p);
    done(ctx, s.sending, 0, NULL);
}

static void chord_end(struct backend *b, struct str group, struct str id, bool sent,
                      backend_done_fn *done, void *ctx)
{
    (void)b, (void)id;
    say("end %.*s%s", (int)group.n, group.p, sent ? "" : ", failed");
    done(ctx, BACKEND_STORED, NULL);
}

static void chord_size(struct backend *b, struct str group, int64_t size, bool again,
                       backend_done_fn *done, void *ctx)
{
    (void)b;
    say("size %.*s %d%s", (int)group.n, group.p, (int)size, again ? " again" : "");
    answer_done(done, ctx);
}

static void read_back(struct backend *b, enum backend_read what, const struct str *ids,
                      size_t n, backend_read_fn *done, void *ctx)
{
    const struct str document = STR("{\"status\": \"SUCCESS\"}");
    (void)b, (void)what, (void)n;
    say("read %.*s", (int)ids[0].n, ids[0].p);
    done(ctx, &document, 1, true, NULL);
}

static const struct broker_ops broker_ops = {.ack = ack,
                                             .put_back = put_back,
                                             .bury = bury,
                                             .replace = replace,
                                             .publish = publish,
                                             .send = send_it};
static const struct backend_ops backend_ops = {.store = store,
                                               .chord_part = chord_part,
                                               .chord_sending = chord_sending,
                                               .chord_end = chord_end,
                                               .chord_size = chord_size,
                                               .read = read_back};
static const struct pool_events pool_events = {0};

/* ---- a request ----------------------------------------------------------------- */

static int begin(void **state)
{
    (void)state;
    s = (struct story){.broker.ops = &broker_ops,
                       .backend.ops = &backend_ops,
                       .child.state = SLOT_GONE,
                       .answers = true,
                       .sending = PART_COMPLETE};
    s.config.hostname = (char *)(uintptr_t) "w1@h1";
    s.config.message_max_bytes = 1 << 20;
    s.row = (struct frame_row){.name = STR("t"), .attributes = ATTRIBUTES_DEFAULTS};
    s.w.config = &s.config;
    s.w.broker = &s.broker;
    s.w.backend = &s.backend;
    for (unsigned i = 0; i < RQ_STATES; i++)
        list_init(&s.w.requests[i]);
    loop_start(&s.w.loop);
    log_init(&s.w.loop, (enum log_level)99);
    arena_init(&s.w.scratch, 16 << 20);
    wr_init(&s.said, 1 << 20);
    s.w.unknown = unknown_create();
    s.w.metrics = metrics_create();
    events_init(&s.w.events, &s.w);
    s.w.pool = pool_create(&s.w.loop, &s.config, 0, STR(""), &pool_events, &s);
    revocation_load(&s.w);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_finish();
    loop_finish(&s.w.loop);
    s.w.closed = true;
    for (unsigned i = 0; i < RQ_STATES; i++)
        while (!list_empty(&s.w.requests[i]))
            request_destroy(list_entry(s.w.requests[i].next, struct request, link));
    schedule_finish(&s.w.schedule);
    pool_destroy(s.w.pool);
    revoke_finish(&s.w.revoke);
    arena_finish(&s.w.scratch);
    unknown_destroy(s.w.unknown);
    events_finish(&s.w.events);
    metrics_destroy(s.w.metrics);
    wr_finish(&s.said);
    return 0;
}

static struct request *request(const char *body)
{
    struct message m = {.id = STR("me"), .name = STR("t"), .task = STR("t")};
    struct wr text;
    wr_init(&text, 4096);
    wr_text(&text, "{\"body\": \"");
    base64_encode(&text, str_of(body));
    wr_text(&text,
            "\", \"content-type\": \"application/json\", \"headers\": {\"task\": "
            "\"t\", \"id\": \"me\"}, \"properties\": {\"body_encoding\": "
            "\"base64\"}}");
    struct request *rq = request_create(&s.w, &m, STR("celery"), wr_str(&text));
    wr_finish(&text);
    rq->row = &s.row;
    rq->acks_late = rq->store_errors = true;
    rq->may_follow = strcmp(body, PLAIN) != 0;
    return rq;
}

static void run(struct request *rq)
{
    const struct frame_started started = {.job = rq->job};
    if (rq->state == RQ_RECEIVED)
        request_move(rq, RQ_READY);
    assert_int_equal(rq->state, RQ_READY);
    request_move(rq, RQ_GIVEN);
    rq->child = (struct child *)&s.child;
    outcome_started(&s.w, rq, &started, 1);
}

static struct request *runs(void)
{
    struct request *rq = request(CHORD);
    run(rq);
    return rq;
}

static void done(struct request *rq, uint32_t effects)
{
    if (effects == 0)
        rq->child = NULL;
    outcome_done(&s.w, rq,
                 &(struct frame_done){.outcome = OUTCOME_SUCCESS,
                                      .meta = STR("{\"of\": \"me\"}"),
                                      .effects = effects},
                 "child");
}

static bool tell(struct request *rq, struct frame_effect f, bool last)
{
    if (last)
        rq->child = NULL;
    return follow_effect(&s.w, rq, &f);
}

static struct frame_effect message_for(const char *queue)
{
    return (struct frame_effect){.kind = EFFECT_PUBLISH,
                                 .routing_key = str_of(queue),
                                 .text = STR(MESSAGE)};
}

static const struct frame_effect part = {.kind = EFFECT_CHORD_PART,
                                         .id = {"me", 2},
                                         .group = {"chord", 5},
                                         .text = {"[]", 2}};
static const struct frame_effect other = {.kind = EFFECT_STORE,
                                          .id = {"other", 5},
                                          .text = {"{}", 2}};
static const struct frame_effect size_of_two = {.kind = EFFECT_CHORD_SIZE,
                                                .group = {"chord", 5},
                                                .size = 2};
static const struct frame_effect chord_sent = {.kind = EFFECT_CHORD_END,
                                               .group = {"chord", 5},
                                               .size = 1};

static size_t in_state(enum request_state state)
{
    return s.w.counts[state];
}

/* ---- the ordinary way ---------------------------------------------------------- */

static void without_effects_a_task_is_stored_and_acknowledged(void **state)
{
    (void)state;
    done(runs(), 0);
    expect("store me: {\"of\": \"me\"}\nack\n");
    assert_int_equal(s.w.nrequests, 0);
}

/* Whichever allocation fails, behind the last effect it must not look as if all were
 * done. */
static void without_memory_what_follows_is_not_given_up(void **state)
{
    bool failed = true;
    (void)state;
    for (int n = 0; failed; n++) {
        struct request *rq = runs();
        done(rq, 1);
        said();
        alloc_fail_at(n);
        tell(rq, message_for("next"), true);
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        assert_string_not_equal(said(), "ack\n");
        end(state);
        begin(state);
    }
}

static void what_follows_waits_until_the_outcome_is_stored(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.answers = false;
    done(rq, 3);
    tell(rq, message_for("next"), false);
    tell(rq, other, false);
    expect("store me: {\"of\": \"me\"}\n");
    s.answers = true;
    s.done(s.ctx, BACKEND_STORED, NULL);
    expect("store other: {}\n");
    assert_int_equal(rq->state, RQ_FOLLOWING);
    tell(rq, message_for("next"), true);
    expect("replace by 2, the first for next\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void
what_was_acknowledged_early_is_followed_by_messages_of_their_own(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    rq->acks_late = false;
    run(rq);
    expect("ack\n");
    done(rq, 2);
    tell(rq, message_for("a"), false);
    expect("store me: {\"of\": \"me\"}\n");
    tell(rq, message_for("b"), true);
    expect("publish for a\npublish for b\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void a_running_handlers_effects_act_at_once_and_in_order(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.answers = false;
    assert_true(tell(rq, message_for("a"), false));
    assert_false(tell(rq, size_of_two, false)); /* it waits for the answer */
    tell(rq, message_for("b"), false);
    expect("send for a\nsize chord 2\n");
    done(rq, 0);
    assert_int_equal(rq->state, RQ_SENDING);
    s.answers = true;
    s.done(s.ctx, BACKEND_STORED, NULL);
    expect("send for b\nstore me: {\"of\": \"me\"}\nack\n");
}

static void many_messages_go_ahead_of_the_acknowledgement(void **state)
{
    struct request *rq = runs();
    (void)state;
    done(rq, FOLLOW_MAX + 1);
    said();
    for (size_t i = 0; i < FOLLOW_MAX; i++)
        assert_true(tell(rq, message_for("a"), false));
    expect("");
    tell(rq, message_for("b"), true);
    const char *text = said();
    assert_memory_equal(text, "publish for a, marked\n", 22);
    assert_non_null(strstr(text, "replace by 1, the first for b\n"));
    assert_int_equal(s.w.nrequests, 0);
}

static void a_child_that_tells_too_much_is_not_read(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.answers = false;
    done(rq, FOLLOW_MAX * 2);
    for (size_t i = 1; i < FOLLOW_MAX; i++)
        assert_true(tell(rq, message_for("a"), false));
    assert_false(tell(rq, message_for("a"), false));
    s.answers = true;
    s.done(s.ctx, BACKEND_STORED, NULL);
    assert_true(tell(rq, message_for("a"), false));
}

/* ---- chords -------------------------------------------------------------------- */

static struct request *joins(void)
{
    struct request *rq = runs();
    s.part = PART_COMPLETE;
    done(rq, 1);
    tell(rq, part, true);
    assert_int_equal(rq->state, RQ_READY);
    assert_int_equal(rq->mode, TASK_JOIN);
    assert_true(str_is(follow_part(rq), "me"));
    run(rq);
    said();
    return rq;
}

static void a_complete_chord_is_joined_and_ended_after_the_settlement(void **state)
{
    struct request *rq = joins();
    (void)state;
    done(rq, 2);
    tell(rq, message_for("body"), false);
    tell(rq, chord_sent, true);
    expect("sending chord for me\nreplace by 1, the first for body\nend chord\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void an_incomplete_chord_is_left_to_its_other_parts(void **state)
{
    struct request *rq = runs();
    (void)state;
    done(rq, 1);
    tell(rq, part, true);
    expect("store me: {\"of\": \"me\"}\npart me of chord\nack\n");
}

static void a_chord_that_another_joins_is_not_sent_twice(void **state)
{
    struct request *rq = joins();
    (void)state;
    s.sending = PART_DONE;
    done(rq, 2);
    tell(rq, message_for("body"), false);
    tell(rq, chord_sent, true);
    expect("sending chord for me\nack\n");
}

static void a_claimed_chord_is_looked_at_again_after_a_redelivery(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.part = PART_CLAIMED;
    rq->redelivered = true;
    done(rq, 1);
    tell(rq, part, true);
    expect("store me: {\"of\": \"me\"}\npart me of chord\n");
    assert_ptr_equal(schedule_next(&s.w.schedule), rq);
    schedule_remove(&s.w.schedule, rq);
    s.part = PART_DONE;
    intake_due(rq);
    expect("part me of chord\nack\n");
}

static void a_claimed_chord_is_no_business_of_a_first_delivery(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.part = PART_CLAIMED;
    done(rq, 1);
    tell(rq, part, true);
    expect("store me: {\"of\": \"me\"}\npart me of chord\nack\n");
}

static void what_waits_for_a_claim_goes_back_at_shutdown(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.part = PART_CLAIMED;
    rq->redelivered = true;
    done(rq, 1);
    tell(rq, part, true);
    said();
    s.w.state = WORKER_STOPPING;
    s.w.quiesced = true;
    giveback_unstarted(&s.w);
    expect("put back\n");
    assert_null(schedule_next(&s.w.schedule));
    assert_int_equal(s.w.nrequests, 0);
}

/* ---- crashes and lost leases --------------------------------------------------- */

static void a_child_that_dies_behind_done_has_its_outcome_concluded(void **state)
{
    struct request *rq = runs();
    (void)state;
    done(rq, 2);
    tell(rq, message_for("next"), false);
    rq->child = NULL;
    follow_unfollowed(&s.w, rq);
    assert_int_equal(rq->state, RQ_READY);
    assert_int_equal(rq->mode, TASK_CONCLUDE);
    assert_true(follow_outcome_is_stored(rq));
    assert_true(str_is(follow_outcome(rq), "{\"of\": \"me\"}"));
    run(rq);
    said();
    done(rq, 1);
    tell(rq, message_for("next"), true);
    expect("replace by 1, the first for next\n"); /* and not stored again */
}

static void a_child_that_dies_before_the_outcome_is_stored_is_waited_for(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.answers = false;
    done(rq, 2);
    rq->child = NULL;
    follow_unfollowed(&s.w, rq);
    assert_int_equal(rq->state, RQ_STORING);
    s.answers = true;
    s.done(s.ctx, BACKEND_STORED, NULL);
    assert_int_equal(rq->mode, TASK_CONCLUDE);
    assert_int_equal(rq->state, RQ_READY);
}

static void a_message_that_kills_whoever_concludes_it_is_a_dead_letter(void **state)
{
    struct request *rq = runs();
    (void)state;
    done(rq, 1);
    rq->child = NULL;
    follow_unfollowed(&s.w, rq);
    for (int i = 1; i < CONCLUDE_DEATHS_MAX; i++) {
        run(rq);
        rq->child = NULL;
        outcome_lost(&s.w, rq, POOL_LOST_SIGNAL, 11);
    }
    expect("store me: {\"of\": \"me\"}\nbury: 3 children died of what follows from its "
           "outcome\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void a_join_is_begun_anew_and_sends_once(void **state)
{
    struct request *rq = joins();
    (void)state;
    done(rq, 2);
    tell(rq, message_for("body"), false);
    rq->child = NULL;
    follow_unfollowed(&s.w, rq);
    assert_int_equal(rq->mode, TASK_JOIN);
    assert_true(str_is(follow_part(rq), "me"));
    run(rq);
    done(rq, 2);
    tell(rq, message_for("body"), false);
    tell(rq, chord_sent, true);
    expect("sending chord for me\nreplace by 1, the first for body\nend chord\n");
}

static void what_another_worker_has_is_not_published_here(void **state)
{
    struct request *rq = joins();
    (void)state;
    done(rq, 2);
    tell(rq, message_for("body"), false);
    outcome_lease_lost(&s.w, &rq->delivery);
    tell(rq, chord_sent, true);
    expect("sending chord for me\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void an_answer_that_comes_after_the_request_has_gone_is_nothing(void **state)
{
    struct request *rq = runs();
    (void)state;
    s.answers = false;
    tell(rq, size_of_two, false);
    rq->child = NULL;
    outcome_requeue(rq);
    assert_int_equal(s.w.nrequests, 0);
    s.done(s.ctx, BACKEND_STORED, NULL);
}

/* ---- outcomes that no child told of -------------------------------------------- */

static void a_plain_message_is_concluded_without_a_child(void **state)
{
    (void)state;
    outcome_revoked(request(PLAIN), "revoked", NULL);
    expect("store me: {\"status\": \"REVOKED\"\nack\n");
}

static void a_revoked_part_of_a_chord_is_concluded_by_a_child(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    outcome_revoked(rq, "revoked", NULL);
    expect("");
    assert_int_equal(rq->state, RQ_READY);
    assert_int_equal(rq->mode, TASK_CONCLUDE);
    assert_false(follow_outcome_is_stored(rq));
    struct str outcome = follow_outcome(rq);
    assert_non_null(memmem(outcome.p, outcome.n, "TaskRevokedError", 16));
    assert_false(revocation_drops(rq));
    run(rq);
    done(rq, 1);
    tell(rq, part, true);
    expect("store me: {\"of\": \"me\"}\npart me of chord\nack\n");
}

static bool hear_told(struct bus *b, const struct bus_request *r)
{
    (void)b;
    wr_printf(&s.said, "told " STR_FMT " " STR_FMT "\n", STR_ARG(r->method),
              STR_ARG(r->arguments));
    return true;
}

static void a_task_that_a_child_revokes_is_revoked_by_every_worker(void **state)
{
    static const struct bus_ops bus_ops = {.tell = hear_told};
    const struct frame_effect revoke = {.kind = EFFECT_REVOKE, .id = STR("other")};
    struct bus bus = {.ops = &bus_ops};
    struct request *rq = runs();
    (void)state;
    s.w.bus = &bus;
    done(rq, 1);
    tell(rq, revoke, true);
    expect("store me: {\"of\": \"me\"}\ntold revoke {\"task_id\": [\"other\"], "
           "\"terminate\": false, \"signal\": null}\nack\n");
    assert_true(limited_has(&s.w.revoke.ids, STR("other")));
    s.w.bus = NULL;
}

static void a_lost_childs_task_is_concluded_though_its_result_is_ignored(void **state)
{
    struct request *rq = runs();
    (void)state;
    rq->store_errors = false;
    rq->child = NULL;
    outcome_lost(&s.w, rq, POOL_LOST_SIGNAL, 11);
    assert_int_equal(rq->mode, TASK_CONCLUDE);
    run(rq);
    done(rq, 1);
    tell(rq, part, true);
    expect("part me of chord\nack\n");
}

static void what_is_found_stored_after_a_redelivery_is_concluded(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    request_move(rq, RQ_CHECKING);
    conclude_stored(rq);
    expect("read me\n");
    assert_int_equal(rq->state, RQ_READY);
    assert_true(follow_outcome_is_stored(rq));
    assert_true(str_is(follow_outcome(rq), "{\"status\": \"SUCCESS\"}"));
}

static void what_a_child_cannot_read_is_stored_by_the_parent(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    outcome_revoked(rq, "revoked", NULL);
    request_move(rq, RQ_GIVEN);
    outcome_refused(&s.w, rq, &(struct frame_refused){0, REFUSED_UNDECODABLE, STR("")});
    expect("store me: {\"status\": \"REVOKED\"\nack\n");
}

static void an_unregistered_task_is_told_to_its_chord_and_then_buried(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    rq->row = NULL;
    s.config.unknown_tasks = (char *)(uintptr_t) "requeue";
    s.config.unknown_task_wait_s = 0;
    for (int i = 0; i < 2 && rq->mode == TASK_RUN; i++) {
        if (rq->state == RQ_PARKED)
            schedule_remove(&s.w.schedule, rq);
        rq->state = RQ_RECEIVED;
        unregistered_task(rq);
    }
    assert_int_equal(rq->mode, TASK_CONCLUDE);
    run(rq);
    done(rq, 1);
    tell(rq, part, true);
    assert_non_null(strstr(said(), "part me of chord\nbury: unregistered task"));
}

static void at_shutdown_what_no_child_can_conclude_goes_back(void **state)
{
    struct request *rq = request(CHORD);
    (void)state;
    outcome_revoked(rq, "revoked", NULL);
    s.w.pool_stopping = true;
    conclude_not(rq);
    expect("put back\n");
    rq = runs(); /* and one that ends now: it is only stored here */
    rq->acks_late = false;
    rq->settled = true;
    rq->child = NULL;
    outcome_lost(&s.w, rq, POOL_LOST_SIGNAL, 11);
    expect("store me: {\"status\": \"FAILURE\"\n");
    assert_int_equal(s.w.nrequests, 0);
}

static void the_pool_is_kept_while_a_chord_may_need_it(void **state)
{
    struct request *rq = request(PLAIN);
    (void)state;
    run(rq);
    assert_false(conclude_may_be_needed(&s.w));
    rq->may_follow = true;
    assert_true(conclude_may_be_needed(&s.w));
    done(rq, 0);
    assert_false(conclude_may_be_needed(&s.w));
    assert_int_equal(in_state(RQ_RUNNING), 0);
}

#define story(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(without_effects_a_task_is_stored_and_acknowledged),
        story(what_follows_waits_until_the_outcome_is_stored),
        story(without_memory_what_follows_is_not_given_up),
        story(what_was_acknowledged_early_is_followed_by_messages_of_their_own),
        story(a_running_handlers_effects_act_at_once_and_in_order),
        story(many_messages_go_ahead_of_the_acknowledgement),
        story(a_child_that_tells_too_much_is_not_read),
        story(a_complete_chord_is_joined_and_ended_after_the_settlement),
        story(an_incomplete_chord_is_left_to_its_other_parts),
        story(a_chord_that_another_joins_is_not_sent_twice),
        story(a_claimed_chord_is_looked_at_again_after_a_redelivery),
        story(a_claimed_chord_is_no_business_of_a_first_delivery),
        story(what_waits_for_a_claim_goes_back_at_shutdown),
        story(a_child_that_dies_behind_done_has_its_outcome_concluded),
        story(a_child_that_dies_before_the_outcome_is_stored_is_waited_for),
        story(a_message_that_kills_whoever_concludes_it_is_a_dead_letter),
        story(a_join_is_begun_anew_and_sends_once),
        story(what_another_worker_has_is_not_published_here),
        story(an_answer_that_comes_after_the_request_has_gone_is_nothing),
        story(a_plain_message_is_concluded_without_a_child),
        story(a_revoked_part_of_a_chord_is_concluded_by_a_child),
        story(a_task_that_a_child_revokes_is_revoked_by_every_worker),
        story(a_lost_childs_task_is_concluded_though_its_result_is_ignored),
        story(what_is_found_stored_after_a_redelivery_is_concluded),
        story(what_a_child_cannot_read_is_stored_by_the_parent),
        story(an_unregistered_task_is_told_to_its_chord_and_then_buried),
        story(at_shutdown_what_no_child_can_conclude_goes_back),
        story(the_pool_is_kept_while_a_chord_may_need_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
