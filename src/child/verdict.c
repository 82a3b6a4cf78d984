/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"

#include <math.h>

#define RESULT_REPR_CHARS 1024 /* Celery's resultrepr_maxsize */
#define MAX_TEXT_BYTES (1u << 20)

void verdict_init(struct verdict *v)
{
    *v = (struct verdict){.outcome = OUTCOME_SUCCESS};
    wr_init(&v->repr, MAX_TEXT_BYTES);
    wr_init(&v->traceback, MAX_TEXT_BYTES);
}

void verdict_finish(struct verdict *v)
{
    wr_finish(&v->repr);
    wr_finish(&v->traceback);
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

void verdict_fail(struct verdict *v, struct ptl_task *t, const char *kind,
                  struct str text)
{
    wr_reset(&v->repr);
    wr_reset(&v->traceback);
    v->outcome = OUTCOME_FAILURE;
    result_exception_name(str_of(kind), str_of(t->row->module->plugin->name),
                          &v->error.type, &v->error.module);
    v->error.args =
        argument_list(t->reserve, text.p ? value_str(t->reserve, text) : NULL, NULL);
    result_exception_repr(&v->repr, &v->error);
    /* billiard's exception prints itself as its repr */
    if (str_is(v->error.type, "SoftTimeLimitExceeded") && !text.p)
        text = wr_str(&v->repr);
    /* and Python's KeyError as the repr of its key, also where it is inherited */
    struct wr key;
    wr_init(&key, MAX_TEXT_BYTES);
    if (text.p &&
        (str_is(v->error.type, "KeyError") || str_is(v->error.type, "NotRegistered"))) {
        pyrepr(&key, value_at(v->error.args, 0));
        text = wr_str(&key);
    }
    write_traceback(&v->traceback, &t->flag, &v->error, text);
    wr_finish(&key);
}

static void reject(struct verdict *v, struct ptl_task *t, bool requeue)
{
    v->error.type = STR("Reject");
    v->error.module = STR("celery.exceptions");
    v->error.args = argument_list(t->reserve, value_null(t->reserve),
                                  value_bool(t->reserve, requeue));
    wr_printf(&v->repr, "reject requeue=%s: None", requeue ? "True" : "False");
}

/* ---- Retries ------------------------------------------------------------------ */

/* As Python would print the number the row or the handler gave: 180, but 5.0. */
static void write_delay(struct wr *w, const struct flag *flag)
{
    char text[32];

    if (!flag->has_delay && flag->delay_s == floor(flag->delay_s)) {
        wr_printf(w, "%.0f", flag->delay_s);
        return;
    }
    json_format_float(text, flag->delay_s, false);
    wr_text(w, text);
}

static void retry(struct verdict *v, const struct flag *flag)
{
    static const struct result_error error = {.type = {"Retry", 5},
                                              .module = {"celery.exceptions", 17}};

    wr_text(&v->repr, "Retry in ");
    write_delay(&v->repr, flag);
    wr_text(&v->repr, "s");
    if (flag->text.n > 0) {
        wr_text(&v->repr, ": ");
        wr_put(&v->repr, flag->text);
    }
    write_traceback(&v->traceback, flag, &error, wr_str(&v->repr));
}

void verdict_read(struct verdict *v, struct ptl_task *t)
{
    wr_reset(&v->repr);
    wr_reset(&v->traceback);
    v->outcome = t->flag.outcome ? t->flag.outcome : OUTCOME_SUCCESS;
    switch (v->outcome) {
    case OUTCOME_SUCCESS:
        pyrepr_cut(&v->repr, t->value, RESULT_REPR_CHARS);
        break;
    case OUTCOME_FAILURE:
        verdict_fail(v, t, t->flag.kind, t->flag.text);
        break;
    case OUTCOME_RETRY:
        retry(v, &t->flag);
        break;
    case OUTCOME_REJECT:
    case OUTCOME_REQUEUE:
        reject(v, t, v->outcome == OUTCOME_REQUEUE);
        break;
    case OUTCOME_IGNORE:
        break;
    }
}
