/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "../../protocol/timestamp.h"
#include "retry.h"

#include <math.h>

#define RESULT_REPR_CHARS 1024 /* Celery's resultrepr_maxsize */
#define MAX_TEXT_BYTES (1u << 20)

void verdict_init(struct verdict *v)
{
    *v = (struct verdict){.outcome = OUTCOME_SUCCESS};
    wr_init(&v->repr, MAX_TEXT_BYTES);
    wr_init(&v->cause, MAX_TEXT_BYTES);
    wr_init(&v->traceback, MAX_TEXT_BYTES);
}

void verdict_finish(struct verdict *v)
{
    wr_finish(&v->repr);
    wr_finish(&v->cause);
    wr_finish(&v->traceback);
}

void verdict_forget(struct verdict *v)
{
    wr_reset(&v->repr);
    wr_reset(&v->cause);
    wr_reset(&v->traceback);
    v->has_error = v->expected = false;
    v->outcome = OUTCOME_SUCCESS;
}

/* ---- Tracebacks --------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* As Python prints one, the reason of a last retry standing where the source would. */
static void begin_traceback(struct wr *w, const struct flag *flag)
{
    wr_text(w, "Traceback (most recent call last):\n");
    if (flag->file)
        wr_printf(w, "  File \"%s\", line %d, in %s\n", base_name(flag->file),
                  flag->line, flag->func);
    if (flag->reason.n > 0) {
        wr_text(w, "    ");
        wr_put(w, flag->reason);
        wr_text(w, "\n");
    }
}

static void write_traceback(struct wr *w, const struct flag *flag,
                            const struct result_error *e, struct str text)
{
    begin_traceback(w, flag);
    if (!str_is(e->module, "builtins")) {
        wr_put(w, e->module);
        wr_text(w, ".");
    }
    wr_put(w, e->type);
    if (text.n > 0) {
        wr_text(w, ": ");
        wr_put(w, text);
    }
    wr_text(w, "\n");
}

/* ---- Exceptions --------------------------------------------------------------- */

static const ptl_value *argument_list(struct arena *a, const ptl_value *one,
                                      const ptl_value *two)
{
    static const ptl_value none = {.kind = PTL_LIST};
    ptl_value *list = value_list(a, 2);

    if (!list || (one && !value_list_add(a, list, one)) ||
        (two && !value_list_add(a, list, two)))
        return &none;
    return list;
}

static void name_error(struct verdict *v, struct ptl_task *t, const char *kind,
                       struct str text, const ptl_value *args)
{
    result_exception_name(str_of(kind), str_of(t->row->module->plugin->name),
                          &v->error.type, &v->error.module);
    v->error.args = args;
    if (!args)
        v->error.args =
            argument_list(t->reserve, text.p ? value_str(t->reserve, text) : NULL,
                          NULL);
}

/* Python's str() of an argument; a text is itself. */
static void write_str(struct wr *w, const ptl_value *v)
{
    if (value_kind(v) == PTL_STR)
        wr_put(w, v->u.s);
    else
        pyrepr(w, v);
}

static bool is_a(const struct verdict *v, const char *base)
{
    return str_is(v->error.module, "builtins") &&
           result_exception_is(v->error.type, str_of(base), STR("builtins"));
}

/* Python's str() of the exception. billiard's prints itself as its repr, a KeyError as
 * the repr of its key, also where it is inherited, an OSError as the system would. */
static void write_text(struct wr *w, const struct verdict *v)
{
    const ptl_value *args = v->error.args, *first = value_at(args, 0);
    size_t n = value_len(args);

    if (n == 0 && str_is(v->error.type, "SoftTimeLimitExceeded"))
        result_exception_repr(w, &v->error);
    else if (n == 1 && (is_a(v, "KeyError") || str_is(v->error.type, "NotRegistered") ||
                        str_is(v->error.type, "QueueNotFound")))
        pyrepr(w, first);
    else if (n == 1)
        write_str(w, first);
    else if (n == 2 && is_a(v, "OSError")) {
        wr_text(w, "[Errno ");
        write_str(w, first);
        wr_text(w, "] ");
        write_str(w, value_at(args, 1));
    } else if (n > 1) {
        wr_text(w, "(");
        for (size_t i = 0; i < n; i++) {
            wr_text(w, i > 0 ? ", " : "");
            pyrepr(w, value_at(args, i));
        }
        wr_text(w, ")");
    }
}

