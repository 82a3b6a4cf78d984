/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes as they reach the parent: the documents that are stored, byte for byte, what
 * is logged, and what is refused before anything ran. */
#include "peer.h"

#include "../../../protocol/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <signal.h>
#include <time.h>

/* Compares text with a pattern in which each '#' stands for a digit. */
static void assert_like(struct str text, const char *pattern)
{
    size_t n = strlen(pattern);
    bool like = text.n == n;

    for (size_t i = 0; like && i < n; i++)
        like = pattern[i] == '#' ? text.p[i] >= '0' && text.p[i] <= '9'
                                 : text.p[i] == pattern[i];
    if (!like)
        fail_msg("not like the pattern:\n" STR_FMT "\n%s", STR_ARG(text), pattern);
}

static void assert_text(struct str text, const char *expected)
{
    if (!str_is(text, expected))
        fail_msg("not as expected:\n" STR_FMT "\n%s", STR_ARG(text), expected);
}

/* A child used by a whole test. */
static struct frame_done run_with(struct frame_hello hello, const char *task,
                                  const char *args, const char *headers, struct peer *p)
{
    char *envelope = peer_envelope(task, args, "{}", headers);

    peer_ready_with(p, peer_plugin("demo"), hello);
    peer_send_task(p, 1, envelope);
    free(envelope);
    return peer_hear_outcome(p);
}

#define DATE "\"####-##-##T##:##:##.######+00:00\""

/* ---- What is stored ------------------------------------------------------------ */

static void success_stores_the_result(void **state)
{
    struct peer p;
    struct frame_done d = run_with(peer_hello(), "demo.add", "[2, 3]", "", &p);

    (void)state;
    assert_int_equal(d.outcome, OUTCOME_SUCCESS);
    assert_like(d.meta,
                "{\"status\": \"SUCCESS\", \"result\": 5, \"traceback\": null, "
                "\"children\": [], \"date_done\": " DATE ", \"task_id\": \"an-id\"}");
    assert_text(d.repr, "5");
    assert_true(d.traceback.n == 0 && d.retry.n == 0);
    assert_true(d.memory_bytes > 100000);
    assert_true(d.runtime_s >= 0 && d.runtime_s < 10);
    peer_finish(&p);
}

static void group_and_parent_are_copied(void **state)
{
    struct peer p;
    struct frame_done d =
        run_with(peer_hello(), "demo.add", "[2, 3]",
                 ", \"group\": \"a-group\", \"parent_id\": \"a-parent\"", &p);

    (void)state;
    assert_like(d.meta, "{\"status\": \"SUCCESS\", \"result\": 5, \"traceback\": null, "
                        "\"children\": [], \"date_done\": " DATE
                        ", \"group_id\": \"a-group\", \"parent_id\": \"a-parent\", "
                        "\"task_id\": \"an-id\"}");
    peer_finish(&p);
}

static void extended_results_repeat_the_call(void **state)
{
    struct frame_hello hello = peer_hello();
    struct peer p;
    struct frame_done d;

    (void)state;
    hello.result_extended = true;
    d = run_with(hello, "demo.add", "[2, 3]",
                 ", \"stamped_headers\": [\"who\"], \"stamps\": {\"who\": \"me\"}, "
                 "\"who\": \"me\"",
                 &p);
    assert_like(d.meta, "{\"status\": \"SUCCESS\", \"result\": 5, \"traceback\": null, "
                        "\"children\": [], \"date_done\": " DATE
                        ", \"name\": \"demo.add\", \"args\": [2, 3], \"kwargs\": {}, "
                        "\"worker\": \"w1@h1\", \"retries\": 0, \"queue\": \"celery\", "
                        "\"stamped_headers\": [\"who\"], \"who\": \"me\", "
                        "\"task_id\": \"an-id\"}");
    peer_finish(&p);
}

static void a_failure_stores_the_exception(void **state)
{
    struct peer p;
    struct frame_done d =
        run_with(peer_hello(), "demo.fail", "[\"ValueError\", \"bad value\"]", "", &p);

    (void)state;
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_like(d.meta,
                "{\"status\": \"FAILURE\", \"result\": {\"exc_type\": \"ValueError\", "
                "\"exc_message\": [\"bad value\"], \"exc_module\": \"builtins\"}, "
                "\"traceback\": \"Traceback (most recent call last):\\n  File "
                "\\\"demo.c\\\", line ##, in fail\\nValueError: bad value\\n\", "
                "\"children\": [], \"date_done\": " DATE ", \"task_id\": \"an-id\"}");
    assert_text(d.repr, "ValueError('bad value')");
    assert_like(d.traceback, "Traceback (most recent call last):\n  File \"demo.c\", "
                             "line ##, in fail\nValueError: bad value\n");
    peer_finish(&p);
}

