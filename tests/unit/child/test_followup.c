/* SPDX-License-Identifier: Apache-2.0 */
/* What a task's end sets going: what it calls when it succeeds, whom it tells when it
 * does not, and that making it all again makes the same. */
#include "effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TASK(name, id, args)                                                           \
    "{\"task\": \"" name "\", \"args\": " args ", \"kwargs\": {}, \"options\": "       \
    "{\"task_id\": \"" id "\", \"reply_to\": \"r\"}, \"subtask_type\": null, "         \
    "\"immutable\": false}"
#define FRESH(name)                                                                    \
    "{\"task\": \"" name "\", \"args\": [], \"kwargs\": {}, \"options\": {}, "         \
    "\"subtask_type\": null, \"immutable\": false}"

static void begin(struct peer *p, const char *task, const char *args,
                  const char *headers, const char *embed)
{
    char *envelope = peer_envelope_with(task, args, "{}", headers, embed);
    struct frame_task f = {.job = 1,
                           .queue = STR("celery"),
                           .envelope = str_of(envelope)};

    peer_send_frame(p, &f);
    free(envelope);
}

static struct frame_done run(struct peer *p, const char *task, const char *args,
                             const char *headers, const char *embed)
{
    begin(p, task, args, headers, embed);
    return peer_hear_outcome(p);
}

static struct frame_done conclude(struct peer *p, const char *task, const char *headers,
                                  const char *embed, const char *outcome, bool stored)
{
    char *envelope = peer_envelope_with(task, "[1, 2]", "{}", headers, embed);
    struct frame_task f = {.job = 1,
                           .queue = STR("celery"),
                           .mode = TASK_CONCLUDE,
                           .outcome = str_of(outcome),
                           .stored = stored,
                           .envelope = str_of(envelope)};

    peer_send_frame(p, &f);
    free(envelope);
    return peer_hear_outcome(p);
}

static int set_up(void **state)
{
    static struct peer p;

    peer_ready(&p, peer_plugin("demo"));
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    peer_finish(*state);
    return 0;
}

static void holds(struct str text, const char *part)
{
    if (!memmem(text.p, text.n, part, strlen(part)))
        fail_msg("%s is not in:\n" STR_FMT, part, STR_ARG(text));
}

/* ---- Success -------------------------------------------------------------------- */

static void a_callback_gets_the_result(void **state)
{
    struct frame_done d = run(*state, "demo.add", "[2, 3]", "",
                              "{\"callbacks\": [" TASK("demo.add", "next", "[1]") "]}");

    assert_int_equal(d.outcome, OUTCOME_SUCCESS);
    holds(d.meta, "\"children\": [[[\"next\", null], null]]");
    effects_are(*state, &d,
                "PUBLISH celery demo.add[next] [[5, 1], {}] an-id of an-id\n");
}

static void several_callbacks_are_a_group_of_no_name(void **state)
{
    struct frame_done d =
        run(*state, "demo.add", "[2, 3]", "",
            "{\"callbacks\": [" TASK("a", "1", "[]") ", " TASK("b", "2", "[]") "]}");

    holds(d.meta, "[[[\"1\", null], null], [[\"2\", null], null]]");
    effects_are(*state, &d,
                "PUBLISH celery a[1] [[5], {}] an-id of an-id\n"
                "PUBLISH celery b[2] [[5], {}] an-id of an-id\n");
}

static void the_next_of_a_chain_takes_the_rest_along(void **state)
{
    struct frame_done d =
        run(*state, "demo.add", "[2, 3]", ", \"root_id\": \"a-root\"",
            "{\"chain\": [" TASK("last", "3", "[]") ", " TASK("next", "2", "[]") "]}");

    effects_are(*state, &d,
                "PUBLISH celery next[2] [[5], {}, {\"callbacks\": null, \"errbacks\": "
                "null, \"chain\": [" TASK("last", "3",
                                          "[]") "], \"chord\": null}] an-id "
                                                "of a-root\n");
}

