/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what is put is what is got, however it is torn; what is bad is refused. */
#include "../../../src/pool/frame.h"
#include "failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_FRAME 4096

static const struct frame_hello hello = {
    .hostname = {"celery@host", 11},
    .plugins = {"/a.so\0/b.so", 12},
    .settings = {"{}", 2},
    .accept_content = {"json", 5},
    .message_max_bytes = 1u << 20,
    .index = 3,
    .log_level = 20,
    .attributes = {.soft_time_limit_s = 1.5, .track_started = true},
    .annotations = {"{}", 2},
};
static const struct frame_task task = {
    .job = 1ull << 40,
    .queue = {"celery", 6},
    .redelivered = true,
    .mode = TASK_CONCLUDE,
    .stored = true,
    .outcome = {"{\"status\": \"SUCCESS\"}", 21},
    .part = {"an-id", 5},
    .envelope = {"{\"body\": \"\"}", 12},
};
static const struct frame_row row = {
    .name = {"demo.add", 8},
    .params = {"x y", 3},
    .summary = {"", 0},
    .plugin = {"demo", 4},
    .attributes = {.acks_late = true,
                   .acks_on_timeout = true,
                   .rate_per_s = 10,
                   .max_retries = ATTRIBUTES_RETRY_FOREVER},
};
static const struct frame_done done = {
    .job = 7,
    .outcome = OUTCOME_RETRY,
    .runtime_s = 0.25,
    .meta = {"{}", 2},
    .repr = {"5", 1},
    .retry = {"[]", 2},
    .cause = {"None", 4},
    .memory_bytes = 4096,
    .effects = 2,
};

static const struct frame_effect effect = {
    .job = 7,
    .kind = EFFECT_CHORD_PART,
    .exchange = {"", 0},
    .routing_key = {"images", 6},
    .priority = -3,
    .id = {"part", 4},
    .group = {"chord", 5},
    .index = (double)INFINITY,
    .size = -1,
    .text = {"{\"body\": \"\"}", 12},
};

static void put_documents(struct wr *w)
{
    size_t begun = frame_begin_documents(w, 7, true);

    frame_put_document(w, STR("{}"));
    frame_put_document(w, (struct str){NULL, 0});
    frame_put_document(w, STR(""));
    frame_end(w, begun);
}

static const struct frame_metric metric = {.job = 7,
                                           .kind = FRAME_METRIC_OBSERVE,
                                           .name = {"seconds", 7},
                                           .labels = {"a=\"b\"", 5},
                                           .value = 1.5,
                                           .nbuckets = 2,
                                           .buckets = {1, 2}};

static const struct frame_event event = {7, {"task-progress", 13}, {"\"n\": 1", 6}};

static void put_all(struct wr *w)
{
    size_t begun;

    frame_put_hello(w, &hello);
    frame_put_task_head(w, &task);
    wr_put(w, task.envelope);
    frame_put_stop(w);
    begun = frame_begin_ready(w, 42, 2);
    frame_put_row(w, &row);
    frame_put_row(w, &row);
    frame_end(w, begun);
    frame_put_broken(w, STR("why"));
    frame_put_refused(w, &(struct frame_refused){7, REFUSED_UNKNOWN, STR("no")});
    frame_put_started(w, &(struct frame_started){7, STR(""), STR("")});
    frame_put_state(w, &(struct frame_state){7, STR("{}")});
    frame_put_log(w, &(struct frame_log){7, 30, STR("careful")});
    frame_put_done(w, &done);
    frame_put_effect(w, &effect);
    frame_put_read(w, &(struct frame_read){7, FRAME_READ_RESULTS, {"a\0b\0", 4}});
    put_documents(w);
    frame_put_metric(w, &metric);
    frame_put_event(w, &event);
}

/* ---- Reading each as it was put ------------------------------------------------ */

static void check_hello(struct rd body)
{
    struct frame_hello f;

    assert_true(frame_get_hello(body, &f));
    assert_true(str_eq(f.plugins, hello.plugins));
    assert_int_equal(f.message_max_bytes, hello.message_max_bytes);
    assert_true(f.attributes.soft_time_limit_s == 1.5 && f.attributes.track_started);
    assert_true(str_is(f.annotations, "{}") && !f.result_extended);
}

static void check_task(struct rd body)
{
    struct frame_task f;

    assert_true(frame_get_task(body, &f));
    assert_int_equal(f.job, task.job);
    assert_true(f.redelivered);
    assert_true(f.mode == TASK_CONCLUDE && f.stored && str_is(f.part, "an-id"));
    assert_true(str_eq(f.outcome, task.outcome));
    assert_true(str_eq(f.envelope, task.envelope));
}

