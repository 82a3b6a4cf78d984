/* SPDX-License-Identifier: Apache-2.0 */
/* hello - a plugin outside petiole's tree. */
#include <petiole/task.h>

static ptl_value *greet(ptl_task *t)
{
    const char *name = ptl_arg_str(t, "name");
    const char *greeting = ptl_arg_str_or(t, "greeting", "Hello");

    if (ptl_failed(t))
        return NULL;
    return ptl_new_strf(t, "%s, %s!", greeting, name);
}

static const ptl_def tasks[] = {
    {.name = "hello.greet",
     .params = "name greeting?",
     .run = greet,
     .summary = "A polite line"},
};
PTL_MODULE("hello", tasks);
