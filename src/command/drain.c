/* SPDX-License-Identifier: Apache-2.0 */
/* petiole drain - before petiole leaves a broker for Python workers: what dead petiole
 * workers held goes back to its queues, and what Python cannot see is listed.
 *
 * It is a broker like a worker's that takes nothing: its peers' watch finds the dead
 * and restores them. Live workers are named: they empty their inboxes when they stop.
 */
#include "../broker.h"
#include "../redis/redis_broker.h"
#include "client.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 500

/* KEYS nodes, dead   ARGV liveness prefix, own id → dead letters, nodes that are dead,
 * then the descriptions of those alive */
static const char look_lua[] =
    "local out, gone = {redis.call('LLEN', KEYS[2]), 0}, 0\n"
    "for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do\n"
    "  if id ~= ARGV[2] then\n"
    "    if redis.call('EXISTS', ARGV[1] .. id) == 0 then\n"
    "      gone = gone + 1\n"
    "    else\n"
    "      out[#out + 1] = redis.call('GET', ARGV[1] .. id) or id\n"
    "    end\n"
    "  end\n"
    "end\n"
    "out[2] = gone\n"
    "return out\n";

struct drain {
    struct client client;
    struct broker *broker;
    bool up, quiesced, stopped;
    char why[300]; /* it cannot work: why not */
};

static struct delivery *on_taken(void *ctx, struct str text, struct str queue)
{
    (void)ctx, (void)text, (void)queue;
    return NULL; /* nothing is wanted, so nothing is taken */
}

static void on_delivery(void *ctx, struct delivery *d)
{
    (void)ctx, (void)d;
}

static void on_up(void *ctx)
{
    ((struct drain *)ctx)->up = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    (void)retry_s, (void)attempts;
    snprintf(((struct drain *)ctx)->why, 300, "%s", why);
}

static void on_unfit(void *ctx, const char *why)
{
    on_down(ctx, why, 0, 0);
}

static const struct broker_events events = {.taken = on_taken,
                                            .settled = on_delivery,
                                            .lost = on_delivery,
                                            .up = on_up,
                                            .down = on_down,
                                            .unfit = on_unfit};

static void on_quiesced(void *ctx)
{
    ((struct drain *)ctx)->quiesced = true;
}

static void on_stopped(void *ctx)
{
    ((struct drain *)ctx)->stopped = true;
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static const redisReply *look(struct drain *d)
{
    struct client *c = &d->client;
    const struct redis_broker *b = (const struct redis_broker *)d->broker;
    client_begin_script(c, look_lua, 2, 4);
    redis_arg_text(&c->redis, c->keys.nodes);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg_text(&c->redis, c->keys.node);
    redis_arg_text(&c->redis, b->id);
    return client_answer(c);
}

/* Until no dead node is left. NULL after saying why. */
static const redisReply *wait_for_dead(struct drain *d)
{
    const redisReply *seen = NULL;
    uint64_t next_ms = 0, alive_ms = 0; /* who has not beaten by then is not */
    while (!d->why[0]) {
        uv_run(&d->client.loop, UV_RUN_ONCE);
        if (!d->up || uv_now(&d->client.loop) < next_ms)
            continue;
        next_ms = uv_now(&d->client.loop) + LOOK_MS;
        if (!alive_ms)
            alive_ms = next_ms + NODE_TTL_MS + NODE_BEAT_MS;
        seen = look(d);
        if (!seen || seen->elements < 2)
            return seen;
        bool settled = seen->elements == 2 || next_ms > alive_ms;
        if (settled && seen->element[1]->integer == 0)
            return seen;
    }
    fprintf(stderr, "petiole drain: %s\n", d->why);
    return NULL;
}

static int report(const struct drain *d, const redisReply *seen)
{
    const struct broker_stats *stats = &d->broker->stats;
    unsigned long long restored = stats->restored_from_dead;
    restored += stats->restored_overdue;
    printf("Put back %llu message(s) of dead workers.\n", restored);
    for (size_t i = 2; i < seen->elements; i++)
        printf("Worker %s still runs: stop it, it puts back what it has not begun.\n",
               seen->element[i]->str ? seen->element[i]->str : "?");
    if (seen->element[0]->integer > 0)
        printf("%lld dead letter(s) in %s, which Python workers never see: petiole "
               "dead list\n",
               seen->element[0]->integer, d->client.keys.dead);
    return seen->elements > 2 ? EXIT_FAILED : EXIT_STOPPED;
}

static void stop_broker(struct drain *d)
{
    d->broker->ops->quiesce(d->broker, on_quiesced, d);
    while (!d->quiesced)
        uv_run(&d->client.loop, UV_RUN_ONCE);
    d->broker->ops->stop(d->broker, on_stopped, d);
    while (!d->stopped)
        uv_run(&d->client.loop, UV_RUN_ONCE);
}

static int drain(struct drain *d)
{
    struct error e;
    uv_timer_t tick;
    d->broker = redis_broker_create(&d->client.loop, &d->client.config, &events, d, &e);
    if (!d->broker) {
        fprintf(stderr, "petiole drain: %s\n", e.msg);
        return EXIT_FAILED;
    }
    uv_timer_init(&d->client.loop, &tick);
    uv_timer_start(&tick, on_tick, LOOK_MS, LOOK_MS);
    d->broker->ops->start(d->broker);
    const redisReply *seen = wait_for_dead(d);
    int code = seen && seen->elements >= 2 ? report(d, seen) : EXIT_FAILED;
    stop_broker(d);
    uv_close((uv_handle_t *)&tick, NULL);
    return code;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    if (!uv_is_closing(handle) && handle != ctx)
        uv_close(handle, NULL);
}

static int run(int argc, char **argv)
{
    struct drain d = {0};
    const char *words[1];
    size_t nwords;
    int code = command_read(&command_drain, &d, &argc, argv, words, &nwords, 0);
    if (code || (code = client_open(&d.client, "petiole drain", argc, argv)))
        return code;
    code = drain(&d);
    client_stop(&d.client);
    uv_walk(&d.client.loop, close_handle, NULL);
    uv_run(&d.client.loop, UV_RUN_DEFAULT);
    if (d.broker)
        d.broker->ops->destroy(d.broker);
    client_finish(&d.client);
    return code;
}

const struct command command_drain = {
    .name = "drain",
    .run = run,
    .summary = "leave nothing where only petiole finds it",
    .usage = "[-b URL] [OPTIONS]",
    .about =
        "Puts back what dead petiole workers held, so that Python workers see all of "
        "it, and says what is left that they cannot see. Stop the petiole workers "
        "first.",
    .settings = "broker queues config",
    .exits = "0 nothing is left but, perhaps, dead letters; 1 something is; "
             "64 the command line is wrong",
};