static void check_ready(struct rd body)
{
    struct frame_ready f;
    struct frame_row r;

    assert_true(frame_get_ready(body, &f));
    assert_int_equal(f.nrows, 2);
    assert_true(frame_get_row(&f.rows, &r) && frame_get_row(&f.rows, &r));
    assert_true(str_is(r.name, "demo.add"));
    assert_true(r.attributes.acks_late && r.attributes.acks_on_timeout);
    assert_true(r.attributes.rate_per_s == 10 && !r.attributes.acks_on_failure);
    assert_true(r.attributes.max_retries == ATTRIBUTES_RETRY_FOREVER);
    assert_false(frame_get_row(&f.rows, &r));
}

static void check_done(struct rd body)
{
    struct frame_done f;

    assert_true(frame_get_done(body, &f));
    assert_int_equal(f.outcome, OUTCOME_RETRY);
    assert_true(f.runtime_s == 0.25);
    assert_true(str_is(f.retry, "[]") && f.traceback.n == 0);
    assert_int_equal(f.effects, 2);
}

static void check_effect(struct rd body)
{
    struct frame_effect f;

    assert_true(frame_get_effect(body, &f));
    assert_int_equal(f.job, 7);
    assert_int_equal(f.kind, EFFECT_CHORD_PART);
    assert_true(str_is(f.routing_key, "images") && f.exchange.n == 0);
    assert_int_equal(f.priority, -3);
    assert_true(str_is(f.id, "part") && str_is(f.group, "chord"));
    assert_true(isinf(f.index) && f.size == -1);
    assert_true(str_eq(f.text, effect.text));
}

static void check_documents(struct rd body)
{
    struct frame_documents f;
    struct str d;

    assert_true(frame_get_documents(body, &f) && f.job == 7 && f.last);
    assert_true(frame_next_document(&f.items, &d) && str_is(d, "{}"));
    assert_true(frame_next_document(&f.items, &d) && !d.p);
    assert_true(frame_next_document(&f.items, &d) && d.p && d.n == 0);
    assert_false(frame_next_document(&f.items, &d));
}

static void check_refused(struct rd body)
{
    struct frame_refused f;

    assert_true(frame_get_refused(body, &f));
    assert_int_equal(f.reason, REFUSED_UNKNOWN);
}

static void check_event(struct rd body)
{
    struct frame_event f;

    assert_true(frame_get_event(body, &f));
    assert_true(str_is(f.type, "task-progress") && str_is(f.fields, "\"n\": 1"));
}

static void check_metric(struct rd body)
{
    struct frame_metric f;

    assert_true(frame_get_metric(body, &f));
    assert_int_equal(f.kind, FRAME_METRIC_OBSERVE);
    assert_true(str_is(f.name, "seconds") && str_is(f.labels, "a=\"b\""));
    assert_true(f.value == 1.5 && f.nbuckets == 2 && f.buckets[1] == 2);
}

static void check_small(const struct frame *f)
{
    struct frame_started started;
    struct frame_state state;
    struct frame_read read;
    struct frame_log log;
    struct str why;

    if (f->type == FRAME_BROKEN)
        assert_true(frame_get_broken(f->body, &why) && str_is(why, "why"));
    if (f->type == FRAME_STARTED)
        assert_true(frame_get_started(f->body, &started) && started.job == 7);
    if (f->type == FRAME_STATE)
        assert_true(frame_get_state(f->body, &state) && str_is(state.meta, "{}"));
    if (f->type == FRAME_LOG)
        assert_true(frame_get_log(f->body, &log) && log.level == 30);
    if (f->type == FRAME_READ)
        assert_true(frame_get_read(f->body, &read) && read.what == FRAME_READ_RESULTS &&
                    read.ids.n == 4);
}

static void check(const struct frame *f)
{
    switch (f->type) {
    case FRAME_HELLO:
        check_hello(f->body);
        break;
    case FRAME_TASK:
        check_task(f->body);
        break;
    case FRAME_READY:
        check_ready(f->body);
        break;
    case FRAME_DONE:
        check_done(f->body);
        break;
    case FRAME_EFFECT:
        check_effect(f->body);
        break;
    case FRAME_DOCUMENTS:
        check_documents(f->body);
        break;
    case FRAME_METRIC:
        check_metric(f->body);
        break;
    case FRAME_EVENT:
        check_event(f->body);
        break;
    case FRAME_REFUSED:
        check_refused(f->body);
        break;
    default:
        check_small(f);
    }
}

