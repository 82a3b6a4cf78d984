/* SPDX-License-Identifier: Apache-2.0 */
/* Workflows as a handler meets them: what it composes is what is sent, once it is sent.
 */
#include "../../../protocol/json.h"
#include "../../../src/child/task.h"
#include "../../../src/child/verdict.h"
#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- A task around one handler ------------------------------------------------- */

#define SENT_MAX 8

struct bench {
    struct arena arena, reserve, settings;
    struct node node;
    struct task_sink sink;
    struct module_row row;
    struct module module;
    ptl_module plugin;
    struct ptl_task task;
    struct wr said;                  /* "size g 2 | demo.add | …" */
    const ptl_value *body[SENT_MAX]; /* of the messages: [args, kwargs, embed] */
    char id[SENT_MAX][UUID_TEXT], group[SENT_MAX][UUID_TEXT];
    int sent;
};

static struct bench b;

static void note_log(struct ptl_task *t, ptl_level level, struct str text)
{
    (void)t, (void)level, (void)text;
}

static void note_message(const struct message_send *m)
{
    assert_in_range(b.sent, 0, SENT_MAX - 1);
    b.body[b.sent] = json_read(&b.settings, m->body, JSON_COPY_STRINGS, NULL, NULL);
    assert_non_null(b.body[b.sent]);
    snprintf(b.id[b.sent], UUID_TEXT, STR_FMT, STR_ARG(m->id));
    snprintf(b.group[b.sent], UUID_TEXT, STR_FMT, STR_ARG(m->group));
    b.sent++;
    wr_put(&b.said, m->task);
}

static void note_effect(struct ptl_task *t, const struct frame_effect *e,
                        const struct message_send *m)
{
    (void)t;
    wr_text(&b.said, b.said.len ? " | " : "");
    if (m)
        note_message(m);
    else if (e->kind == EFFECT_CHORD_SIZE)
        wr_printf(&b.said, "size %lld", (long long)e->size);
    else if (e->kind == EFFECT_CHORD_GROW)
        wr_printf(&b.said, "grow " STR_FMT, STR_ARG(e->group));
    else
        wr_printf(&b.said, "effect %d", e->kind);
}

static void note_nothing(struct ptl_task *t, const struct frame_effect *e,
                         const struct message_send *m)
{
    (void)t, (void)e, (void)m;
}

static int set_up(void **state)
{
    (void)state;
    memset(&b, 0, sizeof(b));
    b.sink = (struct task_sink){.log = note_log, .effect = note_effect};
    arena_init(&b.arena, 1u << 20);
    arena_init(&b.reserve, 1u << 20);
    arena_init(&b.settings, 1u << 22);
    wr_init(&b.said, 1u << 16);
    b.node.hostname = "w1@h1";
    b.node.origin = "gen1@h1";
    b.node.reply_to = "me";
    b.node.message_max_bytes = 1u << 18;
    assert_null(routes_init(&b.node.routes, &b.settings, STR("{}")));
    b.plugin.name = "bench";
    b.module.plugin = &b.plugin;
    b.row.def = (ptl_def){.name = "bench.call", .params = "x?"};
    b.row.name = STR("bench.call");
    b.row.function = STR("call");
    b.row.module = &b.module;
    assert_null(params_read(&b.row.params, "x?"));
    b.task = (struct ptl_task){.arena = &b.arena,
                               .reserve = &b.reserve,
                               .node = &b.node,
                               .sink = &b.sink,
                               .children = {.max = 1u << 16}};
    b.task.message.id = b.task.message.root_id = STR("the-id");
    b.task.message.group_index = -1;
    b.task.body.args = value_list(&b.arena, 0);
    b.task.body.kwargs = value_map(&b.arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wr_finish(&b.said);
    wr_finish(&b.task.children);
    arena_finish(&b.arena);
    arena_finish(&b.reserve);
    arena_finish(&b.settings);
    return 0;
}

static const ptl_value *json(const char *text)
{
    const ptl_value *v =
        json_read(&b.settings, str_of(text), JSON_COPY_STRINGS, NULL, NULL);

    assert_non_null(v);
    return v;
}

static void run(ptl_value *(*handler)(ptl_task *t))
{
    b.row.def.run = handler;
    assert_true(task_begin(&b.task, &b.row));
    task_run(&b.task);
}

static const char *said(void)
{
    wr_u8(&b.said, 0);
    return b.said.p;
}

/* The text at a path of keys and indexes: "0 chain 1 task". */
static const ptl_value *at(const ptl_value *v, const char *path)
{
    char copy[128], *rest = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *step = strtok_r(copy, " ", &rest); step;
         step = strtok_r(NULL, " ", &rest))
        v = v && v->kind == PTL_LIST ? value_at(v, (size_t)atoi(step))
                                     : value_get(v, step);
    return v;
}

