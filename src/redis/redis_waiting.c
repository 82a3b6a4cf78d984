/* SPDX-License-Identifier: Apache-2.0 */
/* How many messages wait in the queues: asked for only while somebody wants to know. */
#include "redis_broker.h"

#define WANTED_MS 120000 /* without a scrape for so long nobody asks */
#define ASK_BEATS 5

static void on_length(void *ctx, const redisReply *reply)
{
    struct source *s = ctx;
    s->waiting = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

static void ask(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++)
        if (redis_consume_is_active(&b->sources[i]))
            redis_words(&b->redis, on_length, &b->sources[i], "LLEN", b->sources[i].key,
                        NULL);
}

void redis_waiting_beat(struct redis_broker *b)
{
    bool wanted =
        b->waiting_wanted_ms && uv_now(b->loop) - b->waiting_wanted_ms < WANTED_MS;
    if (b->up && wanted && b->beats % ASK_BEATS == 0)
        ask(b);
}

int64_t redis_waiting(struct broker *base, size_t i)
{
    struct redis_broker *b = (struct redis_broker *)base;
    bool first = b->waiting_wanted_ms == 0;
    int64_t sum = 0;
    b->waiting_wanted_ms = uv_now(b->loop) + 1; /* never 0 */
    if (first && b->up)
        ask(b);
    const struct source *s = &b->sources[b->order[i] * b->keys.nsteps];
    for (size_t step = 0; step < b->keys.nsteps; step++) {
        if (s[step].waiting < 0)
            return -1;
        sum += s[step].waiting;
    }
    return sum;
}
