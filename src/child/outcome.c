/* SPDX-License-Identifier: Apache-2.0 */
/* outcome - how a handler says that it did not simply return a value. */
#include "../../protocol/pyrepr.h"
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

/* From `reserve`, so that there are words even when the handler used up its memory. */
static struct str compose(struct ptl_task *t, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static struct str compose(struct ptl_task *t, const char *fmt, va_list ap)
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
    t->flag.text = compose(t, fmt, ap);
    va_end(ap);
    return NULL;
}

void *task_fail_memory(struct ptl_task *t)
{
    return task_fail(t, "MemoryError",
                     "the task used up its %zu bytes (see message_max_bytes)",
                     t->arena->max_bytes);
}

static void note_place(struct ptl_task *t, const char *file, int line, const char *func)
{
    t->flag.file = file;
    t->flag.line = line;
    t->flag.func = func;
}

static const char *keep_kind(struct ptl_task *t, const char *kind)
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
    note_place(t, file, line, func);
    t->flag.kind = keep_kind(t, kind);
    t->flag.text = compose(t, fmt, ap);
    va_end(ap);
    return NULL;
}

/* ---- Retries ------------------------------------------------------------------ */

static bool retries_used_up(const struct ptl_task *t)
{
    switch (t->row->def.max_retries) {
    case PTL_RETRY_FOREVER:
        return false;
    case PTL_NO_RETRIES:
        return true;
    case 0:
        return t->message.retries >= 3; /* Celery's default */
    default:
        return t->message.retries >= t->row->def.max_retries;
    }
}

static double row_delay_s(const struct ptl_task *t)
{
    return t->row->def.retry_delay_ms ? t->row->def.retry_delay_ms / 1000.0 : 180.0;
}

/* As Python prints a tuple: (), (1,), (1, 2). */
static void write_tuple(struct wr *w, const ptl_value *list)
{
    wr_text(w, "(");
    for (size_t i = 0; i < value_len(list); i++) {
        wr_text(w, i > 0 ? ", " : "");
        pyrepr(w, value_at(list, i));
    }
    wr_text(w, value_len(list) == 1 ? ",)" : ")");
}

/* Can't retry demo.retry[id] args:(1, 2) kwargs:{} */
static void fail_max_retries(struct ptl_task *t)
{
    struct wr w;

    wr_init(&w, MAX_MESSAGE_BYTES);
    wr_printf(&w, "Can't retry " STR_FMT "[%s] args:", STR_ARG(t->row->name), t->id);
    write_tuple(&w, t->body.args);
    wr_text(&w, " kwargs:");
    pyrepr(&w, t->body.kwargs);
    t->flag.outcome = OUTCOME_FAILURE;
    t->flag.kind = "MaxRetriesExceededError";
    t->flag.reason = t->flag.text;
    t->flag.text = arena_copy(t->reserve, wr_str(&w));
    wr_finish(&w);
}

ptl_value *ptl_retry_at(ptl_task *t, const char *file, int line, const char *func,
                        double countdown_s, const char *fmt, ...)
{
    va_list ap;

    if (!task_flag(t, OUTCOME_RETRY))
        return NULL;
    va_start(ap, fmt);
    note_place(t, file, line, func);
    t->flag.text = compose(t, fmt, ap);
    va_end(ap);
    t->flag.has_delay = countdown_s >= 0; /* a NaN is no delay either */
    t->flag.delay_s = t->flag.has_delay ? countdown_s : row_delay_s(t);
    if (retries_used_up(t))
        fail_max_retries(t);
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

bool ptl_failed(const ptl_task *t)
{
    return t->flag.outcome != 0;
}