static void assert_raises(const char *kind, const char *as)
{
    char args[128], pattern[256];
    struct peer p;
    struct frame_done d;

    snprintf(args, sizeof(args), "[\"%s\", \"x\"]", kind);
    snprintf(pattern, sizeof(pattern), "{\"status\": \"FAILURE\", \"result\": {%s}, ",
             as);
    d = run_with(peer_hello(), "demo.fail", args, "", &p);
    d.meta.n = d.meta.n < strlen(pattern) ? d.meta.n : strlen(pattern);
    assert_text(d.meta, pattern);
    peer_finish(&p);
}

static void exceptions_are_found_where_python_has_them(void **state)
{
    (void)state;
    assert_raises("KeyError", "\"exc_type\": \"KeyError\", \"exc_message\": [\"x\"], "
                              "\"exc_module\": \"builtins\"");
    assert_raises("Retry", "\"exc_type\": \"Retry\", \"exc_message\": [\"x\"], "
                           "\"exc_module\": \"celery.exceptions\"");
    assert_raises("proj.errors.NoLuck",
                  "\"exc_type\": \"NoLuck\", \"exc_message\": [\"x\"], "
                  "\"exc_module\": \"proj.errors\"");
    assert_raises("NoLuck", "\"exc_type\": \"NoLuck\", \"exc_message\": [\"x\"], "
                            "\"exc_module\": \"demo\"");
}

static void a_call_that_does_not_fit_fails_after_started(void **state)
{
    struct peer p;
    struct frame_done d = run_with(peer_hello(), "demo.add", "[2]", "", &p);

    (void)state;
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_text(d.repr, "TypeError(\"add() missing 1 required positional argument: "
                        "'y'\")");
    peer_finish(&p);
}

static void an_ignored_result_is_not_stored(void **state)
{
    static const char ignore[] = ", \"ignore_result\": true";
    struct frame_hello hello = peer_hello();
    struct frame_done d;
    struct peer p;

    (void)state;
    hello.attributes.track_started = true;
    d = run_with(hello, "demo.add", "[2, 3]", ignore, &p);
    assert_int_equal(d.outcome, OUTCOME_SUCCESS);
    assert_true(d.meta.n == 0);
    assert_text(d.repr, "5");
    peer_finish(&p);
    d = run_with(hello, "demo.add", "[2]", ignore, &p);
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_true(d.meta.n == 0);
    peer_finish(&p);
}

static void ignore_and_reject_store_what_celery_stores(void **state)
{
    struct peer p;
    struct frame_done d;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    d = peer_run(&p, "demo.ignore", "[]");
    assert_int_equal(d.outcome, OUTCOME_IGNORE);
    assert_true(d.meta.n == 0);
    d = peer_run(&p, "demo.reject", "[true]");
    assert_int_equal(d.outcome, OUTCOME_REQUEUE);
    assert_true(d.meta.n == 0);
    d = peer_run(&p, "demo.reject", "[false]");
    assert_int_equal(d.outcome, OUTCOME_REJECT);
    assert_like(d.meta,
                "{\"status\": \"FAILURE\", \"result\": {\"exc_type\": \"Reject\", "
                "\"exc_message\": [null, false], \"exc_module\": "
                "\"celery.exceptions\"}, \"traceback\": null, \"children\": [], "
                "\"date_done\": " DATE ", \"task_id\": \"an-id\"}");
    peer_finish(&p);
}

static void a_result_too_large_fails_in_words(void **state)
{
    struct frame_hello hello = peer_hello();
    char args[128] = "[\"";
    struct frame_done d;
    struct peer p;

    (void)state;
    hello.message_max_bytes = 200;
    for (size_t i = 0; i < 40;
         i++) /* two bytes each in the message, six in the result */
        strcat(args, "\xc3\xa4");
    strcat(args, "\"]");
    d = run_with(hello, "demo.echo", args, "", &p);
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_text(d.repr,
                "EncodeError('the result of demo.echo needs more than the 200 bytes "
                "that the setting message_max_bytes allows')");
    assert_non_null(memmem(d.meta.p, d.meta.n, "\"kombu.exceptions\"", 18));
    peer_finish(&p);
}

/* ---- Retries ------------------------------------------------------------------ */

static const ptl_value *json_of(struct arena *a, struct str text)
{
    struct json_error e;
    const ptl_value *v =
        json_read(a, text, JSON_COPY_STRINGS, &json_default_limits, &e);

    assert_non_null(v);
    return v;
}

