/* SPDX-License-Identifier: Apache-2.0 */
#include "series.h"

#include <stdlib.h>

#define FIRST_SLOTS 16

void series_init(struct series_set *set, size_t nvalues, size_t max, struct str other)
{
    *set = (struct series_set){.nvalues = nvalues, .max = max, .other = other};
}

void series_finish(struct series_set *set)
{
    for (size_t i = 0; i < set->nslots; i++)
        free(set->slots[i]);
    free(set->slots);
    series_init(set, set->nvalues, set->max, set->other);
}

static uint64_t hash_of(struct str key)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * 1099511628211u;
    return h;
}

static bool is(const struct series *s, uint64_t hash, struct str key)
{
    return s->hash == hash && str_eq((struct str){s->key, s->nkey}, key);
}

/* Where it is, or the free slot where it would be. */
static struct series **slot_of(const struct series_set *set, uint64_t hash,
                               struct str key)
{
    size_t i = hash & (set->nslots - 1);
    while (set->slots[i] && !is(set->slots[i], hash, key))
        i = (i + 1) & (set->nslots - 1);
    return &set->slots[i];
}

/* At most half of the slots are taken. */
static bool make_room(struct series_set *set)
{
    if (set->n < set->nslots / 2)
        return true;
    struct series_set grown = *set;
    grown.nslots = set->nslots ? 2 * set->nslots : FIRST_SLOTS;
    grown.slots = calloc(grown.nslots, sizeof(struct series *));
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < set->nslots; i++) {
        struct series *s = set->slots[i];
        if (s)
            *slot_of(&grown, s->hash, (struct str){s->key, s->nkey}) = s;
    }
    free(set->slots);
    *set = grown;
    return true;
}

static struct series *create(const struct series_set *set, uint64_t hash,
                             struct str key)
{
    size_t numbers = set->nvalues * sizeof(double);
    struct series *s = calloc(1, sizeof(*s) + numbers + key.n + 1);
    if (!s)
        return NULL;
    s->hash = hash;
    s->nkey = key.n;
    s->key = (char *)(s->values + set->nvalues);
    memcpy(s->key, key.p ? key.p : "", key.n);
    return s;
}

static struct series *find(struct series_set *set, uint64_t hash, struct str key)
{
    if (set->last && is(set->last, hash, key))
        return set->last;
    struct series *s = set->nslots ? *slot_of(set, hash, key) : NULL;
    if (s)
        set->last = s;
    return s;
}

static struct series *insert(struct series_set *set, uint64_t hash, struct str key)
{
    struct series *s = make_room(set) ? create(set, hash, key) : NULL;
    if (!s)
        return NULL;
    *slot_of(set, hash, key) = set->last = s;
    set->n++;
    return s;
}

static double *others(struct series_set *set)
{
    uint64_t hash = hash_of(set->other);
    struct series *s = find(set, hash, set->other);
    set->overflow++;
    if (!s)
        s = insert(set, hash, set->other);
    return s ? s->values : NULL;
}

double *series_known(struct series_set *set, struct str key)
{
    struct series *s = find(set, hash_of(key), key);
    return s ? s->values : others(set);
}

double *series_values(struct series_set *set, struct str key)
{
    uint64_t hash = hash_of(key);
    struct series *s = find(set, hash, key);
    if (!s && set->n < set->max)
        s = insert(set, hash, key);
    return s ? s->values : others(set);
}

void series_each(const struct series_set *set,
                 void (*fn)(void *ctx, const struct series *s), void *ctx)
{
    for (size_t i = 0; i < set->nslots; i++)
        if (set->slots[i])
            fn(ctx, set->slots[i]);
}
