/* SPDX-License-Identifier: Apache-2.0 */
/* memory - tasks that take memory: for as long as they run, for ever, or all there is.
 */
#include <petiole/task.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)

/* Touched, or the kernel would not give it. */
static char *piece(void)
{
    char *p = malloc(PIECE);

    if (p)
        memset(p, 1, PIECE);
    return p;
}

static ptl_value *leak(ptl_task *t)
{
    int64_t mib = ptl_arg_int(t, "mib");

    while (!ptl_failed(t) && mib-- > 0)
        if (!piece())
            return ptl_fail(t, "MemoryError", "no more");
    return ptl_new_int(t, getpid());
}

/* How many MiB there are, up to a GiB; given back. */
static ptl_value *fill(ptl_task *t)
{
    static char *pieces[1024];
    int64_t n = 0;

    while (n < 1024 && (pieces[n] = piece()))
        n++;
    for (int64_t i = 0; i < n; i++)
        free(pieces[i]);
    return ptl_new_int(t, n);
}

static const ptl_def tasks[] = {
    {.name = "memory.leak", .params = "mib", .run = leak},
    {.name = "memory.fill", .params = "", .run = fill},
};

PTL_MODULE("memory", tasks);