static void a_retry_is_published_anew(void **state)
{
    struct peer p;
    struct frame_done d = run_with(peer_hello(), "demo.retry", "[2, 1.5]", "", &p);
    const ptl_value *envelope, *headers, *properties;
    struct arena a;

    (void)state;
    arena_init(&a, 1u << 20);
    assert_int_equal(d.outcome, OUTCOME_RETRY);
    assert_text(d.repr, "Retry in 1.5s: 1 of 2");
    assert_like(
        d.meta,
        "{\"status\": \"RETRY\", \"result\": null, \"traceback\": \"Traceback "
        "(most recent call last):\\n  File \\\"demo.c\\\", line ###, in retry\\n"
        "celery.exceptions.Retry: Retry in 1.5s: 1 of 2\\n\", \"children\": "
        "[[[\"an-id\", null], null]], \"date_done\": null, \"task_id\": "
        "\"an-id\"}");
    envelope = json_of(&a, d.retry);
    headers = value_get(envelope, "headers");
    properties = value_get(envelope, "properties");
    assert_int_equal(value_as_int(value_get(headers, "retries"), -1), 1);
    assert_true(str_is(value_as_str(value_get(headers, "parent_id")), "an-id"));
    assert_like(value_as_str(value_get(headers, "eta")),
                "####-##-##T##:##:##.######+00:00");
    assert_int_equal(value_len(value_get(properties, "delivery_tag")), 36);
    assert_true(strncmp(value_as_str(value_get(properties, "origin")).p, "gen", 3) ==
                0);
    arena_finish(&a);
    peer_finish(&p);
}

static void a_retry_too_many_fails(void **state)
{
    struct peer p;
    struct frame_done d;
    char *envelope =
        peer_envelope("retrying.thrice", "[1, \"two\"]", "{}", ", \"retries\": 3");

    (void)state;
    peer_ready(&p, peer_plugin("retrying"));
    d = peer_run(&p, "retrying.thrice", "[1, \"two\"]");
    assert_text(d.repr, "Retry in 180s: never enough");
    peer_send_task(&p, 2, envelope);
    d = peer_hear_outcome(&p);
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_text(d.repr, "MaxRetriesExceededError(\"Can't retry retrying.thrice[an-id] "
                        "args:(1, 'two') kwargs:{}\")");
    assert_like(d.traceback,
                "Traceback (most recent call last):\n  File \"retrying.c\", line #, in "
                "thrice\n    never enough\ncelery.exceptions.MaxRetriesExceededError: "
                "Can't retry retrying.thrice[an-id] args:(1, 'two') kwargs:{}\n");
    d = peer_run(&p, "retrying.never", "[]");
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    free(envelope);
    peer_finish(&p);
}

/* ---- While it runs ------------------------------------------------------------- */

static void started_is_stored_when_asked_for(void **state)
{
    struct frame_hello hello = peer_hello();
    struct frame_started f;
    char pattern[256];
    struct peer p;

    (void)state;
    hello.attributes.track_started = true;
    peer_ready_with(&p, peer_plugin("demo"), hello);
    peer_call(&p, 1, "demo.add", "[2, 3]");
    assert_true(frame_get_started(peer_hear(&p, FRAME_STARTED), &f));
    snprintf(pattern, sizeof(pattern),
             "{\"status\": \"STARTED\", \"result\": {\"pid\": %d, \"hostname\": "
             "\"w1@h1\"}, \"traceback\": null, \"children\": [], \"date_done\": null, "
             "\"task_id\": \"an-id\"}",
             (int)p.pid);
    assert_text(f.meta, pattern);
    peer_finish(&p);
}

static void progress_and_logs_come_at_once(void **state)
{
    struct frame_state s;
    struct frame_log l;
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    peer_call(&p, 9, "demo.progress", "[60, 3600]");
    peer_hear(&p, FRAME_STARTED);
    assert_true(frame_get_log(peer_hear(&p, FRAME_LOG), &l));
    assert_int_equal(l.job, 9);
    assert_int_equal(l.level, 20);
    assert_text(l.text, "step 1 of 60");
    assert_true(frame_get_state(peer_hear(&p, FRAME_STATE), &s));
    assert_int_equal(s.job, 9);
    assert_text(
        s.meta,
        "{\"status\": \"PROGRESS\", \"result\": {\"current\": 1, \"total\": 60}, "
        "\"traceback\": null, \"children\": [], \"date_done\": null, "
        "\"task_id\": \"an-id\"}");
    peer_finish(&p);
}

static void logs_below_the_level_are_not_sent(void **state)
{
    struct frame_hello hello = peer_hello();
    struct peer p;

    (void)state;
    hello.log_level = 30;
    peer_ready_with(&p, peer_plugin("demo"), hello);
    peer_call(&p, 1, "demo.progress", "[1, 0]");
    peer_hear(&p, FRAME_STARTED);
    peer_hear(&p, FRAME_STATE);
    peer_hear(&p, FRAME_DONE);
    peer_finish(&p);
}

