/* SPDX-License-Identifier: Apache-2.0 */
/* value_equal - Python's == between two values, without recursion. */
#include "value.h"

#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 1000 /* no reader makes deeper values; deeper ones are unequal */

static bool is_number(const ptl_value *v)
{
    ptl_kind k = value_kind(v);

    return k == PTL_BOOL || k == PTL_INT || k == PTL_BIGINT || k == PTL_FLOAT;
}

/* Exactly, as Python compares: 2**53 + 1 is not equal to the float next to it. */
static bool equals_float(const ptl_value *v, double d)
{
    char digits[320]; /* the largest float has 309 digits */

    switch (v->kind) {
    case PTL_FLOAT:
        return v->u.d == d;
    case PTL_BIGINT:
        if (!isfinite(d) || d != trunc(d))
            return false;
        snprintf(digits, sizeof(digits), "%.0f", d);
        return str_is(v->u.s, digits);
    default:
        if (!(d >= -0x1p63 && d < 0x1p63) || d != trunc(d))
            return false;
        return (int64_t)d == (v->kind == PTL_BOOL ? v->u.b : v->u.i);
    }
}

static bool numbers_equal(const ptl_value *a, const ptl_value *b)
{
    if (a->kind == PTL_FLOAT)
        return equals_float(b, a->u.d);
    if (b->kind == PTL_FLOAT)
        return equals_float(a, b->u.d);
    if (a->kind == PTL_BIGINT || b->kind == PTL_BIGINT)
        return a->kind == b->kind && str_eq(a->u.s, b->u.s);
    return (a->kind == PTL_BOOL ? a->u.b : a->u.i) ==
           (b->kind == PTL_BOOL ? b->u.b : b->u.i);
}

/* Everything but the contents of lists and maps. */
static bool shallow_equal(const ptl_value *a, const ptl_value *b)
{
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (value_kind(a) != value_kind(b) || value_len(a) != value_len(b))
        return false;
    if (value_kind(a) == PTL_STR || value_kind(a) == PTL_BYTES)
        return str_eq(a->u.s, b->u.s);
    return true;
}

/* The i-th pair of children; false if b lacks the key. */
static bool children(const ptl_value *a, const ptl_value *b, size_t i,
                     const ptl_value **child_a, const ptl_value **child_b)
{
    if (a->kind == PTL_LIST) {
        *child_a = a->u.list.items[i];
        *child_b = b->u.list.items[i];
        return true;
    }
    *child_a = a->u.map.pairs[i].value;
    *child_b = value_find(b, a->u.map.pairs[i].key);
    return *child_b != NULL;
}

bool value_equal(const ptl_value *a, const ptl_value *b)
{
    struct {
        const ptl_value *a, *b;
        size_t next;
    } stack[DEPTH_MAX];
    int depth = 0;

    if (!shallow_equal(a, b))
        return false;
    if (value_kind(a) < PTL_LIST)
        return true;
    stack[depth].a = a;
    stack[depth].b = b;
    stack[depth++].next = 0;
    while (depth) {
        a = stack[depth - 1].a;
        b = stack[depth - 1].b;
        if (stack[depth - 1].next == value_len(a)) {
            depth--;
            continue;
        }
        if (!children(a, b, stack[depth - 1].next++, &a, &b) || !shallow_equal(a, b))
            return false;
        if (value_kind(a) < PTL_LIST)
            continue;
        if (depth == DEPTH_MAX)
            return false;
        stack[depth].a = a;
        stack[depth].b = b;
        stack[depth++].next = 0;
    }
    return true;
}
