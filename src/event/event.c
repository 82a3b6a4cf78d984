/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "../clock.h"
#include "../worker.h"

#include <time.h>

/* Tracebacks may be long; a batch that already is goes first. */
#define BATCH_MAX_BYTES ((size_t)8 << 20)
#define BATCH_FULL_BYTES ((size_t)256 << 10)

void events_init(struct events *ev, struct worker *w)
{
    *ev = (struct events){.worker = w, .tasks_on = w->config->send_task_events};
    ev->utcoffset_minute = -1;
    wr_init(&ev->batch, BATCH_MAX_BYTES);
    uv_timer_init(&w->loop, &ev->heartbeat);
    ev->heartbeat.data = ev;
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

/* ---- who, and when ------------------------------------------------------------ */

/* Summer time comes while the worker runs. */
static double utcoffset_h(struct events *ev, int64_t now_us)
{
    time_t now = (time_t)(now_us / 1000000);
    struct tm tm;
    if (now / 60 != ev->utcoffset_minute && localtime_r(&now, &tm)) {
        ev->utcoffset_minute = now / 60;
        ev->utcoffset_h = (double)-tm.tm_gmtoff / 3600;
    }
    return ev->utcoffset_h;
}

struct event_head events_head(struct events *ev)
{
    struct worker *w = ev->worker;
    int64_t now_us = worker_now_us(w);
    return (struct event_head){.hostname = str_of(w->config->hostname),
                               .utcoffset_h = utcoffset_h(ev, now_us),
                               .pid = uv_os_getpid(),
                               .clock = clock_forward(&w->clock),
                               .timestamp_us = now_us};
}

/* ---- the batch ---------------------------------------------------------------- */

bool events_want(const struct events *ev, const struct request *rq)
{
    return ev->tasks_on && ev->worker->bus && !ev->finished &&
           (!rq->row || rq->row->attributes.send_events) && !str_is(rq->id, "?");
}

struct wr *events_begin(struct request *rq, struct event_head *h)
{
    struct events *ev = &rq->worker->events;
    if (!events_want(ev, rq))
        return NULL;
    if (ev->batch.len > BATCH_FULL_BYTES)
        events_flush(ev);
    *h = events_head(ev);
    ev->begun = ev->batch.len;
    wr_put(&ev->batch, ev->nbatch > 0 ? STR(", ") : STR("["));
    return &ev->batch;
}

void events_end(struct events *ev)
{
    if (ev->batch.bad) { /* no memory for it, or far too long */
        ev->batch.len = ev->begun;
        ev->batch.bad = false;
        ev->dropped++;
        return;
    }
    if (++ev->nbatch >= EVENT_BATCH)
        events_flush(ev);
}

void events_flush(struct events *ev)
{
    struct bus *b = ev->worker->bus;
    if (ev->nbatch == 0)
        return;
    wr_u8(&ev->batch, ']');
    if (ev->batch.bad)
        ev->dropped += ev->nbatch;
    else
        b->ops->send_event(b, STR("task.multi"), wr_str(&ev->batch), ev->nbatch);
    ev->nbatch = 0;
    if (ev->batch.cap > BATCH_FULL_BYTES * 2)
        wr_finish(&ev->batch);
    wr_reset(&ev->batch);
}
