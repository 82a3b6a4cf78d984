/* SPDX-License-Identifier: Apache-2.0 */
/* retry - ptl_retry, Task.retry's other forms, and autoretry (celery.app.autoretry). */
#include "retry.h"

#include "../../protocol/pyrepr.h"
#include "../../protocol/result.h"

#include <stdlib.h>
#include <sys/random.h>

#define MAX_MESSAGE_BYTES (256u << 10)
#define DEFAULT_BACKOFF_MAX_S 600u

/* ---- How many, how long ------------------------------------------------------- */

/* `most` is as in a row, 0 what holds for the task. */
static bool used_up(const struct ptl_task *t, int32_t most)
{
    if (most == PTL_RETRY_FOREVER)
        return false;
    if (most == PTL_NO_RETRIES)
        return true;
    return t->message.retries >= (most ? most : t->row->attributes.max_retries);
}

uint64_t retry_backoff_s(uint32_t factor, int64_t retries, uint32_t max_s,
                         bool has_jitter, uint64_t random)
{
    uint64_t most = max_s ? max_s : DEFAULT_BACKOFF_MAX_S;
    uint64_t s = factor;

    for (int64_t i = 0; i < retries && s < most; i++)
        s *= 2;
    if (s > most)
        s = most;
    return has_jitter ? random % (s + 1) : s;
}

/* ---- The last one ------------------------------------------------------------- */

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
    const ptl_options *again = t->flag.again;
    const ptl_value *args = again && again->args ? again->args : t->body.args;
    const ptl_value *kwargs = again && again->kwargs ? again->kwargs : t->body.kwargs;
    struct wr w;

    wr_init(&w, MAX_MESSAGE_BYTES);
    wr_printf(&w, "Can't retry " STR_FMT "[%s] args:", STR_ARG(t->row->name), t->id);
    write_tuple(&w, args);
    wr_text(&w, " kwargs:");
    pyrepr(&w, kwargs);
    t->flag.kind = "MaxRetriesExceededError";
    t->flag.reason = t->flag.text;
    t->flag.text = arena_copy(t->reserve, wr_str(&w));
    wr_finish(&w);
}

/* Without a retry left it is a failure: of the exception that it was for, or else of
 * Celery's own. */
static void settle(struct ptl_task *t, int32_t max_retries)
{
    if (!used_up(t, max_retries))
        return;
    t->flag.outcome = OUTCOME_FAILURE;
    if (!t->flag.kind)
        fail_max_retries(t);
}

/* ---- ptl_retry ---------------------------------------------------------------- */

ptl_value *ptl_retry_at(ptl_task *t, const char *file, int line, const char *func,
                        double countdown_s, const char *fmt, ...)
{
    va_list ap;

    if (!task_flag(t, OUTCOME_RETRY))
        return NULL;
    va_start(ap, fmt);
    task_note_place(t, file, line, func);
    t->flag.text = task_compose(t, fmt, ap);
    va_end(ap);
    t->flag.delay = countdown_s >= 0 ? DELAY_GIVEN : DELAY_WHOLE; /* so for a NaN */
    t->flag.delay_s =
        countdown_s >= 0 ? countdown_s : t->row->attributes.default_retry_delay_s;
    settle(t, 0);
    return NULL;
}

/* ---- ptl_retry_with ----------------------------------------------------------- */

static bool is_bound_by(const struct params *p, size_t n, struct str name)
{
    int at = params_find(p, name);

    return at >= 0 && (size_t)at < n;
}

/* New positional arguments push out the old ones of the same parameters … */
static const ptl_value *other_kwargs(struct ptl_task *t, size_t nargs)
{
    ptl_value *kwargs = value_map(t->arena, value_len(t->body.kwargs));

    for (size_t i = 0; kwargs && i < value_len(t->body.kwargs); i++) {
        const struct value_pair *pair = &t->body.kwargs->u.map.pairs[i];

        if (!is_bound_by(&t->row->params, nargs, pair->key) &&
            !value_map_set(t->arena, kwargs, pair->key, pair->value))
            return NULL;
    }
    return kwargs;
}