static void the_last_hop_of_a_chain_has_an_empty_rest(void **state)
{
    struct frame_done d = run(*state, "demo.add", "[2, 3]", "",
                              "{\"chain\": [" TASK("last", "3", "[]") "]}");

    effects_are(*state, &d,
                "PUBLISH celery last[3] [[5], {}, {\"callbacks\": null, \"errbacks\": "
                "null, \"chain\": [], \"chord\": null}] an-id of an-id\n");
}

static void a_part_is_returned_behind_what_is_called(void **state)
{
    struct frame_done d =
        run(*state, "demo.add", "[2, 3]", ", \"group\": \"g\", \"group_index\": 4",
            "{\"callbacks\": [" TASK("a", "1", "[]") "], \"chord\": " TASK("body", "b",
                                                                           "[]") "}");

    effects_are(*state, &d,
                "PUBLISH celery a[1] [[5], {}] an-id of an-id\n"
                "PART g an-id 4 [1, \"an-id\", \"SUCCESS\", 5]\n");
}

static void a_part_without_a_place_has_an_infinite_one(void **state)
{
    struct frame_done d = run(*state, "demo.add", "[2, 3]", ", \"group\": \"g\"",
                              "{\"chord\": " TASK("body", "b", "[]") "}");

    effects_are(*state, &d, "PART g an-id inf [1, \"an-id\", \"SUCCESS\", 5]\n");
}

static void a_part_whose_result_is_ignored_is_returned_all_the_same(void **state)
{
    struct frame_done d =
        run(*state, "demo.add", "[2, 3]", ", \"group\": \"g\", \"ignore_result\": true",
            "{\"chord\": " TASK("body", "b", "[]") "}");

    assert_int_equal(d.meta.n, 0);
    effects_are(*state, &d, "PART g an-id inf [1, \"an-id\", \"SUCCESS\", 5]\n");
}

static void what_has_no_id_gets_the_same_one_each_time(void **state)
{
    const char *embed = "{\"callbacks\": [" FRESH("a") ", " FRESH("b") "]}";
    struct frame_done d = run(*state, "demo.add", "[2, 3]", "", embed);
    char *first = strdup(effects_hear(*state, &d));

    d = run(*state, "demo.add", "[2, 3]", "", embed);
    assert_string_equal(first, effects_hear(*state, &d));
    d = conclude(*state, "demo.add", "", embed,
                 "{\"status\": \"SUCCESS\", \"result\": 5}", true);
    assert_string_equal(first, effects_hear(*state, &d));
    free(first);
}

static void a_callback_that_cannot_be_called_makes_it_a_failure(void **state)
{
    struct frame_done d =
        run(*state, "demo.add", "[2, 3]", ", \"group\": \"g\"",
            "{\"callbacks\": [" TASK("a", "1", "[]") ", 5], \"chord\": " TASK(
                "body", "b", "[]") ", \"errbacks\": [" TASK("told", "e", "[]") "]}");

    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    holds(d.meta, "\"children\": []");
    holds(d.meta, "\"status\": \"FAILURE\"");
    const char *effects = effects_hear(*state, &d);
    assert_non_null(strstr(effects, "PART g an-id inf [1, \"an-id\", \"FAILURE\""));
    assert_non_null(strstr(effects, "PUBLISH celery told[e] [[\"an-id\"], {}]"));
    assert_null(strstr(effects, "a[1]"));
}

/* ---- Failure -------------------------------------------------------------------- */

#define VALUE_ERROR                                                                    \
    "{\"exc_type\": \"ValueError\", \"exc_message\": [\"bad\"], \"exc_module\": "      \
    "\"builtins\"}"

