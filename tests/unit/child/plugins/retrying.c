/* SPDX-License-Identifier: Apache-2.0 */
/* retrying - rows with Celery's own limits of retries. */
#include <petiole/task.h>

static ptl_value *thrice(ptl_task *t)
{
    return ptl_retry(t, -1, "never enough");
}

static const ptl_def tasks[] = {
    {.name = "retrying.thrice", .params = "a b", .run = thrice},
    {.name = "retrying.never", .run = thrice, .max_retries = PTL_NO_RETRIES},
};
PTL_MODULE("retrying", tasks);
