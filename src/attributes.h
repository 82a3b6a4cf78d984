/* SPDX-License-Identifier: Apache-2.0 */
/* attributes - what holds for a task, resolved once: Celery's Task attributes that a
 * worker obeys (celery.app.task.Task.from_config).
 *
 *     the worker's settings ──▶ the plugin's row ──▶ task_annotations["*"]
 *                                               ──▶ task_annotations[its name]
 *
 * each stronger than the one before. A child resolves them when it has loaded its
 * plugins, and READY tells the parent: both sides go by the same. A message may still
 * say otherwise for itself: its time limits, and whether its result is stored. */
#ifndef PETIOLE_ATTRIBUTES_H
#define PETIOLE_ATTRIBUTES_H

#include "../protocol/buf.h"
#include "../protocol/value.h"

#define ATTRIBUTES_RETRY_FOREVER INT64_MAX
#define ATTRIBUTES_MAX_RETRIES 3 /* Celery's defaults */
#define ATTRIBUTES_RETRY_DELAY_S 180.0
#define ATTRIBUTES_SECONDS_MAX 1e9
#define ATTRIBUTES_RATE_BYTES 24u

struct attributes {
    bool acks_late;
    bool acks_on_failure, acks_on_timeout; /* where acknowledged late */
    bool reject_on_worker_lost;
    bool ignore_result, store_errors_even_if_ignored;
    bool track_started;
    bool send_events;                       /* its task-… events */
    double time_limit_s, soft_time_limit_s; /* 0: none */
    double rate_per_s;                      /* 0: no limit */
    char rate_limit[ATTRIBUTES_RATE_BYTES]; /* as it was said, to be shown; or empty */
    double default_retry_delay_s;
    int64_t max_retries; /* or ATTRIBUTES_RETRY_FOREVER */
};

#define ATTRIBUTES_DEFAULTS                                                            \
    {                                                                                  \
        .acks_on_failure = true, .acks_on_timeout = true, .send_events = true,         \
        .default_retry_delay_s = ATTRIBUTES_RETRY_DELAY_S,                             \
        .max_retries = ATTRIBUTES_MAX_RETRIES                                          \
    }

/* The settings' part is in *a already; what the row says goes over it. False with one
 * line in `why` if the row says something that cannot be. */
bool attributes_apply_row(struct attributes *a, const ptl_def *row, struct wr *why);
/* And then task_annotations: a map of maps, or NULL. A value that cannot be is passed
 * over; config/annotations.c has refused it in words. */
void attributes_annotate(struct attributes *a, const ptl_value *annotations,
                         struct str task);

/* "10/m", as rate.h reads it. False, changing nothing, if it is none. */
bool attributes_set_rate(struct attributes *a, const char *text);

/* The names that annotations may use; NULL after the last. */
const char *attributes_name(size_t i);
/* NULL if the i-th may have this value, else what it should be: "true or false". */
const char *attributes_check(size_t i, const ptl_value *v);

#endif
