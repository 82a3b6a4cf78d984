/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits and time limits, from now on. Both are the parent's to keep: its children
 * need not hear of it. */
#include "control_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE_TEXT_MAX 64

/* ---- rates -------------------------------------------------------------------- */

/* float(), of what can be a rate. False: it is none. */
static bool read_float(const char *text, size_t n, double *out)
{
    char copy[RATE_TEXT_MAX], *end;
    while (n > 0 && strchr(" \t\n\r", text[n - 1]))
        n--;
    while (n > 0 && strchr(" \t\n\r", *text))
        text++, n--;
    if (n == 0 || n >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%.*s", (int)n, text);
    if (strspn(copy, "0123456789+-.eE") != n && strcasecmp(copy, "inf") != 0 &&
        strcasecmp(copy, "infinity") != 0)
        return false;
    *out = strtod(copy, &end);
    return !*end;
}

/* Celery's answer to a rate that is none: only ValueError is caught there. */
static bool refuse_rate(struct control_call *c, const char *what, struct str shown)
{
    struct wr message, repr, value;
    wr_init(&message, 4096);
    wr_init(&repr, 8192);
    wr_init(&value, 4096);
    pyrepr_cut(&value, &(ptl_value){.kind = PTL_STR, .u.s = shown}, 200);
    wr_printf(&message, "%s: %.*s", what, STR_ARG(wr_str(&value)));
    pyrepr(&repr, &(ptl_value){.kind = PTL_STR, .u.s = wr_str(&message)});
    control_error(c, "Invalid rate limit string: ValueError(%.*s)",
                  STR_ARG(wr_str(&repr)));
    wr_finish(&message);
    wr_finish(&repr);
    wr_finish(&value);
    return false;
}

static bool check_text(struct control_call *c, struct str text)
{
    const char *slash = memchr(text.p, '/', text.n);
    size_t n = slash ? (size_t)(slash - text.p) : text.n;
    struct str unit = {text.p + n + 1, slash ? text.n - n - 1 : 0};
    double v = 0;
    if (unit.n > 0 && !str_is(unit, "s") && !str_is(unit, "m") && !str_is(unit, "h")) {
        struct wr repr;
        wr_init(&repr, 4096);
        pyrepr_cut(&repr, &(ptl_value){.kind = PTL_STR, .u.s = unit}, 100);
        log_line(LOG_ERROR, "pidbox command error: KeyError(%.*s)",
                 STR_ARG(wr_str(&repr)));
        control_error(c, "KeyError(%.*s)", STR_ARG(wr_str(&repr)));
        wr_finish(&repr);
        return false;
    }
    if (!read_float(text.p, n, &v))
        return refuse_rate(c, "could not convert string to float",
                           (struct str){text.p, n});
    return v >= 0 || refuse_rate(c, "a rate limit cannot be negative", text);
}

/* As rate_parse reads it; empty: none. False: the reply says why not. */
static bool read_rate(struct control_call *c, const ptl_value *v,
                      char out[RATE_TEXT_MAX])
{
    struct str text = value_as_str(v);
    out[0] = '\0';
    if (!value_truth(v))
        return true;
    if (text.p) {
        text = arena_copy(c->arena, text); /* with a NUL behind it */
        if (!text.p || !check_text(c, text))
            return false;
        double n = 0;
        size_t digits = strcspn(text.p, "/");
        const char *unit = text.p + digits; /* "5/" is a second's, too */
        read_float(text.p, digits, &n);
        if (text.n < ATTRIBUTES_RATE_BYTES && isfinite(n) && unit[0] != '\0' && unit[1])
            snprintf(out, RATE_TEXT_MAX, "%s", text.p);
        else
            snprintf(out, RATE_TEXT_MAX, "%.10g%s", fmin(n, 1e9),
                     unit[0] && unit[1] ? unit : "");
        return true;
    }
    double n = value_kind(v) == PTL_FLOAT ? v->u.d
               : value_kind(v) == PTL_INT ? (double)v->u.i
                                          : 1;
    if (value_kind(v) > PTL_FLOAT)
        return true; /* refused once the task is known, as Python's bucket does */
    if (!(n >= 0)) {
        snprintf(out, RATE_TEXT_MAX, "%.10g", n);
        return refuse_rate(c, "a rate limit cannot be negative", str_of(out));
    }
    snprintf(out, RATE_TEXT_MAX, "%.10g", fmin(n, 1e9));
    return true;
}

static void set_rate(struct control_call *c, struct str name, size_t row,
                     struct attributes *a, const char *text)
{
    struct worker *w = c->worker;
    if (!attributes_set_rate(a, text)) {
        control_raise(c, "ValueError", "not a rate limit: '%s'", text);
        return;
    }
    if (w->throttle && !w->config->disable_rate_limits)
        throttle_set(w->throttle, row, a->rate_per_s);
    if (!*text) {
        log_line(LOG_INFO, "Rate limits disabled for tasks of type %.*s",
                 STR_ARG(name));
        control_ok(c, "rate limit disabled successfully");
        return;
    }
    log_line(LOG_INFO, "New rate limit for tasks of type %.*s: %s.", STR_ARG(name),
             text);
    control_ok(c, "new rate limit set successfully");
}

static void rate_limit(struct control_call *c)
{
    const ptl_value *v = control_argument(c, "rate_limit");
    char text[RATE_TEXT_MAX];
    struct str name;
    size_t row = 0;
    if (!read_rate(c, v, text) || !control_read_text(c, "task_name", &name))
        return;
    struct attributes *a = pool_attributes(c->worker->pool, name, &row);
    if (!a) {
        log_line(LOG_ERROR, "Rate limit attempt for unknown task %.*s", STR_ARG(name));
        control_error(c, "unknown task");
    } else if (value_truth(v) && value_kind(v) > PTL_STR) {
        control_raise(c, "TypeError",
                      "float() argument must be a string or a real number, not '%s'",
                      control_type_name(v));
    } else {
        set_rate(c, name, row, a, text);
    }
}

/* ---- time limits ---------------------------------------------------------------- */

/* Seconds, or none: null, missing, 0. Python takes anything, and fails when the next
 * task of this type comes; here it is told at once. */
static bool read_seconds(struct control_call *c, const char *name, double *out)
{
    const ptl_value *v = control_argument(c, name);
    *out = value_kind(v) == PTL_FLOAT  ? v->u.d
           : value_kind(v) == PTL_INT  ? (double)v->u.i
           : value_kind(v) == PTL_BOOL ? (double)v->u.b
                                       : 0;
    if (v && value_kind(v) > PTL_FLOAT) {
        control_raise(c, "TypeError", "%s must be a number of seconds, not %s", name,
                      control_type_name(v));
        return false;
    }
    if (*out >= 0 && *out <= ATTRIBUTES_SECONDS_MAX)
        return true;
    control_raise(c, "ValueError", "%s must be a number of seconds from 0 to %.0f",
                  name, ATTRIBUTES_SECONDS_MAX);
    return false;
}

static void put_argument(struct wr *out, struct control_call *c, const char *name)
{
    static const ptl_value none = {.kind = PTL_NULL};
    const ptl_value *v = control_argument(c, name);
    wr_printf(out, " %s=", name);
    pyrepr(out, v ? v : &none);
}

static void set_limits(struct control_call *c, struct str name, struct attributes *a,
                       double soft_s, double hard_s)
{
    struct wr line;
    a->soft_time_limit_s = soft_s;
    a->time_limit_s = hard_s;
    wr_init(&line, 4096);
    put_argument(&line, c, "soft");
    put_argument(&line, c, "hard");
    log_line(LOG_INFO, "New time limits for tasks of type %.*s:%.*s", STR_ARG(name),
             STR_ARG(wr_str(&line)));
    wr_finish(&line);
    control_ok(c, "time limits set successfully");
}

static void time_limit(struct control_call *c)
{
    double soft_s, hard_s;
    struct str name = value_as_str(control_argument(c, "task_name"));
    size_t row = 0;
    struct attributes *a = pool_attributes(c->worker->pool, name, &row);
    if (!a) {
        log_line(LOG_ERROR, "Change time limit attempt for unknown task %.*s",
                 STR_ARG(name));
        control_error(c, "unknown task");
    } else if (read_seconds(c, "soft", &soft_s) && read_seconds(c, "hard", &hard_s)) {
        set_limits(c, name, a, soft_s, hard_s);
    }
}

const struct control_command control_limits_commands[] = {
    {.name = "rate_limit", .arguments = "task_name rate_limit *", .run = rate_limit},
    {.name = "time_limit",
     .arguments = "[task_name] [hard] [soft] *",
     .run = time_limit},
    {0},
};
