/* SPDX-License-Identifier: Apache-2.0 */
/* gossip_parts - what the files of gossip share. */
#ifndef PETIOLE_GOSSIP_PARTS_H
#define PETIOLE_GOSSIP_PARTS_H

#include "elected.h"
#include "election.h"
#include "gossip.h"
#include "peers.h"

struct gossip {
    struct worker *worker;
    struct peers peers;
    struct elections elections;
    struct elected elected;
    uv_timer_t timer; /* looks for those who are silent */
};

#endif
