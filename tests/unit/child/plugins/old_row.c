/* SPDX-License-Identifier: Apache-2.0 */
/* old_row - as if compiled when a row ended behind its function. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const struct older {
    const char *name, *params;
    ptl_value *(*run)(ptl_task *t);
} tasks[] = {
    {"old_row.first", "x", nothing},
    {"old_row.second", NULL, nothing},
};

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {
    .abi = PTL_ABI,
    .def_size = sizeof(struct older),
    .name = "old_row",
    .ndefs = 2,
    .defs = (const ptl_def *)tasks,
};
