/* SPDX-License-Identifier: Apache-2.0 */
#include "listening.h"

#include "control/control.h"
#include "control/gossip.h"
#include "control/mingle.h"

static void on_control(void *ctx, const struct bus_message *m)
{
    control_heard(ctx, m);
}

static void on_event(void *ctx, const struct bus_message *m)
{
    gossip_heard(ctx, m);
}

static void on_up(void *ctx)
{
    struct worker *w = ctx;
    if (w->announced_bus_loss)
        log_line(LOG_INFO, "Remote control and events: connected again");
    w->announced_bus_loss = false;
    events_bus_up(&w->events);
    mingle_begin(w);
}

/* While the broker is away, too, that is said already. */
static void on_down(void *ctx, const char *why, double retry_s)
{
    struct worker *w = ctx;
    bool said = w->announced_bus_loss || w->announced_loss || !w->broker_up ||
                w->state >= WORKER_STOPPING;
    log_line(said ? LOG_DEBUG : LOG_WARNING,
             "Remote control and events: connection lost (%s). Trying again in %.2f "
             "seconds...",
             why, retry_s);
    w->announced_bus_loss |= !said;
}

static const struct bus_events bus_events = {on_control, on_event, on_up, on_down};

/* As Celery decides whether a worker's event dispatcher is there at all. */
static bool may_send_events(const struct config *c)
{
    return c->send_task_events || !c->without_gossip || !c->without_heartbeat;
}

int listening_create(struct worker *w, struct error *e)
{
    const struct config *c = w->config;
    unsigned hearing = (c->enable_remote_control ? BUS_CONTROL : 0u) |
                       (c->without_gossip ? 0u : BUS_WORKER_EVENTS);
    if (!hearing && !may_send_events(c))
        return 0;
    w->bus = redis_bus_create(&w->loop, c, hearing, &bus_events, w, e);
    return w->bus ? 0 : -e->code;
}
