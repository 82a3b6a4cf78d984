/* SPDX-License-Identifier: Apache-2.0 */
/* A chord that is complete: its results are asked for, and its body called or failed.
 */
#include "effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY(more)                                                                     \
    "{\"task\": \"body\", \"args\": [9], \"kwargs\": {}, \"options\": {\"task_id\": "  \
    "\"b\"" more "}, \"subtask_type\": null, \"immutable\": false}"
#define TOLD                                                                           \
    "{\"task\": \"told\", \"args\": [], \"kwargs\": {}, \"options\": {\"task_id\": "   \
    "\"e\"}, \"subtask_type\": null, \"immutable\": false}"
#define VALUE_ERROR                                                                    \
    "{\"exc_type\": \"ValueError\", \"exc_message\": [\"bad\"], \"exc_module\": "      \
    "\"builtins\"}"

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

/* ---- The parent's part ------------------------------------------------------------
 */

static void begin(struct peer *p, const char *part, const char *embed)
{
    char *envelope =
        peer_envelope_with("demo.add", "[1, 2]", "{}", ", \"group\": \"g\"", embed);
    struct frame_task f = {.job = 7,
                           .queue = STR("celery"),
                           .mode = TASK_JOIN,
                           .part = str_of(part),
                           .envelope = str_of(envelope)};

    peer_send_frame(p, &f);
    free(envelope);
    peer_hear(p, FRAME_STARTED);
}

static void expect_read(struct peer *p, enum frame_read_what what, struct str ids)
{
    struct frame_read f;

    assert_true(frame_get_read(peer_hear(p, FRAME_READ), &f));
    assert_true(f.job == 7 && f.what == what);
    if (!str_eq(f.ids, ids))
        fail_msg("asked for " STR_FMT ", not " STR_FMT, STR_ARG(f.ids), STR_ARG(ids));
}

/* NULL: no document. */
static void answer(struct peer *p, size_t n, const char *const documents[], bool last)
{
    struct wr w;
    size_t begun;

    wr_init(&w, 1u << 20);
    begun = frame_begin_documents(&w, 7, last);
    for (size_t i = 0; i < n; i++)
        frame_put_document(&w, str_of(documents[i]));
    frame_end(&w, begun);
    peer_send(p, wr_str(&w));
    wr_finish(&w);
}

static void answer_flat(struct peer *p, size_t n, const char *const parts[])
{
    expect_read(p, FRAME_READ_GROUP, STR("g\0"));
    answer(p, 1, (const char *const[]){NULL}, true);
    expect_read(p, FRAME_READ_PARTS, STR("g\0"));
    answer(p, n, parts, true);
}

static struct frame_done hear_done(struct peer *p)
{
    struct frame_done d;

    assert_true(frame_get_done(peer_hear(p, FRAME_DONE), &d));
    assert_int_equal(d.meta.n, 0);
    return d;
}

static void hear_log(struct peer *p, const char *expected)
{
    struct frame_log log;

    assert_true(frame_get_log(peer_hear(p, FRAME_LOG), &log));
    if (!str_is(log.text, expected))
        fail_msg(STR_FMT "\nis not\n%s", STR_ARG(log.text), expected);
}

/* ---- Called -----------------------------------------------------------------------
 */

static void the_body_gets_the_results_in_their_order(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY("") "}");
    answer_flat(*state, 2,
                (const char *const[]){"[1, \"x\", \"SUCCESS\", 3]",
                                      "[1, \"an-id\", \"SUCCESS\", {\"a\": null}]"});
    d = hear_done(*state);
    effects_are(*state, &d,
                "PUBLISH celery body[b] [[[3, {\"a\": null}], 9], {}] an-id of an-id\n"
                "END g 1\n");
}

static void results_may_come_in_several_frames(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY("") "}");
    expect_read(*state, FRAME_READ_GROUP, STR("g\0"));
    answer(*state, 1, (const char *const[]){NULL}, true);
    expect_read(*state, FRAME_READ_PARTS, STR("g\0"));
    answer(*state, 1, (const char *const[]){"[1, \"x\", \"SUCCESS\", 1]"}, false);
    answer(*state, 0, NULL, false);
    answer(*state, 1, (const char *const[]){"[1, \"y\", \"SUCCESS\", 2]"}, true);
    d = hear_done(*state);
    effects_are(*state, &d,
                "PUBLISH celery body[b] [[[1, 2], 9], {}] an-id of an-id\nEND g 1\n");
}

