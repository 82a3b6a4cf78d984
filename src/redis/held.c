/* SPDX-License-Identifier: Apache-2.0 */
/* Linear hashing: chain `nchains - room / 2` is split when a chain is added. Tags are
 * consecutive numbers, which are their own best hash. */
#include "held.h"

#include <stdlib.h>

#define FIRST_ROOM 16
#define KEPT_ROOM 4096 /* a larger table is given back once it is empty */

bool held_init(struct held *h)
{
    *h = (struct held){.nchains = FIRST_ROOM, .room = FIRST_ROOM};
    h->chains = calloc(FIRST_ROOM, sizeof(struct delivery *));
    return h->chains != NULL;
}

void held_finish(struct held *h)
{
    free(h->chains);
    *h = (struct held){0};
}

static struct delivery **chain_of(const struct held *h, uint64_t tag)
{
    size_t i = tag & (h->room - 1);
    return &h->chains[i < h->nchains ? i : i - h->room / 2];
}

static bool has_room(struct held *h)
{
    if (h->nchains < h->room)
        return true;
    struct delivery **chains =
        realloc(h->chains, 2 * h->room * sizeof(struct delivery *));
    if (!chains)
        return false; /* longer chains, then */
    h->chains = chains;
    h->room *= 2;
    return true;
}

static void split_one(struct held *h)
{
    if (!has_room(h))
        return;
    struct delivery **from = &h->chains[h->nchains - h->room / 2];
    struct delivery *d = *from;
    h->chains[h->nchains++] = NULL;
    *from = NULL;
    for (struct delivery *next; d; d = next) {
        struct delivery **to = chain_of(h, d->tag);
        next = d->next_by_tag;
        d->next_by_tag = *to;
        *to = d;
    }
}

void held_add(struct held *h, struct delivery *d)
{
    struct delivery **chain = chain_of(h, d->tag);
    d->next_by_tag = *chain;
    *chain = d;
    if (++h->n > h->nchains)
        split_one(h);
}

struct delivery *held_find(const struct held *h, uint64_t tag)
{
    struct delivery *d = *chain_of(h, tag);
    while (d && d->tag != tag)
        d = d->next_by_tag;
    return d;
}

static void shrink(struct held *h)
{
    struct held small;
    if (!held_init(&small))
        return; /* it may stay as it is */
    held_finish(h);
    *h = small;
}

void held_remove(struct held *h, struct delivery *d)
{
    struct delivery **at = chain_of(h, d->tag);
    while (*at && *at != d)
        at = &(*at)->next_by_tag;
    if (!*at)
        return;
    *at = d->next_by_tag;
    if (--h->n == 0 && h->room > KEPT_ROOM)
        shrink(h);
}
