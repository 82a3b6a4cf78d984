/* SPDX-License-Identifier: Apache-2.0 */
/* argument - a handler's arguments by name, with Python's complaints. */
#include "../../protocol/utf8.h"
#include "task.h"

#include <math.h>
#include <stdlib.h>

const char *task_type_name(const ptl_value *v)
{
    static const char *const names[] = {
        [PTL_NULL] = "NoneType", [PTL_BOOL] = "bool",   [PTL_INT] = "int",
        [PTL_BIGINT] = "int",    [PTL_FLOAT] = "float", [PTL_STR] = "str",
        [PTL_BYTES] = "bytes",   [PTL_LIST] = "list",   [PTL_MAP] = "dict",
    };

    return names[value_kind(v)];
}

/* ---- Finding ------------------------------------------------------------------ */

static int place(const ptl_task *t, const char *name)
{
    return params_find(&t->row->params, str_of(name));
}

/* NULL if it was not given; flags a name that the row does not declare. */
static const ptl_value *find(ptl_task *t, const char *name)
{
    int at = place(t, name);

    if (at >= 0)
        return t->bound[at];
    task_fail(t, "TypeError", STR_FMT "() has no parameter '%s'",
              STR_ARG(t->row->function), name);
    return NULL;
}

static const ptl_value *require(ptl_task *t, const char *name)
{
    const ptl_value *v = find(t, name);

    if (!v)
        task_fail(t, "TypeError",
                  STR_FMT "() missing 1 required positional argument: '%s'",
                  STR_ARG(t->row->function), name);
    return v;
}

/* None counts as not given for the readers that have a default. */
static const ptl_value *find_or_none(ptl_task *t, const char *name)
{
    const ptl_value *v = find(t, name);

    return value_is_null(v) ? NULL : v;
}

bool ptl_arg_given(const ptl_task *t, const char *name)
{
    int at = place(t, name);

    return at >= 0 && t->bound[at];
}

/* ---- Converting --------------------------------------------------------------- */

static void *ill_typed(ptl_task *t, const char *name, const char *wanted,
                       const ptl_value *v)
{
    return task_fail(t, "TypeError", STR_FMT "() argument '%s' must be %s, not %s",
                     STR_ARG(t->row->function), name, wanted, task_type_name(v));
}

static int64_t to_int(ptl_task *t, const char *name, const ptl_value *v)
{
    if (value_kind(v) == PTL_INT)
        return v->u.i;
    if (value_kind(v) == PTL_BIGINT)
        task_fail(t, "OverflowError", STR_FMT "() argument '%s' does not fit 64 bits",
                  STR_ARG(t->row->function), name);
    else
        ill_typed(t, name, "int", v);
    return 0;
}

static double to_float(ptl_task *t, const char *name, const ptl_value *v)
{
    double d = ptl_float(v);

    if (value_kind(v) == PTL_BIGINT && isinf(d)) {
        task_fail(t, "OverflowError", "int too large to convert to float");
        return 0;
    }
    if (value_kind(v) != PTL_FLOAT && value_kind(v) != PTL_INT &&
        value_kind(v) != PTL_BIGINT)
        ill_typed(t, name, "float", v);
    return d;
}

static bool to_bool(ptl_task *t, const char *name, const ptl_value *v)
{
    if (value_kind(v) == PTL_BOOL)
        return v->u.b;
    ill_typed(t, name, "bool", v);
    return false;
}

static const char *to_text(ptl_task *t, const char *name, const ptl_value *v)
{
    struct str s = value_as_str(v);

    if (value_kind(v) != PTL_STR)
        return ill_typed(t, name, "str", v);
    if (memchr(s.p, '\0', s.n))
        return task_fail(t, "ValueError",
                         STR_FMT "() argument '%s' holds a null character",
                         STR_ARG(t->row->function), name);
    if (!utf8_valid(s))
        return task_fail(t, "ValueError",
                         STR_FMT "() argument '%s' holds a lone surrogate",
                         STR_ARG(t->row->function), name);
    return s.p;
}

/* ---- The public readers ------------------------------------------------------- */

int64_t ptl_arg_int(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return v ? to_int(t, name, v) : 0;
}

double ptl_arg_float(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return v ? to_float(t, name, v) : 0;
}

bool ptl_arg_bool(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return v && to_bool(t, name, v);
}

const char *ptl_arg_str(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return v ? to_text(t, name, v) : NULL;
}

const ptl_value *ptl_arg_list(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return !v || v->kind == PTL_LIST ? v : ill_typed(t, name, "list", v);
}

const ptl_value *ptl_arg_map(ptl_task *t, const char *name)
{
    const ptl_value *v = require(t, name);

    return !v || v->kind == PTL_MAP ? v : ill_typed(t, name, "dict", v);
}

const ptl_value *ptl_arg_value(ptl_task *t, const char *name)
{
    static const ptl_value none = {.kind = PTL_NULL};
    const ptl_value *v = find(t, name);

    return v ? v : &none;
}

int64_t ptl_arg_int_or(ptl_task *t, const char *name, int64_t otherwise)
{
    const ptl_value *v = find_or_none(t, name);

    return v ? to_int(t, name, v) : otherwise;
}

double ptl_arg_float_or(ptl_task *t, const char *name, double otherwise)
{
    const ptl_value *v = find_or_none(t, name);

    return v ? to_float(t, name, v) : otherwise;
}

bool ptl_arg_bool_or(ptl_task *t, const char *name, bool otherwise)
{
    const ptl_value *v = find_or_none(t, name);

    return v ? to_bool(t, name, v) : otherwise;
}

const char *ptl_arg_str_or(ptl_task *t, const char *name, const char *otherwise)
{
    const ptl_value *v = find_or_none(t, name);

    return v ? to_text(t, name, v) : otherwise;
}
