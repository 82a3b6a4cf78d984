/* SPDX-License-Identifier: Apache-2.0 */
/* Puts parked messages back before their time when there are too many of them. */
#include "parked.h"

#include "../worker.h"

void parked_init(struct worker *w)
{
    uv_timer_init(&w->loop, &w->parked.timer);
    w->parked.timer.data = w;
    w->parked.room = PARKED_ROOM_PER_TURN;
    w->parked.progress = true;
}

void parked_note_progress(struct worker *w)
{
    w->parked.progress = true;
}

/* The turn that follows makes room. */
static void on_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    w->parked.room = PARKED_ROOM_PER_TURN;
    w->parked.progress = false;
}

/* States' lists are in the order of arrival. A task that is slowed because it asks for
 * its requeue again and again keeps its pause, which is short. */
static struct request *held_longest(struct worker *w)
{
    struct list *parked = &w->requests[RQ_PARKED];
    for (struct list *l = parked->next; l != parked; l = l->next) {
        struct request *rq = list_entry(l, struct request, link);
        if (!rq->requeued)
            return rq;
    }
    return NULL;
}

/* Something new that comes while the timer runs slowly need not wait so long. */
static void arm(struct parked *p)
{
    bool idle = !p->progress;
    if (uv_is_active((uv_handle_t *)&p->timer) && (idle || !p->idle))
        return;
    p->idle = idle;
    uv_timer_start(&p->timer, on_timer, idle ? PARKED_IDLE_TURN_MS : PARKED_TURN_MS, 0);
}

void parked_make_room(struct worker *w)
{
    struct request *rq;
    if (w->state >= WORKER_STOPPING || w->counts[RQ_PARKED] <= PARKED_MAX)
        return;
    while (w->counts[RQ_PARKED] > PARKED_MAX && w->parked.room > 0 &&
           (rq = held_longest(w))) {
        schedule_remove(&w->schedule, rq);
        outcome_put_back(rq, BROKER_BACK, false);
        w->parked.room--;
    }
    arm(&w->parked);
}
