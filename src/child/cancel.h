/* SPDX-License-Identifier: Apache-2.0 */
/* cancel - what reaches a process between two frames: the soft time limit of the
 * running task (SIGUSR1), and that a task which waits in the socket is not to be
 * started. */
#ifndef PETIOLE_CANCEL_H
#define PETIOLE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

/* The soft limit sets a flag, and interrupts a handler's blocking call with EINTR. */
void cancel_install(void);
/* The job begins: what was asked of those before it is forgotten. */
void cancel_begin(uint64_t job);
bool cancel_requested(void);
/* Told once. */
bool cancel_is_left_out(uint64_t job);

#endif
