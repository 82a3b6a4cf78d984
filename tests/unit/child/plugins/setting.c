/* SPDX-License-Identifier: Apache-2.0 */
/* setting - shows what it is told. */
#include <petiole/task.h>

static ptl_value *show(ptl_task *t)
{
    return ptl_new_strf(t, "%s %s", ptl_setting(t, "setting.shown"), ptl_task_id(t));
}

static const ptl_def tasks[] = {{.name = "setting.show", .run = show}};
PTL_MODULE("setting", tasks);
