/* SPDX-License-Identifier: Apache-2.0 */
/* autoscale - how many children there should be: --autoscale=MAX,MIN, as
 * celery.worker.autoscale decides.
 *
 * As many as there are tasks to run, at most MAX, are started at once; down to MIN they
 * are stopped when for AUTOSCALE_KEEPALIVE seconds (30) no task came and none was
 * started. Only idle children are stopped.
 *
 * Times are milliseconds of a clock that is never set back. */
#ifndef PETIOLE_AUTOSCALE_H
#define PETIOLE_AUTOSCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTOSCALE_KEEPALIVE_S 30

struct autoscale {
    size_t max, min;
    int64_t keepalive_ms;
    int64_t last_active_ms; /* when it last grew, or a task came; less than 0: never */
};

/* "10,3" or "3,10", or "10" with a MIN of 0. */
bool autoscale_parse(const char *text, int64_t *max, int64_t *min);
/* The keepalive from the environment, where it is a number. */
void autoscale_init(struct autoscale *a, size_t max, size_t min);
static inline void autoscale_task_came(struct autoscale *a, int64_t now_ms)
{
    a->last_active_ms = now_ms;
}
/* How many to start (more than 0) or to stop (less), with `children` there and `tasks`
 * reserved or running. */
int autoscale_decide(struct autoscale *a, size_t children, size_t tasks,
                     int64_t now_ms);

#endif
