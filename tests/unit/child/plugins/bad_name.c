/* SPDX-License-Identifier: Apache-2.0 */
/* bad_name - names that would break a log line. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const ptl_def tasks[] = {
    {.name = "bad_name.good", .run = nothing},
    {.name = "bad name", .run = nothing},
};
PTL_MODULE("bad_name", tasks);
