/* SPDX-License-Identifier: Apache-2.0 */
/* conclude - a child makes what follows from an outcome that no child told of: the
 * parent's own (revoked, expired, lost, past its hard limit, unregistered), one that is
 * stored from before the message was delivered again, one whose child died behind DONE.
 * It is given the message and the outcome, runs nothing, and answers with effects.
 *
 *     outcome known ──▶ READY ──▶ GIVEN ──▶ RUNNING ──DONE──▶ STORING ──▶ FOLLOWING
 *                         ▲                                                   │
 *                         └── its child died; or a chord is complete: join ◀──┘
 *
 * A message that asks for nothing (message_may_have_workflow) takes the short way, past
 * the children. So does one that no child can take any more, as the worker stops: if it
 * is not acknowledged it goes back to its queue, else the log says what is left out. */
#ifndef PETIOLE_CONCLUDE_H
#define PETIOLE_CONCLUDE_H

#include "request.h"

/* A child that dies so often of concluding one message has died of the message. */
#define CONCLUDE_DEATHS_MAX 3

/* Something may follow from this status, and a child may be there to tell what. */
bool conclude_is_wanted(const struct request *rq, const char *status);
/* Some request here may need a child yet. */
bool conclude_may_be_needed(struct worker *w);
/* READY for a child that concludes this outcome: the parent's document in JSON, or one
 * as it is stored. False without memory. */
bool conclude_with(struct request *rq, struct str outcome, bool stored);
/* DONE's document, until all that follows is told. */
void conclude_keep(struct request *rq, struct str meta);
/* Once more; what was told so far was dropped. */
void conclude_again(struct request *rq);
/* The next chord that is complete. */
void conclude_join(struct request *rq);
/* No child will. */
void conclude_not(struct request *rq);

/* What the child says of it. */
void conclude_done(struct request *rq, const struct frame_done *f);
void conclude_lost(struct request *rq);
void conclude_refused(struct request *rq, const char *reason);

/* Reads the stored outcome of a message that was delivered again, and concludes it. */
void conclude_stored(struct request *rq);

#endif
