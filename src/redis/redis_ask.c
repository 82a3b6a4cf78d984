/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_ask.h"

/* A server hangs up on a string beyond its proto-max-bulk-len. A command so large that
 * was there when it did is sent alone from then on, and given up after so many times.
 */
#define SUSPECT_BYTES (1u << 20)
#define HANG_UPS_MAX 3

static struct redis_ask *first(const struct redis_backend *b)
{
    return list_entry(b->asks.next, struct redis_ask, link);
}

/* ---- answers ------------------------------------------------------------------ */

static void on_pause_over(uv_timer_t *timer)
{
    ((struct redis_backend *)timer->data)->asks_paused = false;
}

/* As results are: result_backend_base_sleep_between_retries_ms, doubled each time. */
static void pause_asking(struct redis_backend *b, const char *what, const char *why)
{
    uint64_t most = (uint64_t)b->config->result_max_sleep_ms;
    uint64_t ms = (uint64_t)b->config->result_base_sleep_ms;
    if (b->asks_paused || redis_error_is(why, "NOSCRIPT")) /* loaded again by now */
        return;
    for (unsigned i = 0; i < b->ask_refusals && ms < most; i++)
        ms *= 2;
    ms = ms < most ? ms : most;
    b->ask_refusals++;
    redis_complain(&b->redis, what, why, (double)ms / 1000);
    b->asks_paused = true;
    uv_timer_start(&b->ask_timer, on_pause_over, ms, 0);
}

/* The key is of another kind, or the script itself says so: no time will help. */
static bool is_final(const char *why)
{
    return redis_error_is(why, "WRONGTYPE") || redis_error_is(why, "REFUSED") ||
           strstr(why, "Protocol error");
}

static void again(struct redis_ask *a)
{
    list_push(&a->backend->asks, &a->link);
}

static void lost(struct redis_ask *a)
{
    if (a->backend->redis.link.hung_up && a->bytes > SUSPECT_BYTES)
        a->hang_ups++;
    if (a->hang_ups < HANG_UPS_MAX)
        again(a);
    else
        a->refused(a, "the server hangs up on it each time (its proto-max-bulk-len may "
                      "be smaller than the result)");
}

void redis_ask_answered(void *ask, const redisReply *reply)
{
    struct redis_ask *a = ask;
    struct redis_backend *b = a->backend;

    b->asking--;
    if (!reply) {
        lost(a);
    } else if (redis_is_error(reply) && is_final(reply->str)) {
        a->refused(a, reply->str);
    } else if (redis_is_error(reply)) {
        pause_asking(b, a->what, reply->str);
        again(a);
    } else if (a->reply(a, reply)) {
        b->ask_refusals = 0;
    } else {
        pause_asking(b, a->what, "unexpected reply");
        again(a);
    }
}

/* ---- sending ------------------------------------------------------------------ */

static bool may_send(const struct redis_backend *b)
{
    return b->up && b->redis.link.state == LINK_OPEN && !b->asks_paused &&
           !list_empty(&b->asks) &&
           (b->asking == 0 || (first(b)->hang_ups == 0 && !b->asking_alone));
}

void redis_ask_flush(struct redis_backend *b)
{
    while (may_send(b)) {
        struct redis_ask *a = first(b);
        list_remove(&a->link);
        b->asking_alone = a->hang_ups > 0;
        b->asking++;
        a->times++;
        a->send(a);
    }
}

void redis_ask(struct redis_backend *b, struct redis_ask *a)
{
    a->backend = b;
    list_push(&b->asks, &a->link);
}

/* ---- life --------------------------------------------------------------------- */

void redis_ask_init(struct redis_backend *b, uv_loop_t *loop)
{
    list_init(&b->asks);
    uv_timer_init(loop, &b->ask_timer);
    b->ask_timer.data = b;
}

void redis_ask_finish(struct redis_backend *b)
{
    while (!list_empty(&b->asks)) {
        struct redis_ask *a = first(b);
        list_remove(&a->link);
        a->refused(a, "the worker stopped");
    }
}
