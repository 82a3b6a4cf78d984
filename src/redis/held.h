/* SPDX-License-Identifier: Apache-2.0 */
/* held - the deliveries under lease, found by their tags.
 *
 * A worker may hold a million messages that wait for their eta, and after a
 * reconnection asks for each tag the server has. The table grows by one chain at a
 * time, so that no turn of the loop pays for all of it. It owns nothing but the array
 * of chains. */
#ifndef PETIOLE_HELD_H
#define PETIOLE_HELD_H

#include "../broker.h"

struct held {
    struct delivery **chains;
    size_t nchains; /* in use: from half of `room` to all of it */
    size_t room;    /* a power of two */
    size_t n;       /* deliveries */
};

/* False when memory is out. */
bool held_init(struct held *h);
void held_finish(struct held *h);
void held_add(struct held *h, struct delivery *d);
/* NULL if no delivery has this tag. */
struct delivery *held_find(const struct held *h, uint64_t tag);
/* Harmless if it is not there. */
void held_remove(struct held *h, struct delivery *d);

#endif
