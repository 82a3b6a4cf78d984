/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_alloc.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static int left = -1;
static bool failed;

void alloc_fail_at(int n)
{
    left = n;
    failed = false;
}

bool alloc_has_failed(void)
{
    return failed;
}

static bool fails_now(void)
{
    if (left < 0 || left-- > 0)
        return false;
    return failed = true;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}
