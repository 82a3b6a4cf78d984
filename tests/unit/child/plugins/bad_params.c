/* SPDX-License-Identifier: Apache-2.0 */
/* bad_params - a call could not be bound to these. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const ptl_def tasks[] = {
    {.name = "bad_params.task", .params = "x? y", .run = nothing},
};
PTL_MODULE("bad_params", tasks);
