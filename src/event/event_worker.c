/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "../worker.h"

#include <math.h>
#include <stdlib.h>

#define FREQ_DEFAULT_S 2
#define FREQ_ASKED_S 5 /* what Celery says when asked for one */

static double freq_s(const struct events *ev)
{
    int64_t s = ev->worker->config->heartbeat_interval_s;
    return s > 0 ? (double)s : FREQ_DEFAULT_S;
}

/* "worker-online" goes with the routing key "worker.online". */
void events_publish(struct events *ev, struct str type, const struct wr *body)
{
    struct bus *b = ev->worker->bus;
    char key[128];
    if (body->bad || type.n >= sizeof(key)) {
        ev->dropped++;
        return;
    }
    for (size_t i = 0; i < type.n; i++)
        key[i] = type.p[i] == '-' ? '.' : type.p[i];
    events_flush(ev); /* in the order of their clocks */
    b->ops->send_event(b, (struct str){key, type.n}, wr_str(body), 1);
}

bool events_tell(const struct events *ev)
{
    return ev->worker->bus && !ev->finished;
}

/* ---- of its presence ---------------------------------------------------------- */

static void tell_presence(struct events *ev, const char *type)
{
    struct event_worker e = {.freq_s = freq_s(ev),
                             .active = ev->active,
                             .processed = ev->processed,
                             .sw_ident = STR("petiole"),
                             .sw_ver = STR(PTL_VERSION),
                             .sw_sys = STR("Linux")};
    struct wr body;
    if (getloadavg(e.loadavg, 3) != 3)
        e.loadavg[0] = e.loadavg[1] = e.loadavg[2] = 0;
    for (size_t i = 0; i < 3; i++)
        e.loadavg[i] = round(e.loadavg[i] * 100) / 100;
    struct event_head h = events_head(ev);
    wr_init(&body, EVENT_MAX_BYTES);
    event_write_worker(&body, &h, type, &e);
    events_publish(ev, str_of(type), &body);
    wr_finish(&body);
}

static void on_heartbeat(uv_timer_t *timer)
{
    struct events *ev = timer->data;
    if (events_tell(ev) && ev->online)
        tell_presence(ev, "worker-heartbeat");
}

void events_start(struct events *ev)
{
    uint64_t ms = (uint64_t)(freq_s(ev) * 1000);
    if (!ev->worker->config->without_heartbeat)
        uv_timer_start(&ev->heartbeat, on_heartbeat, ms, ms);
}

void events_bus_up(struct events *ev)
{
    if (!events_tell(ev) || ev->worker->config->without_heartbeat)
        return;
    ev->online = true;
    tell_presence(ev, "worker-online");
    events_start(ev);
}

void events_offline(struct events *ev)
{
    if (events_tell(ev)) {
        events_flush(ev);
        if (ev->online)
            tell_presence(ev, "worker-offline");
    }
    uv_timer_stop(&ev->heartbeat);
    ev->finished = true;
}

/* ---- others ------------------------------------------------------------------- */

void events_send_heartbeat(struct events *ev)
{
    char fields[300];
    snprintf(fields, sizeof(fields),
             "\"freq\": %d, \"sw_ident\": \"petiole\", \"sw_ver\": \"" PTL_VERSION
             "\", \"sw_sys\": \"Linux\"",
             FREQ_ASKED_S);
    events_send_worker(ev, "worker-heartbeat", str_of(fields));
}

void events_send_worker(struct events *ev, const char *type, struct str fields)
{
    struct wr body;
    if (!events_tell(ev))
        return;
    struct event_head h = events_head(ev);
    wr_init(&body, EVENT_MAX_BYTES);
    event_write_other(&body, &h, str_of(type), STR(""), fields);
    events_publish(ev, str_of(type), &body);
    wr_finish(&body);
}
