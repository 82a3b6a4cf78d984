/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "../worker.h"

void events_init(struct events *ev, struct worker *w)
{
    *ev = (struct events){.worker = w, .tasks_on = w->config->send_task_events};
    wr_init(&ev->batch, 1 << 20);
    uv_timer_init(&w->loop, &ev->heartbeat);
    ev->heartbeat.data = ev;
}

void events_start(struct events *ev)
{
    (void)ev;
}

void events_bus_up(struct events *ev)
{
    (void)ev;
}

void events_flush(struct events *ev)
{
    (void)ev;
}

void events_finish(struct events *ev)
{
    wr_finish(&ev->batch);
}

bool events_enable(struct events *ev, bool on)
{
    bool changed = ev->tasks_on != on;
    ev->tasks_on = on;
    return changed;
}