static void the_soft_limit_ends_a_handler_that_listens(void **state)
{
    struct frame_done d;
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    kill(p.pid, SIGUSR1); /* too late for the task before: the next is not harmed */
    assert_int_equal(peer_run(&p, "demo.sleep", "[0.01]").outcome, OUTCOME_SUCCESS);
    peer_call(&p, 2, "demo.sleep", "[3600]");
    peer_hear(&p, FRAME_STARTED);
    kill(p.pid, SIGUSR1);
    assert_true(frame_get_done(peer_hear(&p, FRAME_DONE), &d));
    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    assert_text(d.repr, "SoftTimeLimitExceeded()");
    assert_like(
        d.meta,
        "{\"status\": \"FAILURE\", \"result\": {\"exc_type\": "
        "\"SoftTimeLimitExceeded\", \"exc_message\": [], \"exc_module\": "
        "\"billiard.exceptions\"}, \"traceback\": \"Traceback (most recent call "
        "last):\\nbilliard.exceptions.SoftTimeLimitExceeded: "
        "SoftTimeLimitExceeded()\\n\", \"children\": [], \"date_done\": " DATE
        ", \"task_id\": \"an-id\"}");
    peer_finish(&p);
}

/* ---- What never runs ----------------------------------------------------------- */

static void refuses(struct peer *p, const char *envelope, enum frame_refusal reason)
{
    struct frame_refused f;

    peer_send_task(p, 5, envelope);
    assert_true(frame_get_refused(peer_hear(p, FRAME_REFUSED), &f));
    assert_int_equal(f.job, 5);
    assert_int_equal(f.reason, reason);
    assert_true(f.text.n > 0);
    assert_null(memchr(f.text.p, '\n', f.text.n));
}

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *copy = malloc(strlen(text) + strlen(to) + 1);

    assert_non_null(at);
    sprintf(copy, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return copy;
}

static void bad_messages_are_refused_untouched(void **state)
{
    static const struct {
        const char *from, *to;
        enum frame_refusal reason;
    } cases[] = {
        {"application/json", "application/x-python-serialize", REFUSED_BAD_CONTENT},
        {"W1sy", "!!!!!", REFUSED_UNDECODABLE},
        {"demo.add", "no.such.task", REFUSED_UNKNOWN},
        {"\"id\": \"an-id\", ", "", REFUSED_BAD_MESSAGE},
        {"\"task\": \"demo.add\", ", "", REFUSED_NOT_A_TASK},
        {"\"body\"", "\"corpus\"", REFUSED_BAD_MESSAGE},
        {"{", "", REFUSED_BAD_MESSAGE},
    };
    char *good = peer_envelope("demo.add", "[2, 3]", "{}", "");
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *bad = replaced(good, cases[i].from, cases[i].to);

        refuses(&p, bad, cases[i].reason);
        free(bad);
    }
    peer_send_task(&p, 6, good);
    assert_int_equal(peer_hear_outcome(&p).outcome, OUTCOME_SUCCESS);
    free(good);
    peer_finish(&p);
}

static void arguments_of_the_wrong_shape_are_refused(void **state)
{
    static const char *const calls[][2] = {{"{}", "{}"}, {"[]", "[]"}, {"1", "null"}};
    struct peer p;

    (void)state;
    peer_ready(&p, peer_plugin("demo"));
    for (size_t i = 0; i < 3; i++) {
        char *bad = peer_envelope("demo.add", calls[i][0], calls[i][1], "");

        refuses(&p, bad, REFUSED_BAD_MESSAGE);
        free(bad);
    }
    peer_finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_stores_the_result),
        cmocka_unit_test(group_and_parent_are_copied),
        cmocka_unit_test(extended_results_repeat_the_call),
        cmocka_unit_test(a_failure_stores_the_exception),
        cmocka_unit_test(exceptions_are_found_where_python_has_them),
        cmocka_unit_test(a_call_that_does_not_fit_fails_after_started),
        cmocka_unit_test(an_ignored_result_is_not_stored),
        cmocka_unit_test(ignore_and_reject_store_what_celery_stores),
        cmocka_unit_test(a_result_too_large_fails_in_words),
        cmocka_unit_test(a_retry_is_published_anew),
        cmocka_unit_test(a_retry_too_many_fails),
        cmocka_unit_test(started_is_stored_when_asked_for),
        cmocka_unit_test(progress_and_logs_come_at_once),
        cmocka_unit_test(logs_below_the_level_are_not_sent),
        cmocka_unit_test(the_soft_limit_ends_a_handler_that_listens),
        cmocka_unit_test(bad_messages_are_refused_untouched),
        cmocka_unit_test(arguments_of_the_wrong_shape_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
