/* SPDX-License-Identifier: Apache-2.0 */
/* daemon - what a worker does to its process before it works: --uid, --umask, -f, -D,
 * --pidfile, in the order of celery/platforms.py.
 *
 *     daemon_enter(c)  ─▶ -1: go on, in the background if -D was given
 *                         else the exit code of this process
 *     … the worker runs …
 *     daemon_leave(c)     removes the pid file */
#ifndef PETIOLE_DAEMON_H
#define PETIOLE_DAEMON_H

#include "../config.h"

#define DAEMON_GO_ON (-1)

int daemon_enter(struct config *c);
void daemon_leave(const struct config *c);
/* For the program that is executed next in this process: it has entered already. */
void daemon_mark_restart(void);

#endif
