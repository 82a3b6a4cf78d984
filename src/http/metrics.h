/* SPDX-License-Identifier: Apache-2.0 */
/* metrics - counts for Prometheus and for the status page, kept whether anybody asks or
 * not: a few words for each task, nothing that grows without an end.
 *
 * celery_* families have danihodovic/celery-exporter's names, labels and buckets, so
 * that its Grafana boards work unchanged; petiole_* are our own; what handlers count
 * (ptl_count, ptl_observe, ptl_gauge: memoria_*) comes under its own name. Each family
 * has at most METRICS_SERIES_MAX label sets; what goes beyond is counted together under
 * the label value "other", and how often in petiole_metrics_overflow_total. */
#ifndef PETIOLE_METRICS_H
#define PETIOLE_METRICS_H

#include "../../protocol/buf.h"
#include "../../protocol/str.h"
#include "../pool/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define METRICS_SERIES_MAX 1000
#define METRICS_FAILURES 20 /* the last ones, for the status page */

struct metrics;
struct request;
struct worker;

enum metrics_task {
    METRICS_SENT,
    METRICS_RECEIVED,
    METRICS_STARTED,
    METRICS_SUCCEEDED,
    METRICS_FAILED,
    METRICS_REJECTED,
    METRICS_REVOKED,
    METRICS_RETRIED,
};

struct metrics *metrics_create(void); /* NULL without memory */
void metrics_destroy(struct metrics *m);
/* exception: its class, of FAILED; else empty. */
void metrics_count_task(struct metrics *m, enum metrics_task what, struct str name,
                        struct str queue, struct str exception);
/* celery_task_runtime. */
void metrics_task_runtime(struct metrics *m, struct str name, struct str queue,
                          double seconds);
/* Of the last failures. */
void metrics_note_failure(struct metrics *m, struct str name, struct str id,
                          struct str exception_repr);
/* A child's FRAME_METRIC, one of a handler's own, checked here: what is no metric is
 * counted and left. Returns the number that it changed, which stays where it is, or
 * NULL. */
double *metrics_handler(struct metrics *m, const struct frame_metric *f);
/* The same for what a request says. Should its child die, the gauges that it has added
 * to are what they were before. */
void metrics_of_request(void *ctx, struct request *rq, const struct frame_metric *f);
void metrics_undo_request(struct request *rq);
/* All of it in Prometheus' text form 0.0.4, with what the worker knows by itself. */
void metrics_write(struct wr *out, struct worker *w);

#endif
