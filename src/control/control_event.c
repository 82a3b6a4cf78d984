/* SPDX-License-Identifier: Apache-2.0 */
/* Events, the clock, and being there at all. */
#include "control.h"

static void ping(struct control_call *c)
{
    control_ok(c, "pong");
}

static void tell_clock(struct control_call *c)
{
    wr_printf(c->reply, "{\"clock\": %llu}", (unsigned long long)c->worker->clock);
}

static void enable_events(struct control_call *c)
{
    if (!events_enable(&c->worker->events, true)) {
        control_ok(c, "task events already enabled");
        return;
    }
    log_line(LOG_INFO, "Events of group {task} enabled by remote.");
    control_ok(c, "task events enabled");
}

static void disable_events(struct control_call *c)
{
    if (!events_enable(&c->worker->events, false)) {
        control_ok(c, "task events already disabled");
        return;
    }
    log_line(LOG_INFO, "Events of group {task} disabled by remote.");
    control_ok(c, "task events disabled");
}

static void heartbeat(struct control_call *c)
{
    log_line(LOG_DEBUG, "Heartbeat requested by remote.");
    events_send_heartbeat(&c->worker->events);
}

const struct control_command control_event_commands[] = {
    {.name = "ping", .arguments = "*", .run = ping},
    {.name = "clock", .arguments = "*", .run = tell_clock},
    {.name = "enable_events", .arguments = "", .run = enable_events},
    {.name = "disable_events", .arguments = "", .run = disable_events},
    {.name = "heartbeat", .arguments = "", .run = heartbeat},
    {0},
};
