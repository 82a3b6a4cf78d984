/* SPDX-License-Identifier: Apache-2.0 */
/* slot_signal - signals that are meant for one task, and must not meet the next one.
 *
 * A child goes from one task to the next by itself when several wait in its socket. So
 * a signal that it hears (the soft limit, leaving a task out) carries the job's number,
 * and the child compares. One that ends it cannot be compared: a child that has more
 * than the one task is stopped first (SIGSTOP), what it has said by then is read, and
 * only if the task still runs does it get the signal. */
#ifndef PETIOLE_SLOT_SIGNAL_H
#define PETIOLE_SLOT_SIGNAL_H

#include "slot.h"

void slot_send_soft_limit(struct slot *s);
/* The child refuses the job, which is not started yet, with REFUSED_REVOKED. */
void slot_send_leave_out(struct slot *s, const struct request *rq);
/* Ends the running task with the signal; SIGKILL takes the whole process group. */
void slot_end_running(struct slot *s, int signum);
static inline bool slot_is_ending(const struct slot *s)
{
    return s->ending.signum != 0;
}
/* The slot's timer fired while it is ending something. */
void slot_look_at_ending(struct slot *s);

#endif
