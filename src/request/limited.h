/* SPDX-License-Identifier: Apache-2.0 */
/* limited - a set of short texts that remembers when each came, and never grows beyond
 * a size: Celery's LimitedSet (celery.utils.collections).
 *
 * Adding a text that is there makes it the newest. Once the set is full the oldest make
 * room, first those that are past their time. A text that is past its time and not yet
 * trimmed still counts as there, as in Celery: a revoked task with an ETA next week
 * stays revoked as long as there is room to remember it.
 *
 * Times are milliseconds of a clock that is never set back. */
#ifndef PETIOLE_LIMITED_H
#define PETIOLE_LIMITED_H

#include "../list.h"

#include "../../protocol/str.h"

#include <stdint.h>

/* Longer texts are refused: 50,000 of them must fit into memory. */
#define LIMITED_TEXT_MAX 512u

struct limited_item {
    struct list link;          /* on set->order */
    struct limited_item *next; /* in its bucket */
    uint64_t hash;
    int64_t at_ms;
    uint32_t bytes;
    char text[]; /* and a NUL */
};

struct limited {
    struct list order; /* the oldest first */
    struct limited_item **buckets;
    size_t n, nbuckets; /* nbuckets: 0 or a power of two */
    size_t max;
    int64_t expires_ms;  /* 0: never */
    uint64_t pushed_out; /* items that had to make room before their time */
    uint64_t key[2];     /* of the hash: texts come from outside */
};

void limited_init(struct limited *s, size_t max, int64_t expires_ms);
void limited_finish(struct limited *s);
/* False if the text is empty, too long, or memory is out. */
bool limited_add(struct limited *s, struct str text, int64_t at_ms);
bool limited_has(const struct limited *s, struct str text);
bool limited_remove(struct limited *s, struct str text);
/* Drops what is past its time, full or not. */
void limited_trim(struct limited *s, int64_t now_ms);

static inline struct str limited_text(const struct limited_item *item)
{
    return (struct str){item->text, item->bytes};
}
#define limited_first(set)                                                             \
    (list_empty(&(set)->order)                                                         \
         ? NULL                                                                        \
         : list_entry((set)->order.next, struct limited_item, link))
struct limited_item *limited_next(const struct limited *s,
                                  const struct limited_item *item);

#endif
