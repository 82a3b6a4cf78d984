/* SPDX-License-Identifier: Apache-2.0 */
/* value - what a Celery message can say: Python's JSON types, in an arena.
 *
 * The same struct is the public API's opaque ptl_value. Values are trees: a value is
 * never freed alone, and adding it to a list or map stores the pointer.
 *
 * Text is UTF-8 except that a lone surrogate, which Python's json passes through,
 * stands as its three-byte form (WTF-8). Every text has a NUL behind it that is not
 * counted. An integer beyond 64 bits keeps its digits (BIGINT), as Python's
 * would be kept exactly. Maps keep insertion order; a repeated key replaces the value
 * and keeps its first place, as in a Python dict. */
#ifndef PROTOCOL_VALUE_H
#define PROTOCOL_VALUE_H

#include "arena.h"

#include <petiole/task.h>

#define VALUE_UNINDEXED 32u /* pairs; value_map.c says what larger maps have */

struct value_pair {
    struct str key;
    const struct ptl_value *value;
};

struct ptl_value {
    ptl_kind kind;
    union {
        bool b;
        int64_t i;
        double d;
        struct str s; /* STR, BYTES, and the digits of BIGINT */
        struct {
            const struct ptl_value **items;
            size_t n, cap;
        } list;
        struct {
            struct value_pair *pairs; /* beyond VALUE_UNINDEXED, an index follows */
            size_t n, cap;
        } map;
    } u;
};

/* Makers: NULL when the arena is full. Text is not copied: it must live as long. */
ptl_value *value_null(struct arena *a);
ptl_value *value_bool(struct arena *a, bool b);
ptl_value *value_int(struct arena *a, int64_t i);
ptl_value *value_float(struct arena *a, double d);
ptl_value *value_str(struct arena *a, struct str s);
ptl_value *value_text(struct arena *a, const char *text); /* copied */
ptl_value *value_bytes(struct arena *a, struct str s);
ptl_value *value_list(struct arena *a, size_t room);
ptl_value *value_map(struct arena *a, size_t room);

/* False, changing nothing, when the arena is full or v is NULL. */
bool value_list_add(struct arena *a, ptl_value *list, const ptl_value *v);
/* Replaces the value of an equal key. Small maps are searched one by one, larger ones
 * through an index whose hash an attacker cannot foresee: filling is never quadratic.
 * Only value_map makes maps that may be added to. */
bool value_map_set(struct arena *a, ptl_value *map, struct str key, const ptl_value *v);

/* Readers: NULL or a wrong kind reads as absent. */
const ptl_value *value_get(const ptl_value *map, const char *key);
const ptl_value *value_find(const ptl_value *map, struct str key);
const ptl_value *value_at(const ptl_value *list, size_t index);
size_t value_len(const ptl_value *v);
static inline ptl_kind value_kind(const ptl_value *v)
{
    return v ? v->kind : PTL_NULL;
}
static inline bool value_is_null(const ptl_value *v)
{
    return value_kind(v) == PTL_NULL;
}
/* The text of a STR, else an empty slice with .p NULL. */
struct str value_as_str(const ptl_value *v);
/* The integer of an INT, else `otherwise`. */
int64_t value_as_int(const ptl_value *v, int64_t otherwise);
/* Python's truth: None, False, 0, "", [] and {} are false. */
bool value_truth(const ptl_value *v);
/* Deep equality as Python's ==, for tests: 1 == 1.0 == True. */
bool value_equal(const ptl_value *a, const ptl_value *b);

#endif
