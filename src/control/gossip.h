/* SPDX-License-Identifier: Apache-2.0 */
/* gossip - what the workers of a cluster tell each other by their events: who is there,
 * how late it is by Lamport's clock, and which of them is to act for all (election).
 *
 * Peers are known by worker-online and worker-heartbeat. One that is not heard of for
 * twice the interval it announces is taken for lost; nothing but a line in the log
 * comes of it: what it held is recovered by the broker's own means.
 *
 *     gossip.c    an event, and whom it concerns
 *     peers.h     the others, and when they were heard of last
 *     election.h  who acts for all: the lowest (clock, node)
 *     elected.h   does what was voted on: applies a signature */
#ifndef PETIOLE_GOSSIP_H
#define PETIOLE_GOSSIP_H

#include "../bus/bus.h"

struct worker;
struct gossip;

/* NULL without memory. */
struct gossip *gossip_create(struct worker *w);
/* With the loop's handles closed, and broker and backend destroyed. */
void gossip_destroy(struct gossip *g);
/* The bus' listener: a worker-… event, or a list of them. */
void gossip_heard(struct worker *w, const struct bus_message *m);

#endif
