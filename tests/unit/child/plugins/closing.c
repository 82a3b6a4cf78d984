/* SPDX-License-Identifier: Apache-2.0 */
/* closing - handlers that mistreat the process they run in. */
#include <petiole/task.h>

#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static ptl_value *close_all(ptl_task *t)
{
    (void)t;
    close_range(0, ~0u, 0);
    return NULL;
}

/* A program of the handler's outlives it. */
static ptl_value *leave_program(ptl_task *t)
{
    pid_t pid = fork();

    (void)t;
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "60", (char *)NULL);
        _exit(127);
    }
    _exit(0);
}

static const ptl_def tasks[] = {
    {.name = "closing.all", .run = close_all},
    {.name = "closing.leave_program", .run = leave_program},
};
PTL_MODULE("closing", tasks);
