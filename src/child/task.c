/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include "../../protocol/trace.h"
#include "cancel.h"

#include <stdlib.h>
#include <unistd.h>

#define MAX_SENTENCE_BYTES (64u << 10)

static const char *with_nul(struct ptl_task *t, struct str s)
{
    return s.p ? arena_copy(t->arena, s).p : NULL;
}

static const char *trace_id(struct ptl_task *t)
{
    struct trace trace;

    trace_read(&trace, t->message.headers);
    return with_nul(t, trace.id);
}

bool task_begin(struct ptl_task *t, const struct module_row *row)
{
    t->row = row;
    t->deferrals = NULL;
    t->flag = (struct flag){0};
    t->value = NULL;
    t->children_cut = false;
    t->id = with_nul(t, t->message.id);
    t->root_id = with_nul(t, t->message.root_id);
    t->parent_id = with_nul(t, t->message.parent_id);
    t->trace_id = trace_id(t);
    if (t->arena->failed)
        task_fail_memory(t);
    return !t->arena->failed;
}

/* A call that does not fit never reaches the handler. */
static bool bind(struct ptl_task *t)
{
    struct wr why;
    bool fits;

    wr_init(&why, MAX_SENTENCE_BYTES); /* allocates only if there is a complaint */
    fits = bind_call(&t->row->params, t->row->function, t->body.args, t->body.kwargs,
                     t->bound, &why);
    if (!fits)
        task_fail(t, "TypeError", STR_FMT, STR_ARG(wr_str(&why)));
    wr_finish(&why);
    return fits;
}

static void release_deferred(struct ptl_task *t)
{
    struct deferral *d;

    while ((d = t->deferrals)) {
        t->deferrals = d->next; /* first, as release may defer again */
        d->release(d->arg);
    }
}

static void call(struct ptl_task *t)
{
    const pid_t speaker = getpid();

    t->value = t->row->def.run(t);
    /* A handler that forked may return in both processes: only this one may speak for
     * the task, and read the next. */
    if (getpid() != speaker)
        _exit(EXIT_SUCCESS);
    if (!t->value && cancel_requested() && task_flag(t, OUTCOME_FAILURE))
        t->flag.kind = "SoftTimeLimitExceeded";
    release_deferred(t);
}

void task_bind_and_call(struct ptl_task *t)
{
    if (bind(t))
        call(t);
}

void task_run(struct ptl_task *t)
{
    task_bind_and_call(t);
    task_autoretry(t);
}

/* As Celery 5.7 decides. Producers before it always send the header, false unless they
 * were told otherwise, so for them it is not the row that speaks. */
bool task_ignores_result(const struct ptl_task *t)
{
    return t->message.has_ignore_result ? t->message.ignore_result
                                        : t->row->attributes.ignore_result;
}

bool task_stores_errors(const struct ptl_task *t)
{
    return !task_ignores_result(t) || t->row->attributes.store_errors_even_if_ignored;
}
