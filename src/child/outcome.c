/* SPDX-License-Identifier: Apache-2.0 */
/* outcome - how a handler says that it did not simply return a value. */
#include "task.h"
#include "text.h"

/* Far beyond what a person reads, far below what would choke a result backend. */
#define MAX_MESSAGE_BYTES (256u << 10)

bool task_flag(struct ptl_task *t, enum frame_outcome outcome)
{
    if (t->flag.outcome)
        return false;
    t->flag.outcome = outcome;
    return true;
}

struct str task_compose(struct ptl_task *t, const char *fmt, va_list ap)
{
    struct str s = text_format(t->reserve, MAX_MESSAGE_BYTES, fmt, ap);

    if (!s.p)
        return STR("out of memory");
    text_repair(s);
    return s;
}

/* ---- Failures ----------------------------------------------------------------- */

void *task_fail(struct ptl_task *t, const char *kind, const char *fmt, ...)
{
    va_list ap;

    if (!task_flag(t, OUTCOME_FAILURE))
        return NULL;
    va_start(ap, fmt);
    t->flag.kind = kind;
    t->flag.text = task_compose(t, fmt, ap);
    va_end(ap);
    return NULL;
}

void *task_fail_memory(struct ptl_task *t)
{
    return task_fail(t, "MemoryError",
                     "the task used up its %zu bytes (see message_max_bytes)",
                     t->arena->max_bytes);
}

void task_note_place(struct ptl_task *t, const char *file, int line, const char *func)
{
    t->flag.file = file;
    t->flag.line = line;
    t->flag.func = func;
}

const char *task_keep_kind(struct ptl_task *t, const char *kind)
{
    struct str s = str_of(kind && *kind ? kind : "Exception");

    if (!text_is_valid(s) || !(s = arena_copy(t->reserve, s)).p)
        return "Exception";
    return s.p;
}

ptl_value *ptl_fail_at(ptl_task *t, const char *file, int line, const char *func,
                       const char *kind, const char *fmt, ...)
{
    va_list ap;

    if (!task_flag(t, OUTCOME_FAILURE))
        return NULL;
    va_start(ap, fmt);
    task_note_place(t, file, line, func);
    t->flag.kind = task_keep_kind(t, kind);
    t->flag.text = task_compose(t, fmt, ap);
    va_end(ap);
    return NULL;
}

static const ptl_value *list_in_reserve(struct ptl_task *t, va_list ap)
{
    ptl_value *list = value_list(t->reserve, 0);
    const ptl_value *item;

    while (list && (item = va_arg(ap, const ptl_value *)))
        if (!value_list_add(t->reserve, list, item))
            return NULL;
    return list;
}

ptl_value *ptl_fail_with_at(ptl_task *t, const char *file, int line, const char *func,
                            const char *kind, ...)
{
    va_list ap;

    if (!task_flag(t, OUTCOME_FAILURE))
        return NULL;
    task_note_place(t, file, line, func);
    t->flag.kind = task_keep_kind(t, kind);
    va_start(ap, kind);
    t->flag.args = list_in_reserve(t, ap);
    va_end(ap);
    if (!t->flag.args)
        t->flag.text = STR("out of memory");
    return NULL;
}

/* ---- The rest ----------------------------------------------------------------- */

ptl_value *ptl_ignore(ptl_task *t)
{
    task_flag(t, OUTCOME_IGNORE);
    return NULL;
}

ptl_value *ptl_reject(ptl_task *t, bool requeue)
{
    task_flag(t, requeue ? OUTCOME_REQUEUE : OUTCOME_REJECT);
    return NULL;
}

ptl_value *ptl_reject_for(ptl_task *t, bool requeue, const char *fmt, ...)
{
    va_list ap;

    if (!task_flag(t, requeue ? OUTCOME_REQUEUE : OUTCOME_REJECT))
        return NULL;
    va_start(ap, fmt);
    t->flag.text = task_compose(t, fmt, ap);
    va_end(ap);
    return NULL;
}

bool ptl_failed(const ptl_task *t)
{
    return t->flag.outcome != 0;
}
