/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that claims a task name which the demo plugin has. */
#include <petiole/task.h>

static ptl_value *add(ptl_task *t)
{
    return ptl_new_str(t, "not a sum");
}

static const ptl_def tasks[] = {{.name = "demo.add", .params = "x y", .run = add}};

PTL_MODULE("second_demo", tasks);