static void says(const ptl_value *v, const char *path, const char *expected)
{
    struct wr w;

    wr_init(&w, 1u << 16);
    json_write(&w, at(v, path));
    wr_u8(&w, 0);
    assert_string_equal(w.p, expected);
    wr_finish(&w);
}

static void returned(const char *expected)
{
    assert_false(ptl_failed(&b.task));
    assert_string_equal(value_as_str(b.task.value).p, expected);
}

static void failed_with(const char *kind, const char *text)
{
    assert_int_equal(b.task.flag.outcome, OUTCOME_FAILURE);
    assert_string_equal(b.task.flag.kind, kind);
    assert_non_null(strstr(b.task.flag.text.p, text));
}

/* ---- Chains -------------------------------------------------------------------- */

static ptl_value *add(ptl_task *t, int64_t x)
{
    return ptl_sig(t, "demo.add", ptl_new_int(t, x), NULL);
}

static ptl_value *send_chain(ptl_task *t)
{
    return ptl_new_str(t, ptl_send_sig(t, ptl_chain(t, add(t, 1), add(t, 2), add(t, 3),
                                                    NULL)));
}

static void a_chain_is_sent_as_its_first_task_with_the_rest(void **state)
{
    (void)state;
    run(send_chain);
    assert_string_equal(said(), "demo.add");
    says(b.body[0], "0", "[1]");
    says(b.body[0], "2 chain 1 args", "[2]");
    says(b.body[0], "2 chain 0 args", "[3]");
    returned(value_as_str(at(b.body[0], "2 chain 0 options task_id")).p);
}

static void only_the_first_task_of_a_chain_is_a_child(void **state)
{
    char expected[80];

    (void)state;
    run(send_chain);
    snprintf(expected, sizeof(expected), "[[\"%s\", null], null]", b.id[0]);
    assert_int_equal(b.task.children.len, strlen(expected));
    assert_memory_equal(b.task.children.p, expected, strlen(expected));
}

static ptl_value *send_a_secret(ptl_task *t)
{
    ptl_send_sig(t, ptl_sig_with(t, "demo.add", .flags = PTL_SEND_NO_TRAIL));
    return NULL;
}

static void a_signature_without_trail_is_no_child(void **state)
{
    (void)state;
    run(send_a_secret);
    assert_string_equal(said(), "demo.add");
    assert_int_equal(b.task.children.len, 0);
}

static ptl_value *send_nothing(ptl_task *t)
{
    const char *id = ptl_send_sig(t, ptl_chain(t, NULL));

    return ptl_new_bool(t, !id);
}

static void of_an_empty_chain_nothing_is_sent(void **state)
{
    (void)state;
    run(send_nothing);
    assert_true(ptl_bool(b.task.value));
    assert_int_equal(b.sent, 0);
}

static ptl_value *chain_with_a_group(ptl_task *t)
{
    ptl_value *both = ptl_group(t, add(t, 1), add(t, 2), NULL);

    ptl_send_sig(t, ptl_chain(t, both, ptl_sig(t, "demo.xsum", NULL), NULL));
    return NULL;
}

static void what_follows_a_group_is_the_body_of_a_chord(void **state)
{
    (void)state;
    run(chain_with_a_group);
    assert_string_equal(said(), "demo.add | size 2 | demo.add");
    says(b.body[1], "2 chord task", "\"demo.xsum\"");
}

/* ---- Groups and chords ---------------------------------------------------------- */

static ptl_value *send_group(ptl_task *t)
{
    return ptl_new_str(t, ptl_send_sig(t, ptl_group(t, add(t, 1), add(t, 2), NULL)));
}

static void a_group_is_sent_one_by_one_and_is_known_by_its_own_id(void **state)
{
    (void)state;
    run(send_group);
    assert_string_equal(said(), "demo.add | demo.add");
    assert_string_equal(b.group[0], b.group[1]);
    returned(b.group[0]);
}

