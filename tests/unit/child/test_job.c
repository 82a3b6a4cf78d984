/* SPDX-License-Identifier: Apache-2.0 */
/* A job: what an ordinary task costs in memory, and what happens when there is none. */
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
                                .module = &module};
static struct module_row *rows[] = {&row};
static const struct module_table table = {.rows = rows, .nrows = 1};
static const struct task_sink silent;
static struct node node = {.hostname = "w1@h1",
                           .origin = "gen2@h2",
                           .accept = accept_json,
                           .pid = 1,
                           .message_max_bytes = 1u << 20,
                           .track_started = true};

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
        cmocka_unit_test(a_large_task_leaves_no_large_buffers),
        cmocka_unit_test(the_caller_decides_what_is_stored_and_else_the_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
