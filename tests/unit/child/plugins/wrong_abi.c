/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_abi - a plugin of the next generation. */
#include <petiole/task.h>

extern PTL_API const ptl_module ptl_module_v1;
const ptl_module ptl_module_v1 = {.abi = 2, .def_size = sizeof(ptl_def), .name = "x"};