static void a_saved_header_gives_the_results_its_shape(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY("") "}");
    expect_read(*state, FRAME_READ_GROUP, STR("g\0"));
    answer(*state, 1,
           (const char *const[]){
               "{\"result\": [[\"g\", null], [[[\"x\", null], null], [[\"i\", null], "
               "[[[\"y\", null], null], [[\"z\", null], null]]]]]}"},
           true);
    expect_read(*state, FRAME_READ_RESULTS, STR("x\0y\0z\0"));
    answer(*state, 3,
           (const char *const[]){"{\"status\": \"SUCCESS\", \"result\": 1}",
                                 "{\"status\": \"SUCCESS\", \"result\": 2}",
                                 "{\"status\": \"SUCCESS\", \"result\": 3}"},
           true);
    d = hear_done(*state);
    effects_are(
        *state, &d,
        "PUBLISH celery body[b] [[[1, [2, 3]], 9], {}] an-id of an-id\nEND g 1\n");
}

static void a_task_that_comes_meanwhile_runs_afterwards(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY("") "}");
    peer_call(*state, 8, "demo.add", "[2, 3]");
    answer_flat(*state, 1, (const char *const[]){"[1, \"x\", \"SUCCESS\", 3]"});
    peer_call(*state, 9, "demo.add", "[3, 3]");
    d = hear_done(*state);
    assert_int_equal(d.job, 7);
    effects_hear(*state, &d);
    d = peer_hear_outcome(*state);
    assert_true(d.job == 8 && str_is(d.repr, "5"));
    d = peer_hear_outcome(*state);
    assert_true(d.job == 9 && str_is(d.repr, "6"));
}

static void the_chord_of_a_later_link_is_found_by_its_part(void **state)
{
    struct frame_done d;

    begin(*state, "later",
          "{\"chain\": [{\"task\": \"t\", \"args\": [], \"kwargs\": {}, \"options\": "
          "{\"task_id\": \"later\", \"group_id\": \"other\", \"chord\": " BODY(
              "") "}}]}");
    expect_read(*state, FRAME_READ_GROUP, STR("other\0"));
    answer(*state, 1, (const char *const[]){NULL}, true);
    expect_read(*state, FRAME_READ_PARTS, STR("other\0"));
    answer(*state, 1, (const char *const[]){"[1, \"x\", \"SUCCESS\", 3]"}, true);
    d = hear_done(*state);
    effects_are(*state, &d,
                "PUBLISH celery body[b] [[[3], 9], {}] an-id of an-id\nEND other 1\n");
}

static void a_part_of_no_chord_is_said(void **state)
{
    struct frame_done d;

    begin(*state, "nobody", "{\"chord\": " BODY("") "}");
    hear_log(*state, "its message has no chord of which nobody is a part");
    d = hear_done(*state);
    assert_int_equal(d.effects, 0);
}

/* ---- Failed -----------------------------------------------------------------------
 */

#define CHORD_ERROR                                                                    \
    "{\"exc_type\": \"ChordError\", \"exc_message\": [\"Dependency y raised "          \
    "ValueError('bad')\"], \"exc_module\": \"celery.exceptions\"}"
#define STORED(error, words)                                                           \
    "{\"status\": \"FAILURE\", \"result\": " error                                     \
    ", \"traceback\": \"Traceback (most recent call last):\\n" words                   \
    "\\n\", \"children\": [], \"date_done\": \"<>\", \"task_id\": "

/* The group itself has no place where it failed. */
#define STORED_OF_GROUP(error)                                                         \
    "{\"status\": \"FAILURE\", \"result\": " error                                     \
    ", \"traceback\": null, \"children\": [], \"date_done\": \"<>\", \"task_id\": "

static const char *const one_failed[] = {"[1, \"x\", \"SUCCESS\", 3]",
                                         "[1, \"y\", \"FAILURE\", " VALUE_ERROR "]"};

static void a_failed_part_fails_the_body(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY(", \"link_error\": [" TOLD "]") "}");
    answer_flat(*state, 2, one_failed);
    hear_log(*state,
             "chord g raised ChordError(\"Dependency y raised ValueError('bad')\")");
    d = hear_done(*state);
    effects_are(*state, &d,
                "PUBLISH celery told[e] [[\"b\"], {}] b of b\n"
                "STORE b " STORED(CHORD_ERROR,
                                  "celery.exceptions.ChordError: Dependency "
                                  "y raised ValueError('bad')") "\"b\"}\nEND g 0\n");
}