static void errbacks_are_told_which_task_failed(void **state)
{
    struct frame_done d =
        run(*state, "demo.fail", "[\"ValueError\", \"bad\"]", "",
            "{\"errbacks\": [" TASK("told", "e",
                                    "[7]") "], \"callbacks\": [" TASK("a", "1",
                                                                      "[]") "]}");

    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    holds(d.meta, "\"children\": []");
    effects_are(*state, &d,
                "PUBLISH celery told[e] [[\"an-id\", 7], {}] an-id of an-id\n");
}

static void the_rest_of_a_chain_fails_with_the_task(void **state)
{
    struct frame_done d = run(*state, "demo.fail", "[\"ValueError\", \"bad\"]", "",
                              "{\"chain\": [" TASK("last", "3", "[]") ", " TASK(
                                  "next", "2", "[]") ", " FRESH("nameless") "]}");
    const char *effects = effects_hear(*state, &d);

    assert_int_equal(d.effects, 2);
    assert_non_null(strstr(effects,
                           "STORE 3 {\"status\": \"FAILURE\", \"result\": " VALUE_ERROR
                           ", \"traceback\": \"Traceback"));
    assert_non_null(strstr(effects, "STORE 2 {\"status\": \"FAILURE\""));
}

static void an_element_of_the_chain_that_is_a_part_returns_it(void **state)
{
    struct frame_done d = run(
        *state, "demo.fail", "[\"ValueError\", \"bad\"]", "",
        "{\"chain\": [{\"task\": \"last\", \"args\": [], \"kwargs\": {}, \"options\": "
        "{\"task_id\": \"3\", \"group_id\": \"g\", \"group_index\": 1, "
        "\"chord\": " TASK("body", "b", "[]") "}, \"subtask_type\": null}]}");

    assert_int_equal(d.effects, 2);
    assert_non_null(strstr(effects_hear(*state, &d),
                           "PART g 3 1 [1, \"3\", \"FAILURE\", " VALUE_ERROR "]"));
}

static void the_body_of_a_chord_in_the_chain_fails_too(void **state)
{
    struct frame_done d =
        run(*state, "demo.fail", "[\"ValueError\", \"bad\"]", "",
            "{\"chain\": [{\"task\": \"celery.chord\", \"args\": [], \"kwargs\": "
            "{\"header\": [], \"body\": " TASK(
                "body", "b",
                "[]") "}, \"options\": {}, \"subtask_type\": \"chord\"}]}");

    assert_int_equal(d.effects, 1);
    assert_non_null(
        strstr(effects_hear(*state, &d), "STORE b {\"status\": \"FAILURE\""));
}

static void a_retry_sets_nothing_going(void **state)
{
    struct frame_done d =
        run(*state, "demo.retry", "[5, 1]", ", \"group\": \"g\"",
            "{\"callbacks\": [" TASK("a", "1", "[]") "], \"errbacks\": [" TASK(
                "told", "e", "[]") "], \"chord\": " TASK("body", "b", "[]") "}");

    assert_int_equal(d.outcome, OUTCOME_RETRY);
    assert_int_equal(d.effects, 0);
}

/* ---- Concluded ------------------------------------------------------------------- */

#define REVOKED                                                                        \
    "{\"status\": \"REVOKED\", \"result\": {\"exc_type\": \"TaskRevokedError\", "      \
    "\"exc_message\": [\"revoked\"], \"exc_module\": \"celery.exceptions\"}, "         \
    "\"traceback\": null}"

static void a_revoked_task_ends_its_chain_and_tells_no_errback(void **state)
{
    struct frame_done d =
        conclude(*state, "demo.add", ", \"group\": \"g\"",
                 "{\"chain\": [" TASK("last", "3", "[]") "], \"errbacks\": [" TASK(
                     "told", "e", "[]") "], \"chord\": " TASK("body", "b", "[]") "}",
                 REVOKED, false);

    holds(d.meta, "{\"status\": \"REVOKED\", \"result\": {\"exc_type\": "
                  "\"TaskRevokedError\", \"exc_message\": [\"revoked\"], ");
    holds(d.meta, "\"group_id\": \"g\", \"task_id\": \"an-id\"}");
    assert_int_equal(d.effects, 2);
    const char *effects = effects_hear(*state, &d);
    assert_non_null(strstr(effects, "PART g an-id inf [1, \"an-id\", \"REVOKED\", {"));
    assert_non_null(strstr(effects, "STORE 3 {\"status\": \"REVOKED\""));
}