/* … and so do new ones by name, which move to the place of the old. */
static bool place_kwargs(struct ptl_task *t, ptl_options *o)
{
    const struct params *p = &t->row->params;
    size_t nargs = value_len(t->body.args);
    ptl_value *args = value_list(t->arena, nargs);
    ptl_value *kwargs = value_map(t->arena, value_len(o->kwargs));
    bool ok = args && kwargs;

    for (size_t i = 0; ok && i < nargs; i++) {
        const ptl_value *other = i < p->n ? value_find(o->kwargs, p->names[i]) : NULL;
        ok = value_list_add(t->arena, args, other ? other : value_at(t->body.args, i));
    }
    for (size_t i = 0; ok && i < value_len(o->kwargs); i++) {
        const struct value_pair *pair = &o->kwargs->u.map.pairs[i];
        if (!is_bound_by(p, nargs, pair->key))
            ok = value_map_set(t->arena, kwargs, pair->key, pair->value);
    }
    o->args = args;
    o->kwargs = kwargs;
    return ok;
}

static bool merge_arguments(struct ptl_task *t, ptl_options *o)
{
    bool ok = true;

    if (o->args && !o->kwargs)
        ok = (o->kwargs = other_kwargs(t, value_len(o->args)));
    else if (o->kwargs && !o->args)
        ok = place_kwargs(t, o);
    if (!ok)
        task_fail_memory(t);
    return ok;
}

static void set_delay(struct ptl_task *t, const ptl_options *o)
{
    struct flag *flag = &t->flag;

    flag->delay = DELAY_GIVEN;
    flag->delay_s = o->countdown_s > 0 ? o->countdown_s : 0;
    if (o->eta_us) {
        flag->delay = DELAY_ETA;
    } else if (o->countdown_s == 0) {
        flag->delay = DELAY_WHOLE;
        flag->delay_s = t->row->attributes.default_retry_delay_s;
    } else if (flag->delay_s == 0) {
        flag->delay = DELAY_WHOLE; /* "in 0s" */
    }
}

ptl_value *ptl_retry_options(ptl_task *t, const char *file, int line, const char *func,
                             const ptl_options *options)
{
    ptl_options *o = ptl_alloc(t, sizeof(*o));

    if (!o || ptl_failed(t) || !task_read_options(t, o, options) ||
        !task_check_options(t, o) || !merge_arguments(t, o))
        return NULL;
    task_flag(t, OUTCOME_RETRY);
    task_note_place(t, file, line, func);
    t->flag.again = o;
    t->flag.kind = o->exc ? task_keep_kind(t, o->exc) : NULL;
    if (o->message)
        t->flag.text = arena_copy(t->reserve, str_of(o->message));
    set_delay(t, o);
    settle(t, o->max_retries);
    return NULL;
}

/* ---- autoretry ---------------------------------------------------------------- */

bool retry_kind_among(const struct ptl_task *t, const char *kind, const char *kinds)
{
    struct str fallback = str_of(t->row->module->plugin->name), word;

    for (const char *p = kinds; p && *p; p = word.p + word.n) {
        word.p = p + strspn(p, " ");
        word.n = strcspn(word.p, " ");
        if (word.n > 0 && result_exception_is(str_of(kind), word, fallback))
            return true;
    }
    return false;
}

void task_autoretry(struct ptl_task *t)
{
    const ptl_def *def = &t->row->def;
    struct flag *flag = &t->flag;
    uint64_t random = 0;

    if (flag->outcome != OUTCOME_FAILURE || !def->autoretry_for ||
        !retry_kind_among(t, flag->kind, def->autoretry_for) ||
        retry_kind_among(t, flag->kind, def->dont_autoretry_for) || used_up(t, 0))
        return;
    flag->outcome = OUTCOME_RETRY;
    flag->delay = DELAY_WHOLE;
    flag->delay_s = t->row->attributes.default_retry_delay_s;
    if (def->retry_backoff_s == 0)
        return;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    flag->delay_s =
        (double)retry_backoff_s(def->retry_backoff_s, t->message.retries,
                                def->retry_backoff_max_s,
                                !(def->flags & PTL_NO_RETRY_JITTER), random);
}
