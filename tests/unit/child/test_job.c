/* SPDX-License-Identifier: Apache-2.0 */
/* A job: what an ordinary task costs in memory, and what happens when there is none. */
#include "../../../protocol/base64.h"
#include "../../../src/child/job.h"
#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* add(2, 3) as Celery 5 sends it; the body is [[2, 3], {}, {}]. */
static const char add_envelope[] =
    "{\"body\": \"W1syLCAzXSwge30sIHt9XQ==\", \"content-encoding\": \"utf-8\", "
    "\"content-type\": \"application/json\", \"headers\": {\"lang\": \"py\", \"task\": "
    "\"job.add\", \"id\": \"an-id\", \"shadow\": null, \"eta\": null, \"expires\": "
    "null, "
    "\"group\": null, \"group_index\": null, \"retries\": 0, \"timelimit\": [null, "
    "null], "
    "\"root_id\": \"an-id\", \"parent_id\": null, \"argsrepr\": \"(2, 3)\", "
    "\"kwargsrepr\": \"{}\", \"origin\": \"gen1@h1\", \"ignore_result\": false, "
    "\"replaced_task_nesting\": 0, \"stamped_headers\": null, \"stamps\": {}}, "
    "\"properties\": {\"correlation_id\": \"an-id\", \"reply_to\": \"\", "
    "\"delivery_mode\": 2, \"delivery_info\": {\"exchange\": \"\", \"routing_key\": "
    "\"celery\"}, \"priority\": 0, \"body_encoding\": \"base64\", \"delivery_tag\": "
    "\"a-tag\"}}";

static ptl_value *add(ptl_task *t)
{
    return ptl_new_int(t, ptl_arg_int(t, "x") + ptl_arg_int(t, "y"));
}

static ptl_value *retry(ptl_task *t)
{
    return ptl_retry(t, 1, "later");
}

static ptl_value *fail_always(ptl_task *t)
{
    return ptl_fail(t, "ValueError", "never");
}

static const char *const accept_json[] = {"json", NULL};
static const ptl_module plugin = {.name = "job"};
static struct module module = {.plugin = &plugin};
static struct module_row row = {.name = {"job.add", 7},
                                .function = {"add", 3},
                                .params = {.names = {{"x", 1}, {"y", 1}},
                                           .n = 2,
                                           .nrequired = 2},
                                .attributes = {.track_started = true, .max_retries = 3},
                                .module = &module};
static struct module_row *rows[] = {&row};
static const struct module_table table = {.rows = rows, .nrows = 1};
static void say_nothing(struct ptl_task *t, ptl_level level, struct str text)
{
    (void)t, (void)level, (void)text;
}

static const struct task_sink silent = {.log = say_nothing};
static struct node node = {.hostname = "w1@h1",
                           .origin = "gen2@h2",
                           .accept = accept_json,
                           .pid = 1,
                           .message_max_bytes = 1u << 20};

/* False if it was refused. */
static bool take_envelope(struct job *j, const char *envelope, struct frame_done *d)
{
    struct frame_task f = {.job = 1, .envelope = str_of(envelope)};
    struct frame_refused r;

    if (!job_read(j, &table, &f, &r))
        return false;
    job_started(j);
    job_run(j, d);
    return true;
}

static bool take(struct job *j, ptl_value *(*run)(ptl_task *t), struct frame_done *d)
{
    row.def = (ptl_def){.name = "job.add", .params = "x y", .run = run};
    return take_envelope(j, add_envelope, d);
}

static void an_ordinary_task_allocates_nothing(void **state)
{
    struct frame_done d;
    struct job j;

    (void)state;
    job_init(&j, &node, &silent);
    assert_true(take(&j, add, &d)); /* makes the room that the others use */
    for (int i = 0; i < 200; i++) {
        alloc_fail_at(0);
        assert_true(take(&j, add, &d));
        assert_int_equal(d.outcome, OUTCOME_SUCCESS);
        assert_false(alloc_has_failed());
        alloc_fail_at(-1);
    }
    job_finish(&j);
}

/* Whichever allocation fails: the task is refused before it ran, or it ends in words
 * with all that its outcome needs. */
static void every_allocation_may_fail(ptl_value *(*run)(ptl_task *t),
                                      enum frame_outcome usual)
{
    int n = 0;

    for (bool failed = true; failed; n++) {
        struct frame_done d;
        struct job j;
        bool ran;

        job_init(&j, &node, &silent);
        alloc_fail_at(n);
        ran = take(&j, run, &d);
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        if (ran) {
            assert_true(d.outcome == usual || (failed && d.outcome == OUTCOME_FAILURE));
            assert_true(d.outcome != OUTCOME_RETRY || d.retry.n > 0);
            assert_true(failed || d.meta.n > 0);
        }
        assert_true(ran || failed);
        job_finish(&j);
    }
    assert_true(n > 2);
}

static void a_task_without_memory_ends_in_words(void **state)
{
    (void)state;
    every_allocation_may_fail(add, OUTCOME_SUCCESS);
    every_allocation_may_fail(fail_always, OUTCOME_FAILURE);
    every_allocation_may_fail(retry, OUTCOME_RETRY);
}

/* ---- What follows ---------------------------------------------------------------- */

