/* SPDX-License-Identifier: Apache-2.0 */
/* giveback - what has not started returns to its queue when the worker stops. */
#ifndef PETIOLE_GIVEBACK_H
#define PETIOLE_GIVEBACK_H

#include "../worker.h"

/* Everything not started goes back, so that the queue is as if none of it had been
 * taken: the newest first, each to the front, and the oldest is the next to be taken
 * again. Only once nothing more arrives (w->quiesced): what a fetch in flight still
 * brings is the newest of all. What waits for others to run goes to the end. */
void giveback_unstarted(struct worker *w);

#endif