static ptl_value *send_chord(ptl_task *t)
{
    ptl_value *header = ptl_new_list_of(t, add(t, 1), add(t, 2), NULL);
    ptl_value *body = ptl_sig_immutable(t, ptl_sig(t, "demo.echo", NULL));

    return ptl_new_str(t, ptl_send_sig(t, ptl_chord(t, header, body)));
}

static void a_chord_is_known_by_the_id_of_its_body(void **state)
{
    (void)state;
    run(send_chord);
    assert_string_equal(said(), "demo.add | size 2 | demo.add");
    says(b.body[0], "2 chord immutable", "true");
    returned(value_as_str(at(b.body[0], "2 chord options task_id")).p);
}

static ptl_value *send_a_chord_without_a_body(ptl_task *t)
{
    ptl_send_sig(t, ptl_chord(t, ptl_group(t, add(t, 1), NULL), NULL));
    return NULL;
}

static void a_chord_needs_a_body(void **state)
{
    (void)state;
    run(send_a_chord_without_a_body);
    failed_with("TypeError", "needs a header and a body");
    assert_int_equal(b.sent, 0);
}

/* ---- Options, callbacks, stamps ---------------------------------------------------
 */

static ptl_value *send_with_options(ptl_task *t)
{
    char queue[] = "images";
    ptl_value *sig =
        ptl_sig_with(t, "demo.add", .queue = queue, .countdown_s = 5,
                     .kwargs = ptl_new_map(t, "y", ptl_new_int(t, 2), NULL));

    memset(queue, 'x', sizeof(queue) - 1);
    sig = ptl_set(t, sig, .priority = PTL_PRIORITY_0, .countdown_s = 7);
    return sig;
}

static void options_are_part_of_a_signature(void **state)
{
    (void)state;
    run(send_with_options);
    says(b.task.value, "kwargs", "{\"y\": 2}");
    says(b.task.value, "options",
         "{\"countdown\": 7, \"queue\": \"images\", \"priority\": 0}");
}

static ptl_value *set_arguments(ptl_task *t)
{
    return ptl_set(t, add(t, 1), .args = ptl_new_list(t));
}

static void arguments_are_no_options(void **state)
{
    (void)state;
    run(set_arguments);
    failed_with("TypeError", "arguments belong to ptl_sig()");
}

static ptl_value *link_and_stamp(ptl_task *t)
{
    ptl_value *plain = add(t, 1), *linked = ptl_link(t, plain, add(t, 2));

    linked = ptl_link_error(t, linked, ptl_sig(t, "demo.echo", NULL));
    linked = ptl_stamp(t, linked, ptl_new_map(t, "customer", ptl_new_int(t, 7), NULL));
    return ptl_new_list_of(t, plain, linked, NULL);
}

static void callbacks_and_stamps_are_on_the_new_signature_only(void **state)
{
    (void)state;
    run(link_and_stamp);
    says(b.task.value, "0 options", "{}");
    says(b.task.value, "1 options link 0 args", "[2]");
    says(b.task.value, "1 options link 0 options customer", "7");
    says(b.task.value, "1 options link_error 0 task", "\"demo.echo\"");
    says(b.task.value, "1 options stamped_headers", "[\"customer\"]");
}

static ptl_value *use_one_twice(ptl_task *t)
{
    ptl_value *one = add(t, 1), *both = ptl_chain(t, one, one, NULL);

    ptl_send_sig(t, both);
    ptl_send_sig(t, both);
    return one;
}

static void a_signature_may_be_used_again(void **state)
{
    (void)state;
    run(use_one_twice);
    says(b.task.value, "options", "{}");
    assert_int_equal(b.sent, 2);
    assert_string_not_equal(b.id[0], b.id[1]);
    assert_string_not_equal(value_as_str(at(b.body[0], "2 chain 0 options task_id")).p,
                            b.id[0]);
}

/* ---- What is no signature ----------------------------------------------------------
 */

static ptl_value *nest_a_failure(ptl_task *t)
{
    ptl_value *bad = ptl_sig(t, "", NULL);

    ptl_send_sig(t, ptl_chord(t, ptl_group(t, bad, add(t, 1), NULL),
                              ptl_link(t, add(t, 2), bad)));
    return NULL;
}

static void the_first_failure_goes_through_all_that_is_made_of_it(void **state)
{
    (void)state;
    run(nest_a_failure);
    failed_with("ValueError", "needs the name of a task");
    assert_int_equal(b.sent, 0);
}

static ptl_value *chain_an_int(ptl_task *t)
{
    ptl_chain(t, add(t, 1), ptl_new_int(t, 2), NULL);
    return NULL;
}

