/* SPDX-License-Identifier: Apache-2.0 */
/* no_rows - promises rows and has none. */
#include <petiole/task.h>

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {.abi = PTL_ABI,
                                  .def_size = sizeof(ptl_def),
                                  .name = "no_rows",
                                  .ndefs = 3};
