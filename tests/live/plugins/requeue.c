/* SPDX-License-Identifier: Apache-2.0 */
/* A task that asks to be put back whenever it runs. */
#include <petiole/task.h>

static ptl_value *never(ptl_task *t)
{
    return ptl_reject(t, true);
}

static const ptl_def tasks[] = {
    {.name = "requeue.never", .run = never, .flags = PTL_ACKS_LATE},
};

PTL_MODULE("requeue", tasks);
