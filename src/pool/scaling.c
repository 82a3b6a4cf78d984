/* SPDX-License-Identifier: Apache-2.0 */
#include "scaling.h"

/* Without a child nobody would know the tasks: one is there even with a MIN of 0. */
size_t scaling_first_size(const struct config *c)
{
    if (c->autoscale_max == 0)
        return (size_t)c->concurrency;
    return c->autoscale_min > 0 ? (size_t)c->autoscale_min : 1;
}

/* Celery's reserved requests: on their way to a child, or running. */
static size_t reserved(const struct worker *w)
{
    return w->counts[RQ_CHECKING] + w->counts[RQ_READY] + w->counts[RQ_GIVEN] +
           w->counts[RQ_RUNNING];
}

static void scale_by(struct worker *w, int by)
{
    if (w->state != WORKER_RUNNING || by == 0)
        return;
    log_line(LOG_INFO, "Scaling %s %d processes.", by > 0 ? "up" : "down",
             by > 0 ? by : -by);
    if (by > 0)
        pool_grow(w->pool, (size_t)by);
    else if (pool_shrink(w->pool, (size_t)-by) < (size_t)-by)
        log_line(LOG_DEBUG, "Autoscaler won't scale down: all processes busy.");
}

static void scale(struct worker *w)
{
    scale_by(w, autoscale_decide(&w->autoscale, pool_size(w->pool), reserved(w),
                                 (int64_t)uv_now(&w->loop)));
}

void scaling_fit(struct worker *w)
{
    size_t size = pool_size(w->pool);
    if (size > w->autoscale.max)
        scale_by(w, -(int)(size - w->autoscale.max));
    size = pool_size(w->pool);
    if (size < w->autoscale.min)
        scale_by(w, (int)(w->autoscale.min - size));
}

static void on_timer(uv_timer_t *timer)
{
    scale(timer->data);
}

void scaling_start(struct worker *w)
{
    const struct config *c = w->config;
    if (c->autoscale_max == 0)
        return;
    autoscale_init(&w->autoscale, (size_t)c->autoscale_max,
                   c->autoscale_min > 0 ? (size_t)c->autoscale_min : 1);
    uv_timer_start(&w->scale_timer, on_timer, (uint64_t)w->autoscale.keepalive_ms,
                   (uint64_t)w->autoscale.keepalive_ms);
}

void scaling_turn(struct worker *w, bool came)
{
    if (!came || w->config->autoscale_max == 0)
        return;
    autoscale_task_came(&w->autoscale, (int64_t)uv_now(&w->loop));
    scale(w);
}
