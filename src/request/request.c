/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "../worker.h"
#include "follow.h"
#include "send.h"

#include "../../protocol/message.h"
#include "../../protocol/trace.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>

/* Memory goes back to the system once so few are left of at least so many requests. */
#define TRIM_FROM 20000
#define TRIM_BELOW 8

#define TO(s) (1u << (s))

static const struct {
    const char *name;
    unsigned allowed;
} states[RQ_STATES] = {
    [RQ_RECEIVED] = {"received", TO(RQ_WAITING) | TO(RQ_LIMITED) | TO(RQ_PARKED) |
                                     TO(RQ_CHECKING) | TO(RQ_READY) | TO(RQ_STORING) |
                                     TO(RQ_SETTLING)},
    [RQ_WAITING] = {"waiting", TO(RQ_LIMITED) | TO(RQ_CHECKING) | TO(RQ_READY) |
                                   TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_LIMITED] = {"limited",
                    TO(RQ_CHECKING) | TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_PARKED] = {"parked", TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_CHECKING] = {"checking", TO(RQ_READY) | TO(RQ_SETTLING)},
    [RQ_READY] = {"ready", TO(RQ_READY) | TO(RQ_GIVEN) | TO(RQ_STORING) |
                               TO(RQ_FOLLOWING) | TO(RQ_SETTLING)},
    [RQ_GIVEN] = {"given", TO(RQ_READY) | TO(RQ_RUNNING) | TO(RQ_WAITING) |
                               TO(RQ_LIMITED) | TO(RQ_PARKED) | TO(RQ_CHECKING) |
                               TO(RQ_STORING) | TO(RQ_FOLLOWING) | TO(RQ_SETTLING)},
    [RQ_RUNNING] = {"running", TO(RQ_READY) | TO(RQ_SENDING) | TO(RQ_STORING) |
                                   TO(RQ_FOLLOWING) | TO(RQ_PARKED) | TO(RQ_SETTLING)},
    [RQ_SENDING] = {"sending", TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_FOLLOWING) |
                                   TO(RQ_PARKED) | TO(RQ_SETTLING)},
    [RQ_STORING] = {"storing", TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_FOLLOWING) |
                                   TO(RQ_PARKED) | TO(RQ_SETTLING)},
    [RQ_FOLLOWING] = {"following",
                      TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_PARKED) | TO(RQ_SETTLING)},
    [RQ_SETTLING] = {"settling", 0},
};

const char *request_state_name(enum request_state state)
{
    return states[state].name;
}

void request_move(struct request *rq, enum request_state to)
{
    assert(states[rq->state].allowed & TO(to));
    if (log_wants(LOG_DEBUG))
        log_line(LOG_DEBUG, "%.*s: %s -> %s", (int)rq->id.n, rq->id.p,
                 states[rq->state].name, states[to].name);
    list_remove(&rq->link);
    rq->worker->counts[rq->state]--;
    rq->state = to;
    rq->worker->counts[to]++;
    list_push(&rq->worker->requests[to], &rq->link);
}

static struct str place(char **at, struct str s)
{
    char *p = *at;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    *at += s.n + 1;
    return (struct str){p, s.n};
}

static struct str trace_of(const struct message *m)
{
    struct trace t;
    trace_read(&t, m->headers);
    return t.parent;
}

static struct request *create(struct worker *w, const struct message *m,
                              struct str queue, struct str raw)
{
    struct str id = m->id, name = m->name, task = m->task, trace = trace_of(m);
    size_t strings = id.n + name.n + task.n + trace.n + queue.n + raw.n + 6;
    struct request *rq = malloc(sizeof(*rq) + strings);
    if (!rq)
        return NULL;
    *rq = (struct request){.worker = w};
    char *at = (char *)(rq + 1);
    rq->id = place(&at, id);
    rq->name = place(&at, name);
    rq->task = str_eq(name, task) ? rq->name : place(&at, task);
    rq->trace = trace.n > 0 ? place(&at, trace).p : NULL;
    rq->queue = place(&at, queue);
    rq->raw = place(&at, raw);
    list_init(&rq->delivery.held);
    list_push(&w->requests[RQ_RECEIVED], &rq->link);
    w->counts[RQ_RECEIVED]++;
    if (++w->nrequests > w->most_requests)
        w->most_requests = w->nrequests;
    return rq;
}

struct request *request_create(struct worker *w, const struct message *m,
                               struct str queue, struct str raw)
{
    return create(w, m, queue, raw);
}

struct request *request_create_bare(struct worker *w, struct str queue, struct str raw)
{
    static const struct message none = {.id = {"?", 1},
                                        .name = {"?", 1},
                                        .task = {"?", 1}};
    return create(w, &none, queue, raw);
}

bool request_reread(struct request *rq, const struct message *m, struct str raw)
{
    struct str trace = trace_of(m);
    char *block = malloc(m->id.n + m->name.n + m->task.n + trace.n + raw.n + 5);
    char *at = block;

    if (!block)
        return false;
    rq->id = place(&at, m->id);
    rq->name = place(&at, m->name);
    rq->task = place(&at, m->task);
    rq->trace = trace.n > 0 ? place(&at, trace).p : NULL;
    rq->raw = place(&at, raw);
    free(rq->reread);
    rq->reread = block;
    return true;
}

/* A million messages that waited for one ETA leave more than a gigabyte behind, which
 * the allocator would keep for ever. */
static void return_memory(struct worker *w)
{
    if (--w->nrequests > w->most_requests / TRIM_BELOW || w->most_requests < TRIM_FROM)
        return;
    w->most_requests = w->nrequests;
    malloc_trim(0);
}

void request_destroy(struct request *rq)
{
    struct worker *w = rq->worker;
    list_remove(&rq->link);
    w->counts[rq->state]--;
    send_forget(rq);
    follow_forget(rq);
    event_end_forget(rq);
    free(rq->burial);
    free(rq->retry);
    free(rq->reread);
    free(rq->call);
    free(rq->gauges);
    free(rq);
    return_memory(w);
}
