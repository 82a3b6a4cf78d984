/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a message that its child refused: nothing ran, and it is untouched.
 */
#include "../worker.h"
#include "conclude.h"
#include "revocation.h"

#include <stdio.h>

/* Celery tells nothing of what it cannot read; but it may have been told as received.
 */
static void bury(struct request *rq, const char *reason)
{
    if (rq->announced)
        event_task_rejected(rq, false);
    outcome_bury(rq, reason);
}

static void bury_refused(struct request *rq, const char *what, const char *why)
{
    char reason[500];
    snprintf(reason, sizeof(reason), "%s: %s", what, why);
    bury(rq, reason);
}

/* Whoever waits for the task is told; of a message without an id, nobody knows who. */
static void refused_bad_message(struct request *rq, const char *reason)
{
    log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                "Received invalid task message: %s (task %s[%s])%s", reason, rq->name.p,
                rq->id.p, rq->unread ? ". It is kept in petiole.dead." : "");
    if (rq->unread) {
        bury_refused(rq, "invalid task message", reason);
        return;
    }
    outcome_fail_text(rq, "FAILURE", "InvalidTaskError", "celery.exceptions", reason);
}

/* Nothing ran, and the message is untouched. */
void outcome_refused(void *ctx, struct request *rq, const struct frame_refused *f)
{
    char reason[400];
    (void)ctx;
    snprintf(reason, sizeof(reason), "%.*s", (int)f->text.n, f->text.p);
    if (rq->mode != TASK_RUN) {
        conclude_refused(rq, reason);
        return;
    }
    switch (f->reason) {
    case REFUSED_UNKNOWN:
        unregistered_task(rq);
        return;
    case REFUSED_HEADERS:
        intake_read(rq, f->text);
        return;
    case REFUSED_NOT_A_TASK:
        log_line(LOG_WARNING,
                 "Received and deleted unknown message.  Wrong destination?!? (%s) It "
                 "is kept in petiole.dead.",
                 reason);
        bury_refused(rq, "not a task message", reason);
        return;
    case REFUSED_UNDECODABLE:
        log_line_of(REQUEST_SUBJECT(rq), LOG_CRITICAL,
                    "Can't decode message body: %s (task %s[%s]). It is kept "
                    "in petiole.dead.",
                    reason, rq->name.p, rq->id.p);
        bury(rq, reason);
        return;
    case REFUSED_BAD_CONTENT:
        log_line_of(REQUEST_SUBJECT(rq), LOG_ERROR,
                    "Received invalid task message: %s (task %s[%s]). It is kept "
                    "in petiole.dead.",
                    reason, rq->name.p, rq->id.p);
        bury(rq, reason);
        return;
    case REFUSED_BAD_MESSAGE:
        refused_bad_message(rq, reason);
        return;
    case REFUSED_REVOKED:
        if (!revocation_drops(rq)) /* it was, when its child was told */
            outcome_revoked(rq, "revoked", NULL);
        return;
    }
}
