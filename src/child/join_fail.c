/* SPDX-License-Identifier: Apache-2.0 */
/* join_fail - the end of a chord whose body will never run (celery.backends.base's
 * chord_error_from_stack). */
#include "apply.h"
#include "followup.h"
#include "job.h"
#include "join.h"

struct failing {
    struct ptl_task *t;
    const struct result_error *error;
    struct wr traceback;
};

/* ---- What is stored ------------------------------------------------------------- */

static void write_traceback(struct wr *w, const struct result_error *e)
{
    wr_init(w, 64u << 10);
    wr_text(w, "Traceback (most recent call last):\n");
    if (!str_is(e->module, "builtins")) {
        wr_put(w, e->module);
        wr_text(w, ".");
    }
    wr_put(w, e->type);
    if (value_kind(value_at(e->args, 0)) == PTL_STR) {
        wr_text(w, ": ");
        wr_put(w, value_at(e->args, 0)->u.s);
    }
    wr_text(w, "\n");
}

static void store(const struct failing *f, struct str id, struct str traceback)
{
    const struct result r = {
        .status = "FAILURE",
        .error = f->error,
        .traceback = traceback,
        .date_done_us = job_now_us(),
        .task_id = id,
    };

    followup_store(f->t, &r);
}

/* Celery leaves it at that, and a chord that this one is a part of waits for ever. */
static void return_part(const struct failing *f, const ptl_value *sig)
{
    const struct ending e = {.state = "FAILURE", .error = f->error};

    followup_end_other(f->t, sig, &e);
}

/* ---- A group as the body --------------------------------------------------------- */

/* Among the first, which is all there are unless somebody wants to waste our time. */
static bool has(const ptl_value *list, const ptl_value *v)
{
    enum { COMPARED_MAX = 64 };

    for (size_t i = 0; i < value_len(list) && i < COMPARED_MAX; i++)
        if (value_equal(value_at(list, i), v))
            return true;
    return false;
}

/* Those of the member, and the group's own, each once. */
static const ptl_value *union_of(struct ptl_task *t, const ptl_value *own,
                                 const ptl_value *groups)
{
    size_t n =
        value_kind(groups) == PTL_LIST ? value_len(groups) : !value_is_null(groups);
    ptl_value *all = value_list(t->arena, value_len(own) + n);

    for (size_t i = 0; i < value_len(own); i++)
        if (!has(all, value_at(own, i)))
            value_list_add(t->arena, all, value_at(own, i));
    for (size_t i = 0; i < n; i++) {
        const ptl_value *v =
            value_kind(groups) == PTL_LIST ? value_at(groups, i) : groups;
        if (!has(all, v))
            value_list_add(t->arena, all, v);
    }
    return all;
}

static void fail_member(const struct failing *f, const ptl_value *sig,
                        const ptl_value *groups)
{
    struct canvas c = apply_canvas(f->t);
    struct frame_effect revoke = {.kind = EFFECT_REVOKE};
    struct str id;
    const ptl_value *own = canvas_errbacks(&c, sig, &id), *errbacks;

    if (!own || !id.n)
        return;
    errbacks = union_of(f->t, own, groups);
    if (value_len(errbacks))
        followup_errbacks(f->t, errbacks, id, id);
    store(f, id, wr_str(&f->traceback));
    return_part(f, sig);
    revoke.id = id;
    task_effect(f->t, &revoke, NULL);
}

static void fail_group(const struct failing *f, const ptl_value *group)
{
    const ptl_value *tasks = value_get(value_get(group, "kwargs"), "tasks");
    const ptl_value *options = value_get(group, "options");
    struct str id = value_as_str(value_get(options, "task_id"));

    for (size_t i = 0; value_kind(tasks) == PTL_LIST && i < value_len(tasks); i++)
        fail_member(f, value_at(tasks, i), value_get(options, "link_error"));
    if (id.n)
        store(f, id, (struct str){NULL, 0});
}

/* ---- Any other ------------------------------------------------------------------- */

static void fail_one(const struct failing *f, const ptl_value *body)
{
    const ptl_value *options = value_get(body, "options");
    const ptl_value *errbacks = value_get(options, "link_error");
    struct str id = value_as_str(value_get(options, "task_id"));
    char made[UUID_TEXT];

    if (!id.n) {
        task_new_id(f->t, made);
        id = arena_copy(f->t->arena, str_of(made));
    }
    if (value_truth(errbacks))
        followup_errbacks(f->t, errbacks, id, id);
    store(f, id, wr_str(&f->traceback));
}

static bool is_group(const ptl_value *sig)
{
    return str_is(value_as_str(value_get(sig, "subtask_type")), "group");
}

static bool is_part(const ptl_value *sig)
{
    return value_truth(value_get(value_get(sig, "options"), "chord"));
}

/* What others wait for of a chord is its body. Celery leaves that pending. */
static void fail_body(const struct failing *f, const ptl_value *body)
{
    const ptl_value *inner;

    for (; body && !is_group(body); body = inner) {
        inner = followup_body(body);
        fail_one(f, body);
        if (!inner || !is_part(inner))
            return_part(f, body);
    }
    if (body)
        fail_group(f, body);
}

void join_fail(struct ptl_task *t, struct str group, const ptl_value *body,
               const struct joined *j)
{
    struct failing f = {.t = t, .error = is_group(body) ? &j->cause : &j->error};
    const struct ending e = {.state = "FAILURE", .error = &j->error, .stores = true};
    struct wr text;

    wr_init(&text, 64u << 10);
    result_exception_repr(&text, &j->error);
    ptl_log(t, PTL_ERROR, "chord " STR_FMT " raised " STR_FMT, STR_ARG(group),
            STR_ARG(wr_str(&text)));
    wr_finish(&text);
    write_traceback(&f.traceback, f.error);
    fail_body(&f, body);
    followup_end_chain(t, value_get(value_get(body, "options"), "chain"), &e);
    wr_finish(&f.traceback);
}
