/* SPDX-License-Identifier: Apache-2.0 */
/* cancel - the soft time limit, which reaches a process as SIGUSR1. */
#ifndef PETIOLE_CANCEL_H
#define PETIOLE_CANCEL_H

#include <stdbool.h>

/* The signal sets a flag, and interrupts a handler's blocking call with EINTR. */
void cancel_install(void);
void cancel_reset(void);
bool cancel_requested(void);

#endif
