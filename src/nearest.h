/* SPDX-License-Identifier: Apache-2.0 */
/* nearest - the known name that a misspelt one probably means.
 *
 *     struct nearest n = nearest_to("quues");
 *     for (…) nearest_try(&n, known);
 *     nearest_found(&n) → "queues", or NULL if none is near enough to suggest */
#ifndef PETIOLE_NEAREST_H
#define PETIOLE_NEAREST_H

struct nearest {
    const char *name, *best;
    unsigned least; /* Levenshtein's distance between the two */
};

struct nearest nearest_to(const char *name);
/* NULL is passed over; `known` is borrowed until nearest_found. */
void nearest_try(struct nearest *n, const char *known);
const char *nearest_found(const struct nearest *n);

#endif
