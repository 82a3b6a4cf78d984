/* SPDX-License-Identifier: Apache-2.0 */
/* isolate - makes the process that runs handlers depend on its parent and on nothing
 * else that the parent happens to have. */
#ifndef PETIOLE_ISOLATE_H
#define PETIOLE_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

/* Own session and process group, no descriptor but the standard three and *fd, which
 * may move; clean signals; death with the parent. False if the parent is gone. */
bool isolate(int *fd, pid_t parent);

#endif