static void take_all(struct frame_reader *r, unsigned *seen)
{
    struct frame f;
    int rc;

    while ((rc = frame_reader_next(r, &f)) > 0) {
        assert_int_equal(f.type, ++*seen); /* put_all follows the enum */
        check(&f);
    }
    assert_int_equal(rc, 0);
}

/* ---- Stories ------------------------------------------------------------------ */

static void frames_survive_being_torn_at_each_byte(void **state)
{
    struct wr w;

    (void)state;
    wr_init(&w, SIZE_MAX / 2);
    put_all(&w);
    assert_false(w.bad);
    for (size_t cut = 0; cut <= w.len; cut++) {
        struct frame_reader r;
        unsigned seen = 0;

        frame_reader_init(&r, MAX_FRAME);
        assert_true(frame_reader_feed(&r, (struct str){w.p, cut}));
        take_all(&r, &seen);
        assert_true(frame_reader_feed(&r, (struct str){w.p + cut, w.len - cut}));
        take_all(&r, &seen);
        assert_int_equal(seen, FRAME_EVENT);
        frame_reader_finish(&r);
    }
    wr_finish(&w);
}

static void frames_survive_coming_byte_by_byte(void **state)
{
    struct frame_reader r;
    unsigned seen = 0;
    struct wr w;

    (void)state;
    wr_init(&w, SIZE_MAX / 2);
    put_all(&w);
    frame_reader_init(&r, MAX_FRAME);
    for (size_t i = 0; i < w.len; i++) {
        assert_true(frame_reader_feed(&r, (struct str){w.p + i, 1}));
        take_all(&r, &seen);
    }
    assert_int_equal(seen, FRAME_EVENT);
    frame_reader_finish(&r);
    wr_finish(&w);
}

static int next_of(const char *bytes, size_t n, bool *fed)
{
    struct frame_reader r;
    struct frame f;
    int rc;

    frame_reader_init(&r, MAX_FRAME);
    *fed = frame_reader_feed(&r, (struct str){bytes, n});
    rc = frame_reader_next(&r, &f);
    frame_reader_finish(&r);
    return rc;
}

static void bad_headers_are_refused(void **state)
{
    bool fed;

    (void)state;
    assert_int_equal(next_of("\x00\x00\x00\x00", 4, &fed), -1); /* no type */
    assert_int_equal(next_of("\x01\x00\x00\x00\x00", 5, &fed), -1);
    assert_int_equal(next_of("\x01\x00\x00\x00\x10", 5, &fed), -1);
    assert_int_equal(next_of("\x01\x00\x00\x00\xff", 5, &fed), -1);
    assert_int_equal(next_of("\x01\x10\x00\x00", 4, &fed), -1); /* one too long */
    assert_false(fed);
    assert_int_equal(next_of("\xff\xff\xff\xff", 4, &fed), -1);
    assert_false(fed);
    assert_int_equal(next_of("\x00\x10\x00\x00", 4, &fed), 0); /* just fits */
    assert_true(fed);
}

typedef bool get_function(struct rd body);

static bool get_hello(struct rd b)
{
    return frame_get_hello(b, &(struct frame_hello){0});
}
static bool get_task(struct rd b)
{
    return frame_get_task(b, &(struct frame_task){0});
}
static bool get_ready(struct rd b)
{
    return frame_get_ready(b, &(struct frame_ready){0});
}
static bool get_broken(struct rd b)
{
    return frame_get_broken(b, &(struct str){NULL, 0});
}
static bool get_refused(struct rd b)
{
    return frame_get_refused(b, &(struct frame_refused){0});
}
static bool get_started(struct rd b)
{
    return frame_get_started(b, &(struct frame_started){0});
}
static bool get_state(struct rd b)
{
    return frame_get_state(b, &(struct frame_state){0});
}
static bool get_log(struct rd b)
{
    return frame_get_log(b, &(struct frame_log){0});
}
static bool get_done(struct rd b)
{
    return frame_get_done(b, &(struct frame_done){0});
}

static bool get_effect(struct rd b)
{
    return frame_get_effect(b, &(struct frame_effect){0});
}

static bool get_read(struct rd b)
{
    return frame_get_read(b, &(struct frame_read){0});
}

static bool get_documents(struct rd b)
{
    return frame_get_documents(b, &(struct frame_documents){0});
}

