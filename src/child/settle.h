/* SPDX-License-Identifier: Apache-2.0 */
/* settle - from how a handler ended to what is stored of it, and what follows. */
#ifndef PETIOLE_SETTLE_H
#define PETIOLE_SETTLE_H

#include "job.h"

/* After task_run: fills the verdict, `meta`, `retry` and the follow-ups. */
void settle_outcome(struct job *j);
/* Instead of running: what follows from an outcome that the parent knows. */
void settle_concluded(struct job *j, const struct frame_task *f);
/* Instead of running: the body of the chord that the part completed, or its end. */
void settle_joined(struct job *j, const struct frame_task *f);
/* Says so if follow-ups are missing. */
void settle_complain(struct job *j);

#endif
