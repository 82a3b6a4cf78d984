/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of metrics.h, for the files that keep and write it. */
#ifndef PETIOLE_METRICS_PARTS_H
#define PETIOLE_METRICS_PARTS_H

#include "label.h"
#include "metrics.h"
#include "series.h"

#define METRICS_TASK_KINDS (METRICS_RETRIED + 1)
#define METRICS_RUNTIME_BUCKETS 14 /* prometheus_client's, without +Inf */

/* The numbers of one task's name and queue: how often each thing happened, then the
 * histogram of its runtime: one for each bucket alone, those beyond, and the sum. */
#define METRICS_RUNTIME_AT METRICS_TASK_KINDS
#define METRICS_RUNTIME_SUM (METRICS_RUNTIME_AT + METRICS_RUNTIME_BUCKETS + 1)
#define METRICS_TASK_VALUES (METRICS_RUNTIME_SUM + 1)

extern const double metrics_runtime_buckets[METRICS_RUNTIME_BUCKETS];

struct metrics_failure {
    int64_t at_us; /* 0: none yet */
    char name[LABEL_BYTES + 1], id[64], exception[LABEL_BYTES + 1];
};

struct metrics {
    struct series_set tasks;      /* by name NUL queue */
    struct series_set exceptions; /* by name NUL queue NUL class: failures */
    struct metrics_failure failures[METRICS_FAILURES];
    size_t next_failure;
};

/* The next part of a key: up to a NUL. */
struct str metrics_key_part(struct str *key);

#endif