static bool get_metric(struct rd b)
{
    return frame_get_metric(b, &(struct frame_metric){0});
}

static bool get_event(struct rd b)
{
    return frame_get_event(b, &(struct frame_event){0});
}

static get_function *const getters[] = {
    [FRAME_HELLO] = get_hello,     [FRAME_TASK] = get_task,
    [FRAME_READY] = get_ready,     [FRAME_BROKEN] = get_broken,
    [FRAME_REFUSED] = get_refused, [FRAME_STARTED] = get_started,
    [FRAME_STATE] = get_state,     [FRAME_LOG] = get_log,
    [FRAME_DONE] = get_done,       [FRAME_EFFECT] = get_effect,
    [FRAME_READ] = get_read,       [FRAME_DOCUMENTS] = get_documents,
    [FRAME_METRIC] = get_metric,   [FRAME_EVENT] = get_event,
};

/* Each frame's fields in memory of exactly their size, so that ASan sees a read past
 * them. */
static void each_frame(void (*visit)(enum frame_type type, char *bytes, size_t n))
{
    struct frame_reader r;
    struct frame f;
    struct wr w;

    wr_init(&w, SIZE_MAX / 2);
    put_all(&w);
    frame_reader_init(&r, MAX_FRAME);
    frame_reader_feed(&r, wr_str(&w));
    while (frame_reader_next(&r, &f) > 0) {
        char *bytes = malloc(f.body.left + 1);
        bool is_read = f.type < sizeof(getters) / sizeof(getters[0]);

        if (!is_read || !getters[f.type] || !bytes) {
            free(bytes);
            continue;
        }
        memcpy(bytes, f.body.p, f.body.left);
        visit(f.type, bytes, f.body.left);
        free(bytes);
    }
    frame_reader_finish(&r);
    wr_finish(&w);
}

static void cut_short(enum frame_type type, char *bytes, size_t n)
{
    size_t rest = type == FRAME_TASK     ? task.envelope.n
                  : type == FRAME_EFFECT ? effect.text.n
                                         : 0;

    if (type == FRAME_DOCUMENTS) /* as many as there are */
        return;
    for (size_t cut = 0; cut < n - rest; cut++)
        assert_false(getters[type](rd_of((struct str){bytes, cut})));
    if (rest == 0) /* else it is a message, whatever its length */
        assert_false(getters[type](rd_of((struct str){bytes, n + 1})));
}

static void fields_that_are_cut_or_left_over_are_refused(void **state)
{
    (void)state;
    each_frame(cut_short);
}

/* Any byte may be anything: the reader stays inside its bytes, and says yes or no. */
static void flip_bytes(enum frame_type type, char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char kept = bytes[i];

        for (int v = 0; v < 256; v++) {
            bytes[i] = (char)v;
            getters[type](rd_of((struct str){bytes, n}));
        }
        bytes[i] = kept;
    }
    assert_true(getters[type](rd_of((struct str){bytes, n})));
}

static void any_byte_may_be_hostile(void **state)
{
    (void)state;
    each_frame(flip_bytes);
}

static bool done_reads(struct frame_done f)
{
    struct frame_reader r;
    struct frame frame;
    bool reads;
    struct wr w;

    wr_init(&w, SIZE_MAX / 2);
    frame_put_done(&w, &f);
    frame_reader_init(&r, MAX_FRAME);
    frame_reader_feed(&r, wr_str(&w));
    reads = frame_reader_next(&r, &frame) > 0 && frame_get_done(frame.body, &f);
    frame_reader_finish(&r);
    wr_finish(&w);
    return reads;
}

static void numbers_that_mean_nothing_are_refused(void **state)
{
    struct frame_done f = done;

    (void)state;
    assert_true(done_reads(f));
    f.runtime_s = (double)NAN;
    assert_false(done_reads(f));
    f.runtime_s = -1;
    assert_false(done_reads(f));
    f = done;
    f.outcome = (enum frame_outcome)0;
    assert_false(done_reads(f));
    f.outcome = (enum frame_outcome)(OUTCOME_REQUEUE + 1);
    assert_false(done_reads(f));
}

static bool effect_reads(struct frame_effect f)
{
    struct wr w;
    bool reads;

    wr_init(&w, SIZE_MAX / 2);
    frame_put_effect(&w, &f);
    reads = frame_get_effect(rd_of((struct str){w.p + 5, w.len - 5}), &f);
    wr_finish(&w);
    return reads;
}

