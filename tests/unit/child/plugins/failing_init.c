/* SPDX-License-Identifier: Apache-2.0 */
/* failing_init - cannot get what it needs to start. */
#include <petiole/task.h>

#include <errno.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static int start(void **state)
{
    (void)state;
    return -EACCES;
}

static const ptl_def tasks[] = {{.name = "failing_init.task", .run = nothing}};
PTL_MODULE("failing_init", tasks, start);
