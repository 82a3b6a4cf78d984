/* SPDX-License-Identifier: Apache-2.0 */
/* clock - Lamport's, as kombu/clocks.py keeps it: one for the worker, ticked by each
 * event and each message of the remote control. */
#ifndef PETIOLE_CLOCK_H
#define PETIOLE_CLOCK_H

#include <stdint.h>

static inline uint64_t clock_forward(uint64_t *clock)
{
    return ++*clock;
}

/* Another's clock was seen. A value that would overflow is not believed. */
static inline uint64_t clock_adjust(uint64_t *clock, uint64_t seen)
{
    if (seen > *clock && seen < UINT64_MAX / 2)
        *clock = seen;
    return ++*clock;
}

#endif
