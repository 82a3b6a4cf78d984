/* SPDX-License-Identifier: Apache-2.0 */
#include "turn.h"

const double turn_buckets_s[TURN_BUCKETS] = {.0001, .001, .01, .1, 1, 10};

static void on_begin(uv_check_t *check)
{
    struct turn *t = check->data;
    t->began_ns = uv_hrtime();
}

static void on_end(uv_prepare_t *prepare)
{
    struct turn *t = prepare->data;
    if (t->began_ns == 0)
        return;
    double s = (double)(uv_hrtime() - t->began_ns) / 1e9;
    unsigned bucket = 0;
    while (bucket < TURN_BUCKETS && s > turn_buckets_s[bucket])
        bucket++;
    t->counts[bucket]++;
    t->sum_s += s;
    t->longest_s = s > t->longest_s ? s : t->longest_s;
    t->began_ns = 0;
}

void turn_start(struct turn *t, uv_loop_t *loop)
{
    uv_prepare_init(loop, &t->end);
    uv_check_init(loop, &t->begin);
    t->end.data = t->begin.data = t;
    uv_prepare_start(&t->end, on_end);
    uv_check_start(&t->begin, on_begin);
    uv_unref((uv_handle_t *)&t->end);
    uv_unref((uv_handle_t *)&t->begin);
}
