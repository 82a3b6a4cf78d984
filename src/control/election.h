/* SPDX-License-Identifier: Apache-2.0 */
/* election - one worker is to act for all: celery/worker/consumer/gossip.py's.
 *
 *     command `election` ──▶ worker-elect from each who heard it
 *     worker-elect ──▶ a candidate (clock, node); worker-elect-ack from each who hears
 * it worker-elect-ack, as many as there are others ──▶ the lowest candidate acts
 *
 * All hear the same events in the same order, and so come to the same end. Celery
 * counts only the others as alive, and so does this; but where it fails for want of a
 * second candidate, alone or when an ack comes too early, a lone worker wins here, and
 * else the next ack is waited for. */
#ifndef PETIOLE_ELECTION_H
#define PETIOLE_ELECTION_H

#include "../list.h"

#include "../../protocol/str.h"
#include "../../protocol/value.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define ELECTIONS_MAX 64u /* at once; older ones are forgotten */
#define ELECTION_PATIENCE_MS 1000
#define ELECTION_ID_MAX 512u
#define ELECTION_ACTION_MAX ((size_t)256 << 10)

struct control_call;
struct gossip;

struct elections {
    struct list all; /* the oldest first */
    size_t n;
    struct gossip *gossip;
    uv_timer_t patience;
};

void elections_init(struct elections *e, struct gossip *g, uv_loop_t *loop);
void elections_finish(struct elections *e);
/* The command. */
void election_hold(struct control_call *c);
/* worker-elect and worker-elect-ack. */
void election_candidate(struct gossip *g, const ptl_value *event);
void election_ack(struct gossip *g, const ptl_value *event);

#endif
