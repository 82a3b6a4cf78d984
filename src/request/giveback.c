/* SPDX-License-Identifier: Apache-2.0 */
#include "giveback.h"

#include "conclude.h"
#include "follow.h"

#include <stdlib.h>

struct pile {
    struct request **all;
    size_t n, room;
};

/* What is to be concluded has a child until the pool stops. */
static void add(void *ctx, struct request *rq)
{
    struct pile *pile = ctx;
    if (rq->mode != TASK_RUN && !rq->worker->pool_stopping)
        return;
    if (pile->n < pile->room)
        pile->all[pile->n++] = rq;
}

/* Tags count up as messages are taken. */
static int newest_first(const void *a, const void *b)
{
    uint64_t x = (*(struct request *const *)a)->delivery.tag;
    uint64_t y = (*(struct request *const *)b)->delivery.tag;
    return (x < y) - (x > y);
}

/* One that is CHECKING becomes READY once the backend has answered. */
static void collect(struct worker *w, struct pile *pile)
{
    static const enum request_state states[] = {RQ_RECEIVED, RQ_READY, RQ_WAITING,
                                                RQ_PARKED};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct list *all = &w->requests[states[i]];
        for (struct list *l = all->next; l != all; l = l->next)
            add(pile, list_entry(l, struct request, link));
    }
    if (w->throttle)
        throttle_each(w->throttle, add, pile);
}

static void give_back(struct worker *w, struct request *rq)
{
    if (rq->mode != TASK_RUN) {
        conclude_not(rq);
        return;
    }
    bool for_others = rq->state == RQ_PARKED;
    if (rq->state == RQ_WAITING || for_others)
        schedule_remove(&w->schedule, rq);
    outcome_put_back(rq, for_others ? BROKER_BACK : BROKER_FRONT,
                     !for_others || rq->requeued);
}

/* For another part that has claimed their chord. */
static void stop_waiting(struct worker *w)
{
    struct list *all = &w->requests[RQ_FOLLOWING], *next;
    for (struct list *l = all->next; l != all; l = next) {
        struct request *rq = list_entry(l, struct request, link);
        next = l->next;
        if (!follow_is_off_our_hands(rq) && follow_stop_waiting(rq))
            conclude_not(rq);
    }
}

void giveback_unstarted(struct worker *w)
{
    struct pile pile = {.room = w->counts[RQ_RECEIVED] + w->counts[RQ_READY] +
                                w->counts[RQ_WAITING] + w->counts[RQ_PARKED] +
                                w->counts[RQ_LIMITED]};
    /* Nothing older may follow: no message on its way, no task that is being killed. */
    if (!w->quiesced || (w->cold && !w->pool_stopped))
        return;
    stop_waiting(w);
    if (pile.room == 0)
        return;
    pile.all = malloc(pile.room * sizeof(struct request *));
    if (!pile.all)
        return; /* tried again at the next turn */
    collect(w, &pile);
    qsort(pile.all, pile.n, sizeof(struct request *), newest_first);
    for (size_t i = 0; i < pile.n; i++)
        give_back(w, pile.all[i]);
    free(pile.all);
}