static void an_effect_without_what_it_is_about_is_refused(void **state)
{
    static const enum frame_effect_kind about_a_group[] = {
        EFFECT_CHORD_SIZE, EFFECT_CHORD_GROW, EFFECT_GROUP,
        EFFECT_CHORD_PART, EFFECT_CHORD_END,
    };
    struct frame_effect f = {.kind = EFFECT_PUBLISH};

    (void)state;
    assert_false(effect_reads(f));
    f.text = STR("{}");
    assert_true(effect_reads(f));
    for (size_t i = 0; i < sizeof(about_a_group) / sizeof(about_a_group[0]); i++) {
        f = effect;
        f.kind = about_a_group[i];
        f.size = 1;
        assert_true(effect_reads(f));
        f.group.n = 0;
        assert_false(effect_reads(f));
    }
    f = (struct frame_effect){.kind = EFFECT_REVOKE};
    assert_false(effect_reads(f));
    f = effect;
    f.kind = EFFECT_STORE;
    f.id.n = 0;
    assert_false(effect_reads(f));
    f = effect;
    f.index = (double)NAN;
    assert_false(effect_reads(f));
    f = effect;
    f.kind = EFFECT_CHORD_SIZE; /* of -1 parts */
    assert_false(effect_reads(f));
}

static void documents_that_are_cut_in_the_middle_are_refused(void **state)
{
    struct frame_documents f;
    struct wr w;

    (void)state;
    wr_init(&w, SIZE_MAX / 2);
    put_documents(&w);
    assert_true(frame_get_documents(rd_of((struct str){w.p + 5, w.len - 5}), &f));
    assert_false(frame_get_documents(rd_of((struct str){w.p + 5, w.len - 6}), &f));
    assert_false(frame_get_documents(rd_of((struct str){w.p + 5, 9 + 5}), &f));
    wr_finish(&w);
}

static void a_ready_that_promises_more_rows_is_refused(void **state)
{
    struct frame_ready f;
    size_t begun;
    struct wr w;

    (void)state;
    wr_init(&w, SIZE_MAX / 2);
    begun = frame_begin_ready(&w, 1, UINT32_MAX);
    frame_put_row(&w, &row);
    frame_end(&w, begun);
    assert_false(frame_get_ready(rd_of((struct str){w.p + 5, w.len - 5}), &f));
    wr_finish(&w);
}

static void a_large_frame_leaves_no_large_buffer(void **state)
{
    const size_t large = (size_t)8 << 20;
    char *bytes = calloc(1, large);
    struct frame_reader r;
    struct frame f;
    struct wr w;

    (void)state;
    wr_init(&w, SIZE_MAX / 2);
    frame_put_broken(&w, (struct str){bytes, large});
    frame_reader_init(&r, large + 16);
    assert_true(frame_reader_feed(&r, wr_str(&w)));
    assert_int_equal(frame_reader_next(&r, &f), 1);
    assert_true(frame_reader_feed(&r, STR("")));
    assert_true(r.in.cap < large);
    frame_reader_finish(&r);
    wr_finish(&w);
    free(bytes);
}

/* Puts and feeds everything; false if something was told to have failed. */
static bool put_and_feed(void)
{
    struct frame_reader r;
    struct wr w;
    bool ok;

    wr_init(&w, SIZE_MAX / 2);
    frame_reader_init(&r, MAX_FRAME);
    put_all(&w);
    ok = !w.bad && frame_reader_feed(&r, wr_str(&w));
    frame_reader_finish(&r);
    wr_finish(&w);
    return ok;
}

static void failing_allocations_are_told(void **state)
{
    int n = 0;

    (void)state;
    for (bool failed = true; failed; n++) {
        bool ok;

        alloc_fail_at(n);
        ok = put_and_feed();
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        assert_true(ok == !failed);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_survive_being_torn_at_each_byte),
        cmocka_unit_test(frames_survive_coming_byte_by_byte),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(fields_that_are_cut_or_left_over_are_refused),
        cmocka_unit_test(any_byte_may_be_hostile),
        cmocka_unit_test(numbers_that_mean_nothing_are_refused),
        cmocka_unit_test(an_effect_without_what_it_is_about_is_refused),
        cmocka_unit_test(documents_that_are_cut_in_the_middle_are_refused),
        cmocka_unit_test(a_ready_that_promises_more_rows_is_refused),
        cmocka_unit_test(a_large_frame_leaves_no_large_buffer),
        cmocka_unit_test(failing_allocations_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
