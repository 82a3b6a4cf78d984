/* SPDX-License-Identifier: Apache-2.0 */
/* What comes on the channels. Whatever it is, the worker goes on. */
#include "bus_message.h"
#include "redis_bus.h"

static void leave(struct redis_bus *b, const char *what, const char *why)
{
    b->base.stats.malformed++;
    redis_bus_complain(b, "a message on the channel of %s is left: %s", what, why);
}

static void hear_control(struct redis_bus *b, struct str text)
{
    struct bus_message m;
    const char *why;
    if (!bus_message_read(&b->arena, text, BUS_OBJECT, &m, &why)) {
        leave(b, "the remote control", why);
        return;
    }
    b->base.stats.requests++;
    m.routing_key = STR("");
    if (b->events->control)
        b->events->control(b->ctx, &m);
}

/* Without fanout_patterns one channel has them all. */
static bool is_wanted(const struct redis_bus *b, struct str routing_key)
{
    return b->hearing & BUS_ALL_EVENTS ||
           (routing_key.n > 7 && memcmp(routing_key.p, "worker.", 7) == 0);
}

static void hear_event(struct redis_bus *b, struct str text)
{
    struct bus_message m;
    const char *why;
    if (!bus_message_read(&b->arena, text, BUS_OBJECTS, &m, &why))
        leave(b, "events", why);
    else if (is_wanted(b, m.routing_key) && b->events->event)
        b->events->event(b->ctx, &m);
}

/* ["pmessage", pattern, channel, text] */
void redis_bus_heard(void *ctx, const redisReply *reply)
{
    struct redis_bus *b = ctx;
    const redisReply *pattern = reply->element[1], *text = reply->element[3];
    if (b->stopping || !pattern->str || !text->str)
        return;
    arena_reset(&b->arena);
    if (strcmp(pattern->str, b->control_channel) == 0)
        hear_control(b, (struct str){text->str, text->len});
    else
        hear_event(b, (struct str){text->str, text->len});
}
