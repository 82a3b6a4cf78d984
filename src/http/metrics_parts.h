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

#define METRICS_RATE_S 60 /* rates are means of so many seconds */

struct metrics_second { /* what happened in one */
    int64_t at_s;
    uint32_t n[METRICS_TASK_KINDS];
};

struct metrics_failure {
    int64_t at_us; /* 0: none yet */
    char name[LABEL_BYTES + 1], id[64], exception[LABEL_BYTES + 1];
};

#define METRICS_FAMILIES_MAX 100 /* of handlers */
/* What all series of handlers together may be in the text, about. */
#define METRICS_HANDLER_BYTES ((size_t)8 << 20)

struct metrics_family { /* one of a handler's own */
    char *name, *help;
    char kind;       /* 'c', 'g', 'h' */
    struct wr other; /* its labels, each of them "other" */
    size_t nbuckets;
    double buckets[FRAME_BUCKETS_MAX];
    struct series_set series; /* by the labels' text; a histogram has nbuckets + 2 */
};

struct metrics {
    struct series_set tasks;      /* by name NUL queue */
    struct series_set exceptions; /* by name NUL queue NUL class: failures */
    struct metrics_failure failures[METRICS_FAILURES];
    size_t next_failure;
    struct metrics_second seconds[METRICS_RATE_S];
    struct metrics_family *families[METRICS_FAMILIES_MAX];
    size_t nfamilies, handler_bytes;
    uint64_t refused; /* of handlers, that were no metrics */
};

void metrics_finish_families(struct metrics *m);

/* What a line is made of. */
void metrics_put_head(struct wr *out, const char *name, const char *type,
                      const char *help);
void metrics_put_number(struct wr *out, double v);
/* "name" or "name{labels}", its value, a line end. labels: as Prometheus has them. */
void metrics_put(struct wr *out, const char *name, struct str labels, double v);
/* counts: n + 1 of them, each of one bucket alone, the last of what is beyond. */
void metrics_put_histogram(struct wr *out, const char *name, struct str labels,
                           const double *buckets, const double *counts, size_t n,
                           double sum);

/* metrics_write.c, metrics_handler.c, metrics_worker.c: parts of metrics_write */
void metrics_put_tasks(struct wr *out, const struct metrics *m, struct str hostname);
void metrics_put_families(struct wr *out, const struct metrics *m);
void metrics_put_worker(struct wr *out, struct worker *w);
/* Of a process; 0 if it is gone. */
size_t metrics_resident_bytes(int pid);
void metrics_put_process(struct wr *out, const struct worker *w);
/* celery_worker_up and its like. */
void metrics_put_celery_worker(struct wr *out, const struct worker *w,
                               struct str hostname);

/* A second's mean of the last METRICS_RATE_S, of all tasks. */
double metrics_rate(const struct metrics *m, enum metrics_task what);
/* The next part of a key: up to a NUL. */
struct str metrics_key_part(struct str *key);

#endif
