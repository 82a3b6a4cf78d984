/* SPDX-License-Identifier: Apache-2.0 */
/* scaling - lets the autoscaler see the worker's tasks, and does what it decides. */
#ifndef PETIOLE_SCALING_H
#define PETIOLE_SCALING_H

#include "../worker.h"

/* How many children to start with. */
size_t scaling_first_size(const struct config *c);
/* Nothing without --autoscale. */
void scaling_start(struct worker *w);
/* Its bounds have changed: as Celery's Autoscaler.update. */
void scaling_fit(struct worker *w);
/* Every turn; came: there were new messages. */
void scaling_turn(struct worker *w, bool came);

#endif
