/* SPDX-License-Identifier: Apache-2.0 */
#include "cancel.h"

#include "../pool/frame.h"

#include <signal.h>
#include <stdatomic.h>

#define LEFT_OUT_MAX 64u /* as many as may wait in a child */

/* All that a signal handler can reach. */
static volatile sig_atomic_t requested;
static _Atomic uint32_t current;
static _Atomic uint64_t left_out[LEFT_OUT_MAX];
static _Atomic uint32_t nleft_out;

/* From the parent it names the task it is meant for, which may be over; from anybody
 * else it is meant for whatever runs. */
static void request(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)context;
    if (info->si_code != SI_QUEUE || (uint32_t)info->si_value.sival_int == current)
        requested = 1;
}

#define TAKEN ((uint64_t)1 << 32) /* tells a job from a free place */

/* Numbers grow: one that is not beyond the current one has begun already. */
static void leave_out(int signo, siginfo_t *info, void *context)
{
    uint32_t job = (uint32_t)info->si_value.sival_int;

    (void)signo, (void)context;
    if (info->si_code == SI_QUEUE && (int32_t)(job - current) > 0)
        left_out[nleft_out++ % LEFT_OUT_MAX] = TAKEN | job;
}

void cancel_install(void)
{
    struct sigaction soft = {.sa_sigaction = request, .sa_flags = SA_SIGINFO};
    struct sigaction skip = {.sa_sigaction = leave_out,
                             .sa_flags = SA_SIGINFO | SA_RESTART};

    sigemptyset(&soft.sa_mask);
    sigemptyset(&skip.sa_mask);
    sigaction(FRAME_SIGNAL_SOFT_LIMIT, &soft,
              NULL); /* no SA_RESTART: it ends a sleep */
    sigaction(FRAME_SIGNAL_LEAVE_OUT, &skip, NULL);
}

void cancel_begin(uint64_t job)
{
    current = (uint32_t)job; /* first: from here on no signal of the last one counts */
    requested = 0;
}

bool cancel_requested(void)
{
    return requested != 0;
}

bool cancel_is_left_out(uint64_t job)
{
    if (nleft_out == 0)
        return false;
    for (size_t i = 0; i < LEFT_OUT_MAX; i++)
        if (left_out[i] == (TAKEN | (uint32_t)job)) {
            left_out[i] = 0;
            return true;
        }
    return false;
}