static void what_waits_behind_the_body_fails_and_so_does_an_outer_chord(void **state)
{
    struct frame_done d;

    begin(*state, "an-id",
          "{\"chord\": " BODY(", \"group_id\": \"outer\", \"chord\": " TOLD
                              ", \"chain\": [" TOLD "]") "}");
    answer_flat(*state, 2, one_failed);
    peer_hear(*state, FRAME_LOG);
    d = hear_done(*state);
    const char *effects = effects_hear(*state, &d);
    assert_non_null(strstr(effects, "STORE b {\"status\": \"FAILURE\""));
    assert_non_null(strstr(effects, "STORE e {\"status\": \"FAILURE\""));
    assert_non_null(
        strstr(effects, "PART outer b inf [1, \"b\", \"FAILURE\", " CHORD_ERROR));
    assert_non_null(strstr(effects, "END g 0\n"));
}

static void each_member_of_a_group_that_is_the_body_fails_for_the_part(void **state)
{
    struct frame_done d;

    begin(*state, "an-id",
          "{\"chord\": {\"task\": \"celery.group\", \"args\": [], \"kwargs\": "
          "{\"tasks\": [" BODY(", \"link_error\": [" TOLD
                               "]") ", "
                                    "{\"task\": \"c\", \"args\": [], \"kwargs\": {}, "
                                    "\"options\": {\"task_id\": "
                                    "\"c\"}, \"subtask_type\": null, \"immutable\": "
                                    "false}]}, \"options\": "
                                    "{\"task_id\": \"all\"}, \"subtask_type\": "
                                    "\"group\", \"immutable\": false}}");
    answer_flat(*state, 2, one_failed);
    peer_hear(*state, FRAME_LOG);
    d = hear_done(*state);
    effects_are(
        *state, &d,
        "PUBLISH celery told[e] [[\"b\"], {}] b of b\n"
        "STORE b " STORED(
            VALUE_ERROR,
            "ValueError: bad") "\"b\"}\nREVOKE b\n"
                               "STORE c " STORED(
                                   VALUE_ERROR,
                                   "ValueError: bad") "\"c\"}\nREVOKE c\n"
                                                      "STORE all " STORED_OF_GROUP(
                                                          VALUE_ERROR) "\"all\"}"
                                                                       "\n"
                                                                       "END g "
                                                                       "0\n");
}

static void a_part_that_is_missing_or_no_part_is_a_join_error(void **state)
{
    static const char *const bad[] = {"[1, 2]", "{", "", NULL};

    for (size_t i = 0; i < 4; i++) {
        struct frame_done d;

        begin(*state, "an-id", "{\"chord\": " BODY("") "}");
        answer_flat(*state, 1, bad + i);
        hear_log(*state,
                 "chord g raised ChordError(\"Join error: ValueError('the result "
                 "of a part cannot be read')\")");
        d = hear_done(*state);
        assert_int_equal(d.effects, 2);
        effects_hear(*state, &d);
    }
}

static void a_body_that_cannot_be_called_is_a_callback_error(void **state)
{
    struct frame_done d;

    begin(*state, "an-id", "{\"chord\": " BODY(", \"eta\": 5") "}");
    answer_flat(*state, 1, one_failed);
    hear_log(*state,
             "chord g raised ChordError(\"Callback error: TypeError('an eta is an "
             "ISO 8601 text')\")");
    d = hear_done(*state);
    assert_int_equal(d.effects, 2);
    assert_non_null(strstr(effects_hear(*state, &d), "END g 0\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_gets_the_results_in_their_order),
        cmocka_unit_test(results_may_come_in_several_frames),
        cmocka_unit_test(a_saved_header_gives_the_results_its_shape),
        cmocka_unit_test(a_task_that_comes_meanwhile_runs_afterwards),
        cmocka_unit_test(the_chord_of_a_later_link_is_found_by_its_part),
        cmocka_unit_test(a_part_of_no_chord_is_said),
        cmocka_unit_test(a_failed_part_fails_the_body),
        cmocka_unit_test(what_waits_behind_the_body_fails_and_so_does_an_outer_chord),
        cmocka_unit_test(each_member_of_a_group_that_is_the_body_fails_for_the_part),
        cmocka_unit_test(a_part_that_is_missing_or_no_part_is_a_join_error),
        cmocka_unit_test(a_body_that_cannot_be_called_is_a_callback_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
