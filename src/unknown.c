/* SPDX-License-Identifier: Apache-2.0 */
#include "unknown.h"

#include <stdlib.h>

#define ENTRIES 8192
#define NAMES 1024
#define NAME_WAYS 32
#define WAYS 4 /* places an id may stand in; the oldest of them makes room */
#define HOLD_MAX_S 60

struct entry {
    uint64_t id; /* its hash; 0: free */
    int64_t first_us, last_us;
    uint32_t times;
};

struct unknown {
    struct entry entries[ENTRIES];
    uint64_t names[NAMES];
};

/* FNV-1a: the names and ids come from producers, and a collision costs them a delay. */
static uint64_t hash(struct str s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return h ? h : 1;
}

struct unknown *unknown_create(void)
{
    return calloc(1, sizeof(struct unknown));
}

void unknown_destroy(struct unknown *u)
{
    free(u);
}

static struct entry *find(struct unknown *u, uint64_t id)
{
    struct entry *set = &u->entries[id % (ENTRIES / WAYS) * WAYS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].id == id)
            return &set[i];
        if (set[i].last_us < oldest->last_us)
            oldest = &set[i];
    }
    *oldest = (struct entry){0};
    return oldest;
}

int unknown_hold_s(struct unknown *u, struct str id, int64_t now_us, double patience_s)
{
    uint64_t h = hash(id);
    struct entry *e = find(u, h);
    if (!e->id)
        *e = (struct entry){.id = h, .first_us = now_us};
    e->last_us = now_us;
    if ((double)(now_us - e->first_us) >= patience_s * 1e6 && e->times > 0) {
        *e = (struct entry){0};
        return -1;
    }
    int hold = e->times < 6 ? 1 << e->times : HOLD_MAX_S;
    e->times++;
    return hold < HOLD_MAX_S ? hold : HOLD_MAX_S;
}

/* Names that share a place stand side by side; when all places are taken the first
 * makes room, and its name may be told of again. */
bool unknown_first_of(struct unknown *u, struct str name)
{
    uint64_t h = hash(name);
    uint64_t *set = &u->names[h % (NAMES / NAME_WAYS) * NAME_WAYS];
    size_t free_place = 0;
    for (size_t i = NAME_WAYS; i-- > 0;) {
        if (set[i] == h)
            return false;
        if (!set[i])
            free_place = i;
    }
    set[free_place] = h;
    return true;
}
