/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin from a future in which the table's rows have another shape. */
#include <petiole/task.h>

static ptl_value *run(ptl_task *t)
{
    return ptl_new_int(t, 1);
}

static const ptl_def tasks[] = {{.name = "future.task", .params = "", .run = run}};

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {.abi = PTL_ABI + 41,
                                  .def_size = sizeof(ptl_def),
                                  .name = "wrong_abi",
                                  .ndefs = 1,
                                  .defs = tasks};
