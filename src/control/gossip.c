/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip_parts.h"

#include "../clock.h"
#include "control.h"

#include <math.h>
#include <stdlib.h>

#define INTERVAL_MS 5000 /* Celery's Gossip */

static void on_timer(uv_timer_t *timer)
{
    struct gossip *g = timer->data;
    struct bus *b = g->worker->bus;
    peers_look(&g->peers, (int64_t)uv_now(timer->loop), !b || !b->up);
}

struct gossip *gossip_create(struct worker *w)
{
    struct gossip *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->worker = w;
    peers_init(&g->peers);
    elections_init(&g->elections, g, &w->loop);
    elected_init(&g->elected, w);
    uv_timer_init(&w->loop, &g->timer);
    g->timer.data = g;
    uv_timer_start(&g->timer, on_timer, INTERVAL_MS, INTERVAL_MS);
    return g;
}

void gossip_destroy(struct gossip *g)
{
    if (!g)
        return;
    elected_finish(&g->elected);
    elections_finish(&g->elections);
    peers_finish(&g->peers);
    free(g);
}

/* ---- an event ------------------------------------------------------------------- */

static double number(const ptl_value *v)
{
    double d = value_kind(v) == PTL_FLOAT ? v->u.d
               : value_kind(v) == PTL_INT ? (double)v->u.i
                                          : 0;
    return isfinite(d) ? d : 0;
}

static void hear_peer(struct gossip *g, struct str hostname, const ptl_value *event)
{
    struct worker *w = g->worker;
    const struct peer_event e = {.hostname = hostname,
                                 .type = value_as_str(value_get(event, "type")),
                                 .freq_s = number(value_get(event, "freq")),
                                 .timestamp_s = number(value_get(event, "timestamp"))};
    int64_t seen = value_as_int(value_get(event, "clock"), 0);
    clock_adjust(&w->clock, seen > 0 ? (uint64_t)seen : 0);
    if (e.type.n > 7 && memcmp(e.type.p, "worker-", 7) == 0)
        peers_note(&g->peers, &e, (int64_t)uv_now(&w->loop));
}

static void hear(struct gossip *g, const struct bus_message *m, const ptl_value *event)
{
    struct str type = value_as_str(value_get(event, "type"));
    struct str hostname = value_as_str(value_get(m->headers, "hostname"));
    if (hostname.n == 0)
        hostname = value_as_str(value_get(event, "hostname"));
    if (str_is(type, "worker-elect"))
        election_candidate(g, event);
    else if (str_is(type, "worker-elect-ack"))
        election_ack(g, event);
    else if (str_is(hostname, g->worker->config->hostname))
        clock_forward(&g->worker->clock);
    else
        hear_peer(g, hostname, event);
}

void gossip_heard(struct worker *w, const struct bus_message *m)
{
    if (!w->gossip || w->state >= WORKER_STOPPING)
        return;
    if (value_kind(m->body) == PTL_MAP)
        hear(w->gossip, m, m->body);
    for (size_t i = 0; value_kind(m->body) == PTL_LIST && i < value_len(m->body); i++)
        hear(w->gossip, m, value_at(m->body, i));
}

const struct control_command control_gossip_commands[] = {
    {.name = "election", .arguments = "id topic [action] *", .run = election_hold},
    {0},
};
