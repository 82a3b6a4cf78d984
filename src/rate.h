/* SPDX-License-Identifier: Apache-2.0 */
/* rate - Celery's rate limits: "10/s", "5/m", "100/h", a number (per second), none.
 *
 * A bucket holds one token at most, and a task takes one. Idling fills it up to that
 * one and no further: after a quiet hour one task starts, not two as with kombu's
 * TokenBucket, whose clock stands still while it is full.
 *
 * Times are microseconds of a clock that is never set back. */
#ifndef PETIOLE_RATE_H
#define PETIOLE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* The slowest and the fastest that is told from none: once in 100 days, a million a
 * second. */
#define RATE_MIN_PER_S (1.0 / 8640000)
#define RATE_MAX_PER_S 1e6

/* Reads Celery's spellings; "", "0", "none" and "null" are 0, without limit. False for
 * anything else: *per_s is then left alone. */
bool rate_parse(const char *text, double *per_s);

struct rate {
    double per_s;    /* 0: no limit */
    int64_t next_us; /* when the bucket has its token again */
};

/* A new limit holds from the next task on; what was waited for already counts. */
void rate_set(struct rate *r, double per_s, int64_t now_us);
/* Takes a token if there is one. */
bool rate_take(struct rate *r, int64_t now_us);
/* How long until there is one; 0: now. */
int64_t rate_wait_us(const struct rate *r, int64_t now_us);

#endif