static void a_value_that_is_no_signature_is_refused(void **state)
{
    (void)state;
    run(chain_an_int);
    failed_with("TypeError", "cannot read a signature: it is no object");
}

static ptl_value *group_a_map(ptl_task *t)
{
    return ptl_group_of(t, ptl_new_map(t, NULL));
}

static void a_group_is_made_of_a_list(void **state)
{
    (void)state;
    run(group_a_map);
    failed_with("TypeError", "they are no list");
}

/* ---- In the place of this task ------------------------------------------------------
 */

static ptl_value *replace(ptl_task *t)
{
    return ptl_replace(t, add(t, 1));
}

static void a_replacement_takes_over_all_that_follows_this_task(void **state)
{
    (void)state;
    b.task.body.embed = json("{\"callbacks\": [{\"task\": \"c\"}], \"chain\": ["
                             "{\"task\": \"n\", \"options\": {\"task_id\": \"next\"}}],"
                             "\"errbacks\": null, \"chord\": {\"task\": \"b\"}}");
    run(replace);
    assert_int_equal(b.task.flag.outcome, OUTCOME_IGNORE);
    assert_string_equal(said(), "demo.add");
    assert_string_equal(b.id[0], "the-id");
    says(b.body[0], "2 callbacks 0 task", "\"c\"");
    says(b.body[0], "2 chain 0 options task_id", "\"next\"");
}

static ptl_value *replace_with_nothing(ptl_task *t)
{
    return ptl_replace(t, ptl_chain(t, NULL));
}

static void nothing_takes_no_place(void **state)
{
    (void)state;
    run(replace_with_nothing);
    failed_with("ImproperlyConfigured", "Cannot replace with an empty chain");
}

static ptl_value *add_one(ptl_task *t)
{
    return ptl_new_str(t, ptl_add_to_chord(t, add(t, 1)));
}

static void a_chord_waits_for_a_task_that_is_added_to_it(void **state)
{
    (void)state;
    b.task.message.group = STR("the-group");
    b.task.body.embed = json("{\"chord\": {\"task\": \"sum\"}}");
    run(add_one);
    assert_string_equal(said(), "grow the-group | demo.add");
    says(b.body[0], "2 chord task", "\"sum\"");
    assert_string_equal(b.group[0], "the-group");
    returned(b.id[0]);
}

static void outside_of_a_chord_nothing_can_be_added_to_it(void **state)
{
    (void)state;
    run(add_one);
    failed_with("ValueError", "Current task is not member of any chord");
    assert_int_equal(b.sent, 0);
}

/* ---- Memory -------------------------------------------------------------------------
 */

static void without_memory_a_workflow_fails_and_does_not_crash(void **state)
{
    bool failed = true;

    (void)state;
    for (int n = 0; failed; n++) {
        tear_down(NULL);
        set_up(NULL);
        b.sink.effect = note_nothing;
        b.row.def.run = send_chord;
        assert_true(task_begin(&b.task, &b.row));
        alloc_fail_at(n);
        task_run(&b.task);
        failed = alloc_has_failed();
        alloc_fail_at(-1);
        if (!failed)
            assert_false(ptl_failed(&b.task));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_chain_is_sent_as_its_first_task_with_the_rest),
        TEST(only_the_first_task_of_a_chain_is_a_child),
        TEST(a_signature_without_trail_is_no_child),
        TEST(of_an_empty_chain_nothing_is_sent),
        TEST(what_follows_a_group_is_the_body_of_a_chord),
        TEST(a_group_is_sent_one_by_one_and_is_known_by_its_own_id),
        TEST(a_chord_is_known_by_the_id_of_its_body),
        TEST(a_chord_needs_a_body),
        TEST(options_are_part_of_a_signature),
        TEST(arguments_are_no_options),
        TEST(callbacks_and_stamps_are_on_the_new_signature_only),
        TEST(a_signature_may_be_used_again),
        TEST(the_first_failure_goes_through_all_that_is_made_of_it),
        TEST(a_value_that_is_no_signature_is_refused),
        TEST(a_group_is_made_of_a_list),
        TEST(a_replacement_takes_over_all_that_follows_this_task),
        TEST(nothing_takes_no_place),
        TEST(a_chord_waits_for_a_task_that_is_added_to_it),
        TEST(outside_of_a_chord_nothing_can_be_added_to_it),
        TEST(without_memory_a_workflow_fails_and_does_not_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