static void a_task_that_no_plugin_has_tells_its_errbacks(void **state)
{
    struct frame_done d = conclude(
        *state, "nobody.knows", "", "{\"errbacks\": [" TASK("told", "e", "[]") "]}",
        "{\"status\": \"FAILURE\", \"result\": {\"exc_type\": \"NotRegistered\", "
        "\"exc_message\": [\"nobody.knows\"], \"exc_module\": "
        "\"celery.exceptions\"}, \"traceback\": \"x\"}",
        false);

    assert_int_equal(d.outcome, OUTCOME_FAILURE);
    holds(d.meta, "\"traceback\": \"x\"");
    effects_are(*state, &d,
                "PUBLISH celery told[e] [[\"an-id\"], {}] an-id of an-id\n");
}

static void a_failure_found_stored_is_followed_but_not_stored_again(void **state)
{
    struct frame_done d =
        conclude(*state, "demo.add", "",
                 "{\"errbacks\": [" TASK("told", "e", "[]") "]}",
                 "{\"status\": \"FAILURE\", \"result\": " VALUE_ERROR "}", true);

    assert_int_equal(d.meta.n, 0);
    effects_are(*state, &d,
                "PUBLISH celery told[e] [[\"an-id\"], {}] an-id of an-id\n");
}

static void an_outcome_that_cannot_be_read_is_said(void **state)
{
    struct frame_log log;
    char *envelope = peer_envelope_with("demo.add", "[1]", "{}", "",
                                        "{\"callbacks\": [" FRESH("a") "]}");
    struct frame_task f = {.job = 1,
                           .mode = TASK_CONCLUDE,
                           .outcome = STR("{"),
                           .stored = true,
                           .envelope = str_of(envelope)};
    struct frame_done d;

    peer_send_frame(*state, &f);
    free(envelope);
    peer_hear(*state, FRAME_STARTED);
    assert_true(frame_get_log(peer_hear(*state, FRAME_LOG), &log));
    holds(log.text, "its stored result cannot be read");
    assert_true(frame_get_done(peer_hear(*state, FRAME_DONE), &d));
    assert_int_equal(d.effects, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_gets_the_result),
        cmocka_unit_test(several_callbacks_are_a_group_of_no_name),
        cmocka_unit_test(the_next_of_a_chain_takes_the_rest_along),
        cmocka_unit_test(the_last_hop_of_a_chain_has_an_empty_rest),
        cmocka_unit_test(a_part_is_returned_behind_what_is_called),
        cmocka_unit_test(a_part_without_a_place_has_an_infinite_one),
        cmocka_unit_test(a_part_whose_result_is_ignored_is_returned_all_the_same),
        cmocka_unit_test(what_has_no_id_gets_the_same_one_each_time),
        cmocka_unit_test(a_callback_that_cannot_be_called_makes_it_a_failure),
        cmocka_unit_test(errbacks_are_told_which_task_failed),
        cmocka_unit_test(the_rest_of_a_chain_fails_with_the_task),
        cmocka_unit_test(an_element_of_the_chain_that_is_a_part_returns_it),
        cmocka_unit_test(the_body_of_a_chord_in_the_chain_fails_too),
        cmocka_unit_test(a_retry_sets_nothing_going),
        cmocka_unit_test(a_revoked_task_ends_its_chain_and_tells_no_errback),
        cmocka_unit_test(a_task_that_no_plugin_has_tells_its_errbacks),
        cmocka_unit_test(a_failure_found_stored_is_followed_but_not_stored_again),
        cmocka_unit_test(an_outcome_that_cannot_be_read_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