/* add(2, 3) with two callbacks, a chain of two, a chord and an errback. */
static char *workflow(void)
{
    static const char body[] =
        "[[2, 3], {}, {\"callbacks\": [{\"task\": \"a\", \"options\": {}}, {\"task\": "
        "\"b\", \"options\": {}}], \"errbacks\": [{\"task\": \"e\"}], \"chain\": "
        "[{\"task\": \"y\", \"options\": {\"task_id\": \"y\"}}, {\"task\": \"x\", "
        "\"options\": {\"task_id\": \"x\"}}], \"chord\": {\"task\": \"c\"}}]";
    const char *headers = strstr(add_envelope, "\", \"content-encoding");
    const char *group = strstr(headers, "null, \"group_index");
    struct wr w;

    wr_init(&w, 1u << 16);
    wr_text(&w, "{\"body\": \"");
    base64_encode(&w, str_of(body));
    wr_put(&w, (struct str){headers, (size_t)(group - headers)});
    wr_text(&w, "\"g\"");
    wr_text(&w, group + strlen("null"));
    wr_u8(&w, 0);
    assert_false(w.bad);
    return w.p;
}

static size_t whole_frames(const struct job *j)
{
    struct frame_reader r;
    struct frame f;
    size_t n = 0;

    frame_reader_init(&r, 1u << 20);
    assert_true(frame_reader_feed(&r, job_followups(j)));
    while (frame_reader_next(&r, &f) > 0)
        n++;
    assert_int_equal(r.taken, r.in.len);
    frame_reader_finish(&r);
    return n;
}

static void whatever_memory_lacks_what_follows_is_told_in_whole_frames(void **state)
{
    char *envelope = workflow();
    struct arena settings;
    int n = 0;

    (void)state;
    arena_init(&settings, 1u << 16);
    assert_null(routes_init(&node.routes, &settings, STR("{}")));
    node.reply_to = "an-oid";
    row.def = (ptl_def){.name = "job.add", .params = "x y", .run = add};
    for (bool failed = true; failed; n++) {
        struct frame_done d = {.outcome = 0};
        struct job j;

        job_init(&j, &node, &silent);
        alloc_fail_at(n);
        bool ran = take_envelope(&j, envelope, &d);
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        if (ran)
            assert_int_equal(whole_frames(&j), d.effects);
        if (ran && d.outcome == OUTCOME_SUCCESS)
            assert_int_equal(d.effects, 4); /* two callbacks, the next, the part */
        assert_true(ran || failed);
        job_finish(&j);
    }
    assert_true(n > 10);
    free(envelope);
    arena_finish(&settings);
    node.routes = (struct routes){.default_queue = "celery",
                                  .defaults = destination_none,
                                  .create_missing = true};
}

static void more_than_there_is_room_for_is_cut_at_a_frame(void **state)
{
    char *envelope = workflow();

    (void)state;
    row.def = (ptl_def){.name = "job.add", .params = "x y", .run = fail_always};
    for (size_t max = 0; max < 6000; max += 50) {
        struct frame_done d;
        struct job j;

        job_init(&j, &node, &silent);
        j.followups.frames.max = max;
        assert_true(take_envelope(&j, envelope, &d));
        assert_int_equal(d.outcome, OUTCOME_FAILURE);
        assert_int_equal(whole_frames(&j), d.effects);
        assert_true(max < 5000 || d.effects == 4); /* part, two stored, an errback */
        job_finish(&j);
    }
    free(envelope);
}

/* ---- Room ------------------------------------------------------------------------ */

static ptl_value *take_much(ptl_task *t)
{
    const size_t much = (size_t)8 << 20;
    char *p = ptl_alloc(t, much);

    return p ? ptl_new_bytes(t, p, much / 16) : NULL;
}

static void a_large_task_leaves_no_large_buffers(void **state)
{
    struct frame_done d;
    struct job j;

    (void)state;
    node.message_max_bytes = (uint64_t)64 << 20;
    job_init(&j, &node, &silent);
    assert_true(take(&j, take_much, &d));
    assert_int_equal(d.outcome, OUTCOME_SUCCESS);
    assert_true(d.meta.n > (1u << 20));
    assert_true(take(&j, add, &d));
    assert_true(j.result.cap <= (1u << 20) && j.meta.cap <= (1u << 20));
    job_finish(&j);
    node.message_max_bytes = 1u << 20;
}

/* Whether a task with this header and this row's flags stores its result. */
static bool stores(const char *header, uint32_t flags)
{
    static const char said[] = "\"ignore_result\": false, ";
    const char *at = strstr(add_envelope, said);
    char envelope[sizeof(add_envelope) + 8];
    struct frame_done d;
    struct job j;

    snprintf(envelope, sizeof(envelope), "%.*s%s%s", (int)(at - add_envelope),
             add_envelope, header, at + strlen(said));
    row.def = (ptl_def){.name = "job.add", .run = add, .flags = flags};
    row.attributes = (struct attributes)ATTRIBUTES_DEFAULTS;
    assert_true(attributes_apply_row(&row.attributes, &row.def, NULL));
    job_init(&j, &node, &silent);
    assert_true(take_envelope(&j, envelope, &d));
    job_finish(&j);
    return d.meta.n > 0;
}

static void the_caller_decides_what_is_stored_and_else_the_row(void **state)
{
    (void)state;
    assert_true(stores("", 0));
    assert_false(stores("", PTL_IGNORE_RESULT));
    assert_false(stores("\"ignore_result\": null, ", PTL_IGNORE_RESULT));
    assert_true(stores("\"ignore_result\": false, ", PTL_IGNORE_RESULT));
    assert_false(stores("\"ignore_result\": true, ", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_task_allocates_nothing),
        cmocka_unit_test(a_task_without_memory_ends_in_words),
        cmocka_unit_test(whatever_memory_lacks_what_follows_is_told_in_whole_frames),
        cmocka_unit_test(more_than_there_is_room_for_is_cut_at_a_frame),
        cmocka_unit_test(a_large_task_leaves_no_large_buffers),
        cmocka_unit_test(the_caller_decides_what_is_stored_and_else_the_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
