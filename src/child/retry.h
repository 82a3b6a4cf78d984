/* SPDX-License-Identifier: Apache-2.0 */
/* retry - when a task runs again, and when no more (Task.retry, celery.app.autoretry).
 */
#ifndef PETIOLE_RETRY_H
#define PETIOLE_RETRY_H

#include "task.h"

/* Celery's get_exponential_backoff_interval: factor, twice it, four times it …, at most
 * max_s (0: 600); with jitter anything from zero to that, as `random` falls. */
uint64_t retry_backoff_s(uint32_t factor, int64_t retries, uint32_t max_s,
                         bool has_jitter, uint64_t random);
/* Whether `except` with these kinds, separated by spaces or NULL, would catch it. */
bool retry_kind_among(const struct ptl_task *t, const char *kind, const char *kinds);

/* Fills what is not as it was: headers, properties, eta, and *body, a copy of the
 * task's. False if there is no memory. */
bool retry_differs(struct ptl_task *t, const ptl_options *o, struct message_retry *r,
                   struct message_body *body);

#endif