static void fail(struct verdict *v, struct ptl_task *t, const char *kind,
                 struct str text, const ptl_value *args)
{
    struct wr words;

    wr_reset(&v->repr);
    wr_reset(&v->traceback);
    v->outcome = OUTCOME_FAILURE;
    v->expected = retry_kind_among(t, kind, t->row->def.throws);
    name_error(v, t, kind, text, args);
    result_exception_repr(&v->repr, &v->error);
    wr_init(&words, MAX_TEXT_BYTES);
    write_text(&words, v);
    write_traceback(&v->traceback, &t->flag, &v->error, wr_str(&words));
    wr_finish(&words);
}

void verdict_fail(struct verdict *v, struct ptl_task *t, const char *kind,
                  struct str text)
{
    fail(v, t, kind, text, NULL);
}

static void reject(struct verdict *v, struct ptl_task *t, bool requeue)
{
    struct str reason = t->flag.text;
    const ptl_value *arg =
        reason.p ? value_str(t->reserve, reason) : value_null(t->reserve);
    struct wr words;

    v->error.type = STR("Reject");
    v->error.module = STR("celery.exceptions");
    v->error.args = argument_list(t->reserve, arg, value_bool(t->reserve, requeue));
    wr_printf(&v->repr, "reject requeue=%s: ", requeue ? "True" : "False");
    wr_put(&v->repr, reason.p ? reason : STR("None"));
    wr_init(&words, MAX_TEXT_BYTES);
    write_text(&words, v);
    write_traceback(&v->traceback, &t->flag, &v->error, wr_str(&words));
    wr_finish(&words);
}

/* ---- Retries ------------------------------------------------------------------ */

/* As Python would print the number that the row, or the handler, gave: 180, but 5.0. */
static void write_delay(struct wr *w, const struct flag *flag)
{
    char text[TIMESTAMP_TEXT];

    if (flag->delay == DELAY_ETA) { /* as a datetime prints itself */
        timestamp_format(text, flag->again->eta_us);
        text[strcspn(text, "T")] = ' ';
        wr_printf(w, "at %s", text);
        return;
    }
    wr_text(w, "in ");
    if (flag->delay == DELAY_WHOLE && flag->delay_s == floor(flag->delay_s)) {
        wr_printf(w, "%.0fs", flag->delay_s);
        return;
    }
    json_format_float(text, flag->delay_s, false);
    wr_printf(w, "%ss", text);
}

static void retry(struct verdict *v, struct ptl_task *t)
{
    static const struct result_error error = {.type = {"Retry", 5},
                                              .module = {"celery.exceptions", 17}};
    const struct flag *flag = &t->flag;

    v->has_error = flag->kind != NULL;
    if (v->has_error)
        name_error(v, t, flag->kind, flag->text, flag->args);
    wr_text(&v->repr, "Retry ");
    write_delay(&v->repr, flag);
    if (v->has_error || flag->text.n > 0)
        wr_text(&v->repr, ": ");
    if (v->has_error)
        result_exception_repr(&v->cause, &v->error);
    else
        wr_text(&v->cause, "None");
    wr_put(&v->repr, v->has_error ? wr_str(&v->cause) : flag->text);
    write_traceback(&v->traceback, flag, &error, wr_str(&v->repr));
}

void verdict_read(struct verdict *v, struct ptl_task *t)
{
    verdict_forget(v);
    v->outcome = t->flag.outcome ? t->flag.outcome : OUTCOME_SUCCESS;
    switch (v->outcome) {
    case OUTCOME_SUCCESS:
        pyrepr_cut(&v->repr, t->value, RESULT_REPR_CHARS);
        break;
    case OUTCOME_FAILURE:
        fail(v, t, t->flag.kind, t->flag.text, t->flag.args);
        break;
    case OUTCOME_RETRY:
        retry(v, t);
        break;
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        reject(v, t, v->outcome == OUTCOME_REQUEUE);
        break;
    case OUTCOME_IGNORE:
        break;
    }
}
