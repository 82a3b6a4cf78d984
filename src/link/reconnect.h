/* SPDX-License-Identifier: Apache-2.0 */
/* reconnect - which of an endpoint's URLs is next after a failure, and when.
 *
 * Within a round every URL is tried at once; a delay comes after each round. At start
 * it grows as Celery's does, 2, 4, 6 … 30 s; after a connection that has stood it
 * begins with a tenth of a second and grows to eight, with jitter, so that a fleet does
 * not come back all together. It goes on for ever: who asks may stop. */
#ifndef PETIOLE_RECONNECT_H
#define PETIOLE_RECONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECONNECT_LASTING_MS                                                           \
    10000u /* a connection that lived so long was a good one                           \
            */

struct reconnect {
    size_t nurls;      /* at least 1 */
    bool shuffle;      /* broker_failover_strategy */
    size_t next;       /* the URL to be tried */
    size_t round;      /* how many of them failed since the last delay */
    unsigned attempts; /* rounds since a connection that lasted */
    bool was_up;       /* ever: later losses are retried faster */
};

/* A connection was lost or not made; it stood for `lived_ms`, 0 if it never did. After
 * one that lasted the list begins anew, as a worker's does in Celery. Returns the
 * seconds until `next` is to be tried; 0: at once. */
double reconnect_after_s(struct reconnect *r, uint64_t lived_ms);

#endif
