/* SPDX-License-Identifier: Apache-2.0 */
#include "unknown.h"

#include <stdlib.h>

#define ENTRIES 8192
#define NAMES 1024
#define NAME_WAYS 32
#define WAYS 4             /* places an id may stand in */
#define STALE_US 600000000 /* ten minutes without a sight of it */
#define HOLD_MAX_S 60
#define REQUEUE_MIN_US 100000
#define REQUEUE_MAX_US 5000000
#define REQUEUE_FORGET_US 60000000

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

/* What was not met for long has gone elsewhere. */
static bool is_free(const struct entry *e, int64_t now_us)
{
    return !e->id || now_us - e->last_us > STALE_US;
}

/* Of those in use the newest makes room: were it the oldest, ids that come round in
 * turn would push each other out for ever, and none would become a dead letter. */
static bool is_better_victim(const struct entry *a, const struct entry *b,
                             int64_t now_us)
{
    if (is_free(a, now_us) || is_free(b, now_us))
        return is_free(a, now_us) && !is_free(b, now_us);
    return a->first_us > b->first_us;
}

static struct entry *find(struct unknown *u, uint64_t id, int64_t now_us)
{
    struct entry *set = &u->entries[id % (ENTRIES / WAYS) * WAYS], *victim = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].id == id)
            return &set[i];
        if (is_better_victim(&set[i], victim, now_us))
            victim = &set[i];
    }
    *victim = (struct entry){0};
    return victim;
}

int unknown_hold_s(struct unknown *u, struct str id, int64_t now_us, double patience_s)
{
    uint64_t h = hash(id);
    struct entry *e = find(u, h, now_us);
    if (!e->id)
        *e = (struct entry){.id = h, .first_us = now_us};
    e->last_us = now_us;
    if ((double)(now_us - e->first_us) >= patience_s * 1e6 && e->times > 0) {
        *e = (struct entry){0};
        return -1;
    }
    int hold = e->times < 6 ? UNKNOWN_FIRST_HOLD_S << e->times : HOLD_MAX_S;
    e->times++;
    return hold < HOLD_MAX_S ? hold : HOLD_MAX_S;
}

int64_t unknown_requeue_us(struct unknown *u, struct str id, int64_t now_us,
                           uint32_t *times)
{
    uint64_t h = hash(id);
    struct entry *e = find(u, h, now_us);
    if (!e->id || now_us - e->last_us > REQUEUE_FORGET_US)
        *e = (struct entry){.id = h, .first_us = now_us};
    e->last_us = now_us;
    *times = ++e->times;
    int64_t hold = e->times > 1 ? REQUEUE_MIN_US : 0;
    for (uint32_t i = 2; i < e->times && hold < REQUEUE_MAX_US; i++)
        hold *= 2;
    return hold < REQUEUE_MAX_US ? hold : REQUEUE_MAX_US;
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
