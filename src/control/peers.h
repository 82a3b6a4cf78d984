/* SPDX-License-Identifier: Apache-2.0 */
/* peers - the other workers, and when each was heard of last: celery/events/state.py's
 * Worker, with its rule that one is alive for twice the interval of its heartbeats,
 * counted from when they arrive. */
#ifndef PETIOLE_PEERS_H
#define PETIOLE_PEERS_H

#include "../list.h"

#include "../../protocol/str.h"

#include <stdbool.h>
#include <stdint.h>

#define PEERS_MAX 2048u
#define PEERS_NAME_MAX 512u  /* longer ones are not noted */
#define PEERS_FREQ_S 60.0    /* of one that does not say */
#define PEERS_DRIFT_MAX_S 16 /* between its clock on the wall and ours */

struct peers {
    struct list all;
    size_t n;
    bool full; /* said once */
};

/* What an event says of its sender. */
struct peer_event {
    struct str hostname, type; /* "worker-heartbeat" */
    double freq_s;             /* 0: it does not say */
    double timestamp_s;        /* its wall clock; 0: it does not say */
};

void peers_init(struct peers *p);
void peers_finish(struct peers *p);
/* Logs who joins and who leaves. now_ms: of a clock that is never set back. */
void peers_note(struct peers *p, const struct peer_event *e, int64_t now_ms);
/* Forgets, and logs, those who are silent for too long. deaf: nobody could be heard,
 * and nobody is to blame. */
void peers_look(struct peers *p, int64_t now_ms, bool deaf);

#endif
