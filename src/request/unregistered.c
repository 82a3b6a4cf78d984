/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that no plugin has, and messages that only others can run: `unknown_tasks`.
 *
 *     requeue      held under a lease for 1, 2, 4 … 60 s, then put back for others;
 *                  after unknown_task_wait a dead letter
 *     reject       as Celery has it: fails with NotRegistered, its message is gone
 *     queue:NAME   its very bytes go to the back of that queue
 *
 * Each says so once per name of a task. */
#include "../worker.h"
#include "conclude.h"

#include <stdio.h>

/* Whoever waits for it, as a part of a chord, in a chain, is told. */
static void bury(struct request *rq, const char *reason)
{
    bool follows = !rq->row && conclude_is_wanted(rq, "FAILURE");
    if (follows && (rq->burial = strdup(reason)))
        outcome_unregistered(rq);
    else {
        event_task_rejected(rq, false);
        outcome_bury(rq, reason);
    }
}

void intake_park(struct request *rq, const char *what)
{
    struct worker *w = rq->worker;
    int64_t now = worker_now_us(w);
    int hold_s =
        unknown_hold_s(w->unknown, rq->id, now, w->config->unknown_task_wait_s);
    if (unknown_first_of(w->unknown, rq->task))
        log_line(LOG_ERROR,
                 "Received %s '%s': put back for other workers (said once per "
                 "name)",
                 what, rq->task.p);
    if (hold_s == UNKNOWN_FIRST_HOLD_S)
        parked_note_progress(w);
    if (hold_s < 0) {
        char reason[400];
        snprintf(reason, sizeof(reason), "%s %.200s: no worker took it within %.0f s",
                 what, rq->task.p, w->config->unknown_task_wait_s);
        log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR, "Task %s[%s] is a dead letter: %s",
                    rq->name.p, rq->id.p, reason);
        bury(rq, reason);
        return;
    }
    event_task_rejected(rq, true);
    intake_wait(rq, RQ_PARKED, now + hold_s * (int64_t)1000000);
}

static void reject(struct request *rq)
{
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Received unregistered task of type '%s'.\n"
                "The message has been ignored and discarded.\n\n"
                "Did you remember to import the module containing this task?\n"
                "Or maybe you're using relative imports?\n\n"
                "Please see\n"
                "https://docs.celeryq.dev/en/latest/internals/protocol.html\n"
                "for more information.\n\n"
                "The task's id is %s, its queue %s.\n"
                "KeyError: '%s'",
                rq->task.p, rq->id.p, rq->queue.p, rq->task.p);
    outcome_unregistered(rq);
}

/* To the queue that it comes from is no other place: then it waits. */
static void forward(struct request *rq, struct str queue, const char *what)
{
    if (str_eq(queue, rq->queue)) {
        intake_park(rq, what);
        return;
    }
    if (unknown_first_of(rq->worker->unknown, rq->task))
        log_line(LOG_ERROR, "Received %s '%s': moved to queue %s (said once per name)",
                 what, rq->task.p, queue.p);
    event_task_rejected(rq, true);
    outcome_forward(rq, queue);
}

void unregistered_task(struct request *rq)
{
    static const char what[] = "unregistered task of type";
    const char *how = rq->worker->config->unknown_tasks;
    if (strcmp(how, "reject") == 0)
        reject(rq);
    else if (strncmp(how, "queue:", 6) == 0)
        forward(rq, str_of(how + 6), what);
    else
        intake_park(rq, what);
}
