/* SPDX-License-Identifier: Apache-2.0 */
#include "prefetch.h"

#include "parked.h"

#include <signal.h>

#define WANT_MAX 4096 /* with a prefetch multiplier of 0 */
/* Messages that are held but not counted: beyond these they are, and taking pauses. */
#define LIMITED_MAX 1000
#define WAITING_MAX 1000000

static size_t beyond(size_t n, size_t most)
{
    return n > most ? n - most : 0;
}

static size_t less(size_t n, size_t m)
{
    return n > m ? n - m : 0;
}

static size_t children(const struct worker *w)
{
    return w->config->autoscale_max > 0 ? w->autoscale.max : pool_size(w->pool);
}

/* It was acknowledged early, or another worker has it. */
static bool is_off_our_hands(const struct request *rq)
{
    return rq->settled || rq->delivery.settling;
}

/* Neither those that wait for their eta nor those acknowledged early. Outcomes that
 * wait for the backend do count, so that a lost backend stops the taking; what the
 * broker was told to settle is its own to count. */
static size_t held(const struct worker *w, size_t *outlived)
{
    size_t n = 0;
    for (unsigned s = 0; s < RQ_STATES; s++)
        if (s != RQ_WAITING && s != RQ_LIMITED && s != RQ_PARKED && s != RQ_RUNNING &&
            s != RQ_SETTLING)
            n += w->counts[s];
    *outlived = 0;
    for (struct list *l = w->requests[RQ_RUNNING].next; l != &w->requests[RQ_RUNNING];
         l = l->next) {
        const struct request *rq = list_entry(l, struct request, link);
        n += !is_off_our_hands(rq);
        *outlived += rq->outlived;
    }
    return n + beyond(w->counts[RQ_PARKED], PARKED_MAX) +
           beyond(w->counts[RQ_LIMITED], LIMITED_MAX) +
           beyond(w->counts[RQ_WAITING], WAITING_MAX);
}

static size_t reduced_limit(struct worker *w, size_t limit, size_t outlived)
{
    size_t multiplier = (size_t)w->config->prefetch_multiplier;
    size_t reduced = less(limit, outlived * multiplier);
    if (!w->prefetch_reduced)
        return limit;
    if (outlived == 0) {
        w->prefetch_reduced = false;
        log_line(LOG_INFO,
                 "Resuming normal operations following a restart.\nPrefetch count has "
                 "been restored to the maximum of %zu",
                 limit);
    }
    return reduced > multiplier ? reduced : multiplier;
}

/* As many as there are children, whether they run or wait. */
static size_t without_prefetch(const struct worker *w, size_t n)
{
    size_t settled = 0;
    for (struct list *l = w->requests[RQ_RUNNING].next; l != &w->requests[RQ_RUNNING];
         l = l->next)
        settled += is_off_our_hands(list_entry(l, struct request, link));
    return less(children(w), n + settled);
}

/* With worker_eta_task_limit the messages with an ETA count, too, up to that limit or
 * the ordinary one, whichever is larger. */
static size_t within_eta_limit(const struct worker *w, size_t limit, size_t n)
{
    size_t most = (size_t)w->config->eta_task_limit;
    return less(most > limit ? most : limit, n + w->counts[RQ_WAITING]);
}

size_t prefetch_count(const struct worker *w)
{
    size_t limit = children(w) * (size_t)w->config->prefetch_multiplier;
    return limit ? limit + w->counts[RQ_WAITING] : 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t more(struct worker *w)
{
    size_t outlived, n = held(w, &outlived);
    size_t multiplier = (size_t)w->config->prefetch_multiplier;
    size_t limit = children(w) * multiplier;
    limit = multiplier == 0 ? WANT_MAX : reduced_limit(w, limit, outlived);
    size_t want = less(limit, n);
    if (w->config->eta_task_limit > 0)
        want = least(want, within_eta_limit(w, limit, n));
    return w->config->disable_prefetch ? least(want, without_prefetch(w, n)) : want;
}

void prefetch_tell(struct worker *w)
{
    bool taking =
        w->state == WORKER_RUNNING || (w->state == WORKER_STARTING && w->pool_ready);
    w->broker->ops->want(w->broker, taking ? more(w) : 0);
}

static void reduce(struct worker *w)
{
    size_t multiplier = (size_t)w->config->prefetch_multiplier;
    size_t limit = children(w) * multiplier, active = w->counts[RQ_RUNNING];
    size_t reduced = less(limit, active * multiplier);
    if (active == 0 || multiplier == 0)
        return;
    w->prefetch_reduced = true;
    log_line(
        LOG_INFO,
        "Temporarily reducing the prefetch count to %zu to avoid over-fetching "
        "since %zu tasks are currently being processed.\nThe prefetch count will be "
        "gradually restored to %zu as the tasks complete processing.",
        reduced > multiplier ? reduced : multiplier, active, limit);
}

void prefetch_connection_lost(struct worker *w)
{
    struct list *running = &w->requests[RQ_RUNNING], *next;
    for (struct list *l = running->next; l != running; l = next) {
        struct request *rq = list_entry(l, struct request, link);
        next = l->next;
        rq->outlived = true;
        if (!w->config->cancel_on_connection_loss || !rq->acks_late || rq->settled ||
            rq->mode != TASK_RUN)
            continue;
        log_line_of(
            REQUEST_SUBJECT(rq), LOG_WARNING,
            "Task %s[%s] cannot be acknowledged after a connection loss since late "
            "acknowledgement is enabled for it.\nTerminating it instead.",
            rq->name.p, rq->id.p);
        rq->cancelled = true;
        pool_terminate(w->pool, rq, SIGTERM);
    }
    if (w->config->prefetch_count_reduction)
        reduce(w);
}
