/* SPDX-License-Identifier: Apache-2.0 */
/* prefetch - how many more messages may be taken, as Celery's QoS counts them. */
#ifndef PETIOLE_PREFETCH_H
#define PETIOLE_PREFETCH_H

#include "../worker.h"

/* Tells the broker, once a turn. */
void prefetch_tell(struct worker *w);
/* How many messages it may hold that are not done with: Celery's prefetch_count, with
 * those that wait for their eta. 0: no limit. */
size_t prefetch_count(const struct worker *w);
/* The connection was lost: until the tasks that run now have ended, less is taken
 * (worker_enable_prefetch_count_reduction), and late ones may be ended
 * (worker_cancel_long_running_tasks_on_connection_loss). */
void prefetch_connection_lost(struct worker *w);

#endif
