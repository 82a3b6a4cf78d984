/* SPDX-License-Identifier: Apache-2.0 */
/* seen - workers and tasks as their events tell of them; Celery's events.State,
 * bounded.
 *
 * Two lists hold the tasks: those that run, the longest first, and the others, the last
 * heard of first. Beyond SEEN_TASKS, or SEEN_BYTES of texts, whoever was not heard of
 * for longest is forgotten, and counted. */
#ifndef PETIOLE_MONITOR_SEEN_H
#define PETIOLE_MONITOR_SEEN_H

#include "../list.h"

#include "../../protocol/value.h"

#define SEEN_TASKS 10000 /* as many as Celery's State keeps */
#define SEEN_BYTES ((size_t)32 << 20)
#define SEEN_WORKERS 1000
#define SEEN_CHAINS 16384u

enum seen_state { /* the later one wins when events come out of order, as in Celery */
                  SEEN_PENDING,
                  SEEN_RETRY,
                  SEEN_REJECTED,
                  SEEN_RECEIVED,
                  SEEN_STARTED,
                  SEEN_REVOKED,
                  SEEN_FAILURE,
                  SEEN_SUCCESS,
};

enum seen_field {
    SEEN_UUID,
    SEEN_NAME,
    SEEN_WORKER,
    SEEN_ARGS,
    SEEN_KWARGS,
    SEEN_RESULT,
    SEEN_EXCEPTION,
    SEEN_TRACEBACK,
    SEEN_RETRIES,
    SEEN_ETA,
    SEEN_EXPIRES,
    SEEN_QUEUE,
    SEEN_ROOT,
    SEEN_PARENT,
    SEEN_FIELDS,
};

struct seen_task {
    struct list node;
    struct seen_task *chained;
    enum seen_state state;
    bool runs;                      /* on which list it is */
    double at_s;                    /* of the last event, as its sender's clock says */
    double started_s;               /* here, monotonic; 0: unknown */
    double runtime_s;               /* once it is told; -1 */
    struct str fields[SEEN_FIELDS]; /* .p NULL: not told */
    size_t bytes;
};

struct seen_worker {
    char *name;
    bool online;
    double heard_s, freq_s; /* here, monotonic; its heartbeat */
    int64_t active, processed;
    double load[3];
    char software[48];
};

struct seen {
    struct seen_task **chains;
    uint64_t seed;
    struct list running, others;
    size_t nrunning, ntasks, bytes;
    struct seen_worker workers[SEEN_WORKERS]; /* in the order of their names */
    size_t nworkers;
    uint64_t events, forgotten; /* since the start */
};

/* False: no memory. */
bool seen_init(struct seen *s);
void seen_finish(struct seen *s);
/* One event. What is no event of Celery's is passed over. */
void seen_event(struct seen *s, const ptl_value *event, double now_s);

struct seen_task *seen_find(const struct seen *s, struct str uuid);
/* In the order of the view: NULL behind the last, and before the first. */
struct seen_task *seen_first(const struct seen *s);
struct seen_task *seen_next(const struct seen *s, const struct seen_task *t);
struct seen_task *seen_before(const struct seen *s, const struct seen_task *t);

bool seen_is_online(const struct seen_worker *w, double now_s);
const char *seen_state_name(enum seen_state state);
/* The event's key for a field: "args". */
const char *seen_field_name(enum seen_field field);

#endif
