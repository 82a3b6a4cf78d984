/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "worker.h"

#include "../protocol/message.h"

#include <assert.h>
#include <stdlib.h>

#define TO(s) (1u << (s))

static const struct {
    const char *name;
    unsigned allowed;
} states[RQ_STATES] = {
    [RQ_RECEIVED] = {"received", TO(RQ_WAITING) | TO(RQ_PARKED) | TO(RQ_CHECKING) |
                                     TO(RQ_READY) | TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_WAITING] = {"waiting", TO(RQ_CHECKING) | TO(RQ_READY) | TO(RQ_SETTLING)},
    [RQ_PARKED] = {"parked", TO(RQ_SETTLING)},
    [RQ_CHECKING] = {"checking", TO(RQ_READY) | TO(RQ_SETTLING)},
    [RQ_READY] = {"ready", TO(RQ_GIVEN) | TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_GIVEN] = {"given", TO(RQ_READY) | TO(RQ_RUNNING) | TO(RQ_PARKED) |
                               TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_RUNNING] = {"running", TO(RQ_STORING) | TO(RQ_SETTLING)},
    [RQ_STORING] = {"storing", TO(RQ_STORING) | TO(RQ_SETTLING)},
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

static struct request *create(struct worker *w, struct str id, struct str name,
                              struct str task, struct str queue, struct str raw)
{
    size_t strings = id.n + name.n + task.n + queue.n + raw.n + 5;
    struct request *rq = malloc(sizeof(*rq) + strings);
    if (!rq)
        return NULL;
    *rq = (struct request){.worker = w};
    char *at = (char *)(rq + 1);
    rq->id = place(&at, id);
    rq->name = place(&at, name);
    rq->task = str_eq(name, task) ? rq->name : place(&at, task);
    rq->queue = place(&at, queue);
    rq->raw = place(&at, raw);
    list_init(&rq->delivery.held);
    list_push(&w->requests[RQ_RECEIVED], &rq->link);
    w->counts[RQ_RECEIVED]++;
    return rq;
}

struct request *request_create(struct worker *w, const struct message *m,
                               struct str queue, struct str raw)
{
    return create(w, m->id, m->name, m->task, queue, raw);
}

struct request *request_create_bare(struct worker *w, struct str queue, struct str raw)
{
    return create(w, STR("?"), STR("?"), STR("?"), queue, raw);
}

void request_destroy(struct request *rq)
{
    list_remove(&rq->link);
    rq->worker->counts[rq->state]--;
    free(rq->burial);
    free(rq->retry);
    free(rq);
}
