/* SPDX-License-Identifier: Apache-2.0 */
/* Composing: the signatures that Celery's canvas makes of the same parts, see
 * tests/golden/canvas, and what it makes of them in the place of a running task. */
#include "cmocka_all.h"
#include "program.h"
#include "replay.h"

#include <stdio.h>

static bool builds(struct replay *r)
{
    const ptl_value *sig = program_build(&r->canvas, value_get(r->line, "program"));

    assert_true(!sig == !!r->canvas.fault_kind);
    if (value_get(r->line, "error"))
        return !sig || replay_same(r, "is refused", value_get(r->line, "error"), sig);
    return replay_same(r, "is built", value_get(r->line, "sig"), sig);
}

static void signatures_are_composed_as_celery_composes_them(void **state)
{
    (void)state;
    replay_each("canvas/build.jsonl", builds);
}

static struct canvas_request request_of(struct replay *r)
{
    const ptl_value *q = value_get(r->line, "request");

    return (struct canvas_request){.id = value_text(&r->arena, "the-id"),
                                   .root_id = value_text(&r->arena, "the-root"),
                                   .group = value_get(q, "group"),
                                   .group_index = value_get(q, "group_index"),
                                   .chord = value_get(q, "chord"),
                                   .chain = value_get(q, "chain"),
                                   .callbacks = value_get(q, "callbacks"),
                                   .errbacks = value_get(q, "errbacks"),
                                   .replaced_task_nesting = value_as_int(
                                       value_get(q, "replaced_task_nesting"), 0)};
}

static bool replaces(struct replay *r)
{
    struct canvas_request request = request_of(r);
    struct canvas *c = &r->canvas;
    ptl_value *sig = program_build(c, value_get(r->line, "program"));
    bool add = value_truth(value_get(r->line, "add"));

    if (sig && add)
        sig = canvas_chord_member(c, sig, &request);
    else if (sig)
        sig = canvas_replacement(c, sig, &request);
    if (sig && add)
        replay_note(r, "grow", value_as_str(request.group));
    return replay_check(r, sig ? canvas_apply(c, sig, NULL, NULL) : NULL);
}

static void tasks_are_replaced_as_celery_replaces_them(void **state)
{
    (void)state;
    replay_each("canvas/replace.jsonl", replaces);
}

/* ---- Cost ---------------------------------------------------------------------------
 */

static bool call_nothing(void *ctx, const struct canvas_call *call)
{
    (void)ctx, (void)call;
    return true;
}

static void new_id(void *ctx, char id[UUID_TEXT])
{
    snprintf(id, UUID_TEXT, "%u", ++*(unsigned *)ctx);
}

static ptl_value *tasks_of(struct canvas *c, int n)
{
    ptl_value *tasks = value_list(c->arena, (size_t)n);

    for (int i = 0; i < n; i++)
        canvas_add(c, tasks, canvas_signature(c, STR("t.a"), NULL, NULL, NULL, false));
    return tasks;
}

static size_t bytes_of(ptl_value *(*make)(struct canvas *c, int n), int n)
{
    static const struct canvas_hooks hooks = {new_id, call_nothing, NULL, NULL};
    unsigned ids = 0;
    struct arena a;
    struct canvas c = {.arena = &a,
                       .hooks = &hooks,
                       .ctx = &ids,
                       .signatures_left = 10 * (size_t)n};

    arena_init(&a, (size_t)1 << 30);
    assert_non_null(make(&c, n));
    size_t used = a.used_bytes;
    arena_finish(&a);
    return used;
}

static ptl_value *long_chain(struct canvas *c, int n)
{
    return canvas_chain(c, tasks_of(c, n));
}

static ptl_value *chain_that_grows(struct canvas *c, int n)
{
    ptl_value *tasks = tasks_of(c, n), *chain = (ptl_value *)value_at(tasks, 0);

    for (int i = 1; chain && i < n; i++)
        chain = canvas_or(c, chain, (ptl_value *)value_at(tasks, (size_t)i));
    return chain;
}

static ptl_value *one_in_a_long_chain(struct canvas *c, int n)
{
    struct canvas_request request = {.id = value_text(c->arena, "the-id"),
                                     .chain = tasks_of(c, n)};

    return canvas_replacement(c,
                              canvas_signature(c, STR("t.b"), NULL, NULL, NULL, false),
                              &request);
}

static void a_chain_twice_as_long_costs_twice_as_much(void **state)
{
    static ptl_value *(*const makes[])(struct canvas * c,
                                       int n) = {long_chain, chain_that_grows,
                                                 one_in_a_long_chain};

    (void)state;
    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
        assert_in_range(bytes_of(makes[i], 20000), 1,
                        bytes_of(makes[i], 10000) * 5 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_composed_as_celery_composes_them),
        cmocka_unit_test(a_chain_twice_as_long_costs_twice_as_much),
        cmocka_unit_test(tasks_are_replaced_as_celery_replaces_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
