/* SPDX-License-Identifier: Apache-2.0 */
/* queue - the queues of task_queues, and which of them this worker takes from.
 *
 * As Celery's Queues: a queue without an exchange is bound to the default one; -Q picks
 * from the table and, with task_create_missing_queues, adds what it lacks, each with a
 * direct exchange and a routing key of its own name; -X takes away. The table also
 * serves whoever publishes to a queue by its name. */
#ifndef PETIOLE_QUEUE_H
#define PETIOLE_QUEUE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_NAME_MAX 250 /* bytes */

struct config;

struct queue {
    char *name, *exchange, *exchange_type, *routing_key; /* never NULL */
    int64_t expires_ms; /* x-expires: idle lists vanish after it; 0: never */
};

struct queue_table {
    struct queue *all; /* first those to take from, in their order */
    size_t n, taken;   /* all; those to take from */
};

/* From task_queues, task_default_…, -Q and -X. Returns 0, or -EINVAL with one line in
 * *e. Either way queue_table_finish frees it. */
int queue_table_read(struct queue_table *t, const struct config *c, struct error *e);
void queue_table_finish(struct queue_table *t);
/* 0, or -EINVAL: a name that cannot be one, or an exchange type that is not taken from.
 * All but the name must be there. */
int queue_check(const struct queue *q, struct error *e);
const struct queue *queue_find(const struct queue_table *t, const char *name);

#endif
