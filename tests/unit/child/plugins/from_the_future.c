/* SPDX-License-Identifier: Apache-2.0 */
/* from_the_future - calls a function that this worker does not have yet. */
#include <petiole/task.h>

PTL_API ptl_value *ptl_from_the_future(ptl_task *t);

static const ptl_def tasks[] = {
    {.name = "from_the_future.task", .run = ptl_from_the_future},
};
PTL_MODULE("from_the_future", tasks);
