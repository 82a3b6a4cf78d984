/* SPDX-License-Identifier: Apache-2.0 */
/* Running one task's handler within another's run. */
#include "builtin.h"

#include "../../protocol/result.h"

/* An exception is looked for in the plugin that raised it, while that is known. */
static void spell_out_kind(struct ptl_task *t)
{
    struct str type, module;

    result_exception_name(str_of(t->flag.kind), str_of(t->row->module->plugin->name),
                          &type, &module);
    const char *whole =
        ptl_strf(t, STR_FMT ":" STR_FMT, STR_ARG(module), STR_ARG(type));
    if (whole)
        t->flag.kind = whole;
}

/* Celery's words for a retry of what was called like a function; unless the retry is
 * for an exception, which is raised then. */
static void fail_retry(struct ptl_task *t)
{
    t->flag.outcome = OUTCOME_FAILURE;
    t->flag.again = NULL;
    if (t->flag.kind)
        return;
    t->flag.kind = "Retry";
    t->flag.text = STR("Task can be retried");
}

const ptl_value *builtin_call(struct ptl_task *t, const struct module_row *row,
                              const ptl_value *args, const ptl_value *kwargs)
{
    const struct ptl_task outer = *t;

    t->row = row;
    t->body.args = args;
    t->body.kwargs = kwargs;
    t->deferrals = NULL;
    t->value = NULL;
    task_bind_and_call(t);
    if (t->flag.outcome == OUTCOME_RETRY)
        fail_retry(t);
    if (t->flag.outcome == OUTCOME_FAILURE && t->flag.kind)
        spell_out_kind(t);
    const ptl_value *value = t->value ? t->value : value_null(t->arena);
    t->row = outer.row;
    t->body.args = outer.body.args;
    t->body.kwargs = outer.body.kwargs;
    t->deferrals = outer.deferrals;
    t->value = outer.value;
    memcpy((void *)t->bound, (const void *)outer.bound, sizeof(t->bound));
    if (!value)
        task_fail_memory(t);
    return ptl_failed(t) ? NULL : value;
}
