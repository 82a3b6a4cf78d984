/* SPDX-License-Identifier: Apache-2.0 */
/* series - a bounded table from label sets to numbers: what one family of metrics, or
 * several with the same labels, has counted.
 *
 * A label set is found by its bytes, whatever they mean. Once `max` are there, or
 * memory is out, all further ones share `other`, and `overflow` says how often. Nothing
 * is ever removed: a counter that vanishes and returns at zero would look like a
 * restart. */
#ifndef PETIOLE_SERIES_H
#define PETIOLE_SERIES_H

#include "../../protocol/str.h"

#include <stdint.h>

struct series {
    uint64_t hash;
    size_t nkey;
    char *key; /* behind the values */
    double values[];
};

struct series_set {
    struct series **slots; /* open addressing; a power of two of them */
    size_t nslots, n, max;
    size_t nvalues; /* of each series */
    struct series *last;
    struct str other; /* its key; it comes beside `max` */
    uint64_t overflow;
};

/* other: must outlive the set. */
void series_init(struct series_set *set, size_t nvalues, size_t max, struct str other);
void series_finish(struct series_set *set);
/* Its numbers, zero at first; NULL if there is no memory even for the others. */
double *series_values(struct series_set *set, struct str key);
/* The same, but nothing new is made: what is not there is among the others. */
double *series_known(struct series_set *set, struct str key);
void series_each(const struct series_set *set,
                 void (*fn)(void *ctx, const struct series *s), void *ctx);

#endif
