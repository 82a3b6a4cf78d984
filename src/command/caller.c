/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include "../redis/redis_declare.h"
#include "../redis/redis_route.h"
#include "../redis/redis_scripts.h"

#include <stdio.h>

struct publisher {
    struct client *client;
    struct results *results;
    struct redis_scripts scripts;
    struct str declared; /* the queue of the message before */
};

static void declare(struct publisher *p, struct str queue)
{
    struct client *c = p->client;
    if (str_eq(queue, p->declared))
        return;
    redis_declare_named(&c->redis, &c->keys, &p->scripts.bind, &c->config.queues,
                        queue);
    p->declared = queue;
}

static bool refuse(const struct publisher *p, const struct frame_effect *f,
                   const char *why)
{
    fprintf(stderr, "%s: cannot publish to '" STR_FMT "': %s\n", p->client->command,
            STR_ARG(f->routing_key), why);
    return false;
}

static bool publish(struct publisher *p, const struct frame_effect *f)
{
    struct client *c = p->client;
    const struct broker_address to = {f->exchange, f->routing_key, f->priority};
    struct redis_route route;
    if (!redis_route_of(&c->keys, &to, &route))
        return refuse(p, f, "its queue's name is too long, or empty");
    if (!route.bound)
        declare(p, f->routing_key);
    client_begin_loaded(c, &p->scripts.publish, 2, 3 + REDIS_ROUTE_ARGS);
    redis_arg_text(&c->redis, route.key);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg(&c->redis, f->text);
    redis_route_args(&c->redis, &c->keys, &route, c->config.deadletter_queue);
    redis_route_expire(&c->redis, &c->keys, &c->config.queues, &route);
    const redisReply *reply = client_answer(c);
    if (reply && reply->integer == 2)
        return refuse(p, f, "no queue is bound to its exchange: it is a dead letter");
    return reply != NULL;
}

static bool perform(struct publisher *p, const struct frame_effect *f)
{
    switch (f->kind) {
    case EFFECT_PUBLISH:
        return publish(p, f);
    case EFFECT_CHORD_SIZE:
        return results_chord_size(p->results, f->group, f->size);
    case EFFECT_GROUP:
        return results_save_group(p->results, f->group, f->text);
    default: /* only of tasks that have ended */
        return false;
    }
}

bool caller_publish(struct caller *c, struct client *broker, struct results *results)
{
    struct publisher p = {.client = broker, .results = results};
    redis_scripts_init(&p.scripts);
    struct redis_script *const used[] = {&p.scripts.publish, &p.scripts.bind};
    bool ok = client_load(broker, used, 2);
    for (const struct caller_effect *e = c->first; ok && e; e = e->next)
        ok = perform(&p, &e->f);
    return ok;
}
