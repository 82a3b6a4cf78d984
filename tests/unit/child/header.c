/* SPDX-License-Identifier: Apache-2.0 */
/* header - a whole plugin in nothing but standard C99, which is also C++17. */
#include <petiole/task.h>

static ptl_value *call(ptl_task *t)
{
    if (ptl_cancelled(t))
        return ptl_retry(t, 1.0, "%s", ptl_task_id(t));
    if (ptl_failed(t))
        return ptl_fail(t, "ValueError", "%d", 1);
    ptl_log(t, PTL_INFO, "%d", 5);
    return ptl_new_map(t, "sum", ptl_new_int(t, ptl_arg_int(t, "x")), NULL);
}

static int open_it(void **state)
{
    *state = NULL;
    return 0;
}

static const ptl_def tasks[] = {{"header.call", "x", call, "all fields", 1, 2,
                                 PTL_NO_RETRIES, 4, PTL_ACKS_LATE, 0, "10/m", "images",
                                 "OSError", "KeyError", "ValueError", 1, 600, 5, 0}};

PTL_MODULE("header", tasks, open_it);
