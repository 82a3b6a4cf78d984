/* SPDX-License-Identifier: Apache-2.0 */
#include "cancel.h"

#include <signal.h>

static volatile sig_atomic_t requested; /* a signal handler can reach nothing else */

static void request(int signo)
{
    (void)signo;
    requested = 1;
}

void cancel_install(void)
{
    struct sigaction sa = {.sa_handler = request}; /* no SA_RESTART */

    sigemptyset(&sa.sa_mask);
    sigaction(SIGUSR1, &sa, NULL);
}

void cancel_reset(void)
{
    requested = 0;
}

bool cancel_requested(void)
{
    return requested != 0;
}
