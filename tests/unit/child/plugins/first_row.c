/* SPDX-License-Identifier: Apache-2.0 */
/* first_row - as if compiled with the header of the first release. */
#include <petiole/task.h>

static ptl_value *nothing(ptl_task *t)
{
    (void)t;
    return NULL;
}

static const struct first {
    const char *name, *params;
    ptl_value *(*run)(ptl_task *t);
    const char *summary;
    uint32_t soft_limit_ms, hard_limit_ms;
    int32_t max_retries;
    uint32_t retry_delay_ms, flags, reserved;
} tasks[] = {
    {.name = "first_row.first", .run = nothing},
    {.name = "first_row.second",
     .run = nothing,
     .max_retries = 7,
     .flags = PTL_ACKS_LATE},
};

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {
    .abi = PTL_ABI,
    .def_size = sizeof(struct first),
    .name = "first_row",
    .ndefs = 2,
    .defs = (const ptl_def *)tasks,
};
