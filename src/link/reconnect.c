/* SPDX-License-Identifier: Apache-2.0 */
#include "reconnect.h"

#include <uv.h>

#define STARTUP_STEP_S 2.0
#define STARTUP_MAX_S 30.0
#define LOST_FIRST_S 0.1
#define LOST_MAX_S 8.0

static unsigned random_number(void)
{
    unsigned n = 0;
    uv_random(NULL, NULL, &n, sizeof(n), 0, NULL); /* of the kernel: a fleet differs */
    return n;
}

static double backoff_s(const struct reconnect *r)
{
    double jitter = 0.75 + (double)(random_number() % 1000) / 2000;
    double delay = LOST_FIRST_S;
    if (!r->was_up)
        return r->attempts * STARTUP_STEP_S < STARTUP_MAX_S
                   ? r->attempts * STARTUP_STEP_S
                   : STARTUP_MAX_S;
    for (unsigned i = 1; i < r->attempts && delay < LOST_MAX_S; i++)
        delay *= 2.5;
    return (delay < LOST_MAX_S ? delay : LOST_MAX_S) * jitter;
}

double reconnect_after_s(struct reconnect *r, uint64_t lived_ms)
{
    if (lived_ms >= RECONNECT_LASTING_MS) {
        r->attempts = 0;
        r->round = 0;
        r->next = 0;
    } else {
        r->round++;
        r->next = r->shuffle ? random_number() % r->nurls : (r->next + 1) % r->nurls;
    }
    if (r->round % r->nurls != 0)
        return 0;
    r->attempts++;
    return backoff_s(r);
}
