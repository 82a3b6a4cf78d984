/* SPDX-License-Identifier: Apache-2.0 */
/* no_run - a row without a function. */
#include <petiole/task.h>

static const ptl_def tasks[] = {{.name = "no_run.task"}};
PTL_MODULE("no_run", tasks);
