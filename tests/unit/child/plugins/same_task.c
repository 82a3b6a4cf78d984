/* SPDX-License-Identifier: Apache-2.0 */
/* same_task - has a task of the demo plugin. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const ptl_def tasks[] = {
    {.name = "demo.add", .params = "x y", .run = nothing},
};
PTL_MODULE("same_task", tasks);
