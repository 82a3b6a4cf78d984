/* SPDX-License-Identifier: Apache-2.0 */
/* What a task's end will be told as, from when it is known until it is stored. */
#include "event.h"

#include "../worker.h"

#include <stdlib.h>

void event_end_forget(struct request *rq)
{
    free(rq->end.text);
    rq->end = (struct event_end){0};
}

/* Of a success only those who listen want more than its runtime; of a failure the
 * metrics know the kind, and the status page shows it. */
static void keep(struct request *rq, struct str text, struct str traceback)
{
    struct event_end *e = &rq->end;
    char *at = malloc(text.n + traceback.n + 1);
    if (!at)
        return; /* it is told without */
    e->text = at;
    e->text_bytes = text.p ? text.n : 0;
    if (text.p)
        str_copy_to(&at, text);
    e->has_traceback = traceback.p != NULL;
    e->traceback_bytes = traceback.n;
    if (traceback.p)
        str_copy_to(&at, traceback);
}

void event_end_succeeded(struct request *rq, struct str result_repr, double runtime_s)
{
    event_end_forget(rq);
    rq->end.kind = END_SUCCEEDED;
    rq->end.runtime_s = runtime_s;
    if (events_want(&rq->worker->events, rq))
        keep(rq, result_repr, (struct str){0});
}

void event_end_failed(struct request *rq, struct str exception_repr,
                      struct str traceback)
{
    event_end_forget(rq);
    rq->end.kind = END_FAILED;
    keep(rq, exception_repr, traceback);
}

void event_end_retried(struct request *rq, struct str exception_repr,
                       struct str traceback)
{
    event_end_forget(rq);
    rq->end.kind = END_RETRIED;
    if (events_want(&rq->worker->events, rq))
        keep(rq, exception_repr, traceback);
}

void event_end_revoked(struct request *rq, bool terminated, bool expired)
{
    event_end_forget(rq);
    rq->end.kind = END_REVOKED;
    rq->end.terminated = terminated;
    rq->end.expired = expired;
}

void event_end_also_rejected(struct request *rq, bool requeue, bool first)
{
    rq->end.rejected = first ? END_REJECTED_FIRST : END_REJECTED_LAST;
    rq->end.requeue = requeue;
}

static void tell(struct request *rq, const struct event_end *e, struct str text,
                 struct str traceback)
{
    switch (e->kind) {
    case END_NOT_KNOWN:
        return;
    case END_SUCCEEDED:
        event_task_succeeded(rq, text, e->runtime_s);
        return;
    case END_FAILED:
        event_task_failed(rq, text, traceback);
        return;
    case END_RETRIED:
        event_task_retried(rq, text, traceback);
        return;
    case END_REVOKED:
        event_task_revoked(rq, e->terminated, e->terminated ? rq->terminate_signal : 0,
                           e->expired);
        return;
    }
}

void event_end_tell(struct request *rq)
{
    struct event_end e = rq->end;
    rq->end = (struct event_end){0};
    struct str text = {e.text ? e.text : "", e.text_bytes};
    struct str traceback = {e.has_traceback ? e.text + e.text_bytes : NULL,
                            e.traceback_bytes};
    if (e.rejected == END_REJECTED_FIRST)
        event_task_rejected(rq, e.requeue);
    tell(rq, &e, text, traceback);
    if (e.rejected == END_REJECTED_LAST)
        event_task_rejected(rq, e.requeue);
    free(e.text);
}
