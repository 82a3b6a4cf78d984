/* SPDX-License-Identifier: Apache-2.0 */
/* value_map - maps that keep insertion order and find their keys.
 *
 * Up to VALUE_UNINDEXED a map is an array. A larger one has, right behind its pairs, a
 * table of twice as many slots: 0 for empty, else 1 + the place of a pair. The hash is
 * seeded with the table's address, so that no sender can prepare keys that collide. */
#include "value.h"

typedef uint32_t slot;

static bool indexed(const ptl_value *map)
{
    return map->u.map.cap > VALUE_UNINDEXED;
}

/* The capacity of an indexed map is a power of two. */
static size_t slot_count(const ptl_value *map)
{
    return map->u.map.cap * 2;
}

static slot *slots_of(const ptl_value *map)
{
    return (slot *)(map->u.map.pairs + map->u.map.cap);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_key(struct str key, uint64_t seed)
{
    uint64_t h = seed ^ key.n * 0x9e3779b97f4a7c15u, word;
    const char *p = key.p;
    size_t left = key.n;

    for (; left >= sizeof(word); p += sizeof(word), left -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        h = mix(h ^ word, seed | 0xa0761d6478bd642fu);
    }
    word = 0;
    if (left)
        memcpy(&word, p, left);
    return mix(h ^ word, 0xe7037ed1a0b428dbu);
}

/* The slot that holds the key, or the empty one where it belongs. There always is an
 * empty one: at most half of them are taken. */
static slot *find_slot(const ptl_value *map, struct str key)
{
    slot *slots = slots_of(map);
    size_t mask = slot_count(map) - 1;
    size_t i = hash_key(key, (uint64_t)(uintptr_t)slots) & mask;

    while (slots[i] && !str_eq(map->u.map.pairs[slots[i] - 1].key, key))
        i = (i + 1) & mask;
    return &slots[i];
}

static struct value_pair *find_pair(const ptl_value *map, struct str key)
{
    if (indexed(map)) {
        slot s = *find_slot(map, key);
        return s ? &map->u.map.pairs[s - 1] : NULL;
    }
    for (size_t i = 0; i < map->u.map.n; i++)
        if (str_eq(map->u.map.pairs[i].key, key))
            return &map->u.map.pairs[i];
    return NULL;
}

static void build_index(ptl_value *map)
{
    memset(slots_of(map), 0, slot_count(map) * sizeof(slot));
    for (size_t i = 0; i < map->u.map.n; i++)
        *find_slot(map, map->u.map.pairs[i].key) = (slot)(i + 1);
}

static bool reserve_pairs(struct arena *a, ptl_value *map, size_t room)
{
    size_t cap = room, bytes = sizeof(struct value_pair);

    if (room > VALUE_UNINDEXED) {
        bytes += 2 * sizeof(slot);
        for (cap = 2 * VALUE_UNINDEXED; cap < room && cap <= UINT32_MAX / 2;)
            cap *= 2;
    }
    if (room > UINT32_MAX / 2 || cap > SIZE_MAX / bytes) {
        a->failed = true;
        return false;
    }
    struct value_pair *pairs = arena_alloc(a, cap * bytes);
    if (!pairs)
        return false;
    if (map->u.map.n)
        memcpy(pairs, map->u.map.pairs, map->u.map.n * sizeof(*pairs));
    map->u.map.pairs = pairs;
    map->u.map.cap = cap;
    if (indexed(map))
        build_index(map);
    return true;
}

ptl_value *value_map(struct arena *a, size_t room)
{
    ptl_value *v = arena_alloc(a, sizeof(*v));

    if (!v)
        return NULL;
    *v = (ptl_value){.kind = PTL_MAP};
    return !room || reserve_pairs(a, v, room) ? v : NULL;
}

bool value_map_set(struct arena *a, ptl_value *map, struct str key, const ptl_value *v)
{
    if (value_kind(map) != PTL_MAP || !v)
        return false;
    struct value_pair *old = find_pair(map, key);
    if (old) {
        old->value = v;
        return true;
    }
    size_t cap = map->u.map.cap;
    if (map->u.map.n == cap && !reserve_pairs(a, map, cap ? cap * 2 : 8))
        return false;
    map->u.map.pairs[map->u.map.n++] = (struct value_pair){key, v};
    if (indexed(map))
        *find_slot(map, key) = (slot)map->u.map.n;
    return true;
}

const ptl_value *value_find(const ptl_value *map, struct str key)
{
    if (value_kind(map) != PTL_MAP)
        return NULL;
    const struct value_pair *pair = find_pair(map, key);
    return pair ? pair->value : NULL;
}

const ptl_value *value_get(const ptl_value *map, const char *key)
{
    return value_find(map, str_of(key));
}
