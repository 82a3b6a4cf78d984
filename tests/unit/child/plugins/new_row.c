/* SPDX-License-Identifier: Apache-2.0 */
/* new_row - rows with a field this worker does not know, and that is set. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const struct newer {
    ptl_def def;
    uint64_t news;
} tasks[] = {
    {{.name = "new_row.first", .run = nothing}, 0},
    {{.name = "new_row.second", .run = nothing}, 1},
};

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {
    .abi = PTL_ABI,
    .def_size = sizeof(struct newer),
    .name = "new_row",
    .ndefs = 2,
    .defs = &tasks[0].def,
};
