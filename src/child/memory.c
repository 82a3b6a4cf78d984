/* SPDX-License-Identifier: Apache-2.0 */
/* memory - a handler's allocations and what it wants undone. */
#include "task.h"
#include "text.h"

void *ptl_alloc(ptl_task *t, size_t size)
{
    void *p = arena_zalloc(t->arena, size);

    return p ? p : task_fail_memory(t);
}

char *ptl_strf(ptl_task *t, const char *fmt, ...)
{
    struct str s;
    va_list ap;

    va_start(ap, fmt);
    s = text_format(t->arena, SIZE_MAX, fmt, ap);
    va_end(ap);
    return s.p ? (char *)s.p : task_fail_memory(t);
}

bool ptl_defer(ptl_task *t, void (*release)(void *arg), void *arg)
{
    struct deferral *d = ptl_alloc(t, sizeof(*d));

    if (!d) {
        release(arg);
        return false;
    }
    *d = (struct deferral){release, arg, t->deferrals};
    t->deferrals = d;
    return true;
}
