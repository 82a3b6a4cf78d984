/* SPDX-License-Identifier: Apache-2.0 */
/* turn - how long each turn of the loop keeps everything else waiting: from the moment
 * that something came to the moment that it waits again. */
#ifndef PETIOLE_TURN_H
#define PETIOLE_TURN_H

#include <stdint.h>
#include <uv.h>

#define TURN_BUCKETS 6

extern const double turn_buckets_s[TURN_BUCKETS];

struct turn {
    uv_prepare_t end;
    uv_check_t begin;
    uint64_t began_ns; /* 0: not yet */
    uint64_t counts[TURN_BUCKETS + 1];
    double sum_s, longest_s;
};

/* Before any other prepare handle is started, so that its own comes last. */
void turn_start(struct turn *t, uv_loop_t *loop);

#endif
