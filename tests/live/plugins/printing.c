/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose handler prints. */
#include <petiole/task.h>

#include <stdio.h>

static ptl_value *print(ptl_task *t)
{
    const char *text = ptl_arg_str(t, "text");

    if (text)
        puts(text);
    return NULL;
}

static const ptl_def tasks[] = {
    {.name = "printing.print", .params = "text", .run = print}};

PTL_MODULE("printing", tasks);
