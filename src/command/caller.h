/* SPDX-License-Identifier: Apache-2.0 */
/* caller - what a command has called is published. */
#ifndef PETIOLE_CALLER_H
#define PETIOLE_CALLER_H

#include "../request/caller.h"
#include "results.h"

/* All that was sent, in its order; `results` may be NULL if nothing needs it. False
 * after saying why. */
bool caller_publish(struct caller *c, struct client *broker, struct results *results);

#endif
