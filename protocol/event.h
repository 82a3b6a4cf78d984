/* SPDX-License-Identifier: Apache-2.0 */
/* event - what workers, and clients, tell of themselves and of tasks, as
 * celery.events.Event writes it:
 *
 *     {"hostname", "utcoffset", "pid", "clock", …fields of its type…, "timestamp",
 *      "type"}
 *
 * in that order and with Python's separators. Several of one group go as a list of
 * them, with the routing key "task.multi". */
#ifndef PROTOCOL_EVENT_H
#define PROTOCOL_EVENT_H

#include "buf.h"
#include "value.h"

#include <stdint.h>

/* Who tells it, and when. */
struct event_head {
    struct str hostname; /* node name of a worker, "gen42@host" of a client */
    double utcoffset_h;  /* hours west of UTC: -2 in Berlin's summer */
    int64_t pid;
    uint64_t clock;
    int64_t timestamp_us; /* since 1970 */
};

/* worker-online, worker-heartbeat, worker-offline. */
struct event_worker {
    double freq_s;
    uint64_t active, processed;
    double loadavg[3];
    struct str sw_ident, sw_ver, sw_sys;
};

/* task-received and task-sent; strings with .p NULL are null. */
struct event_task {
    struct str uuid, name, args, kwargs, root_id, parent_id, eta, expires;
    int64_t retries;
    struct str queue, exchange, routing_key; /* of task-sent only */
};

/* Each writes one event; type: "worker-online", … */
void event_write_worker(struct wr *w, const struct event_head *h, const char *type,
                        const struct event_worker *e);
/* One of a worker with other fields, or a task's with none but `uuid`: fields is the
 * text of a JSON object's members without braces, or empty. */
void event_write_other(struct wr *w, const struct event_head *h, struct str type,
                       struct str uuid, struct str fields);
void event_write_received(struct wr *w, const struct event_head *h,
                          const struct event_task *e);
void event_write_sent(struct wr *w, const struct event_head *h,
                      const struct event_task *e);
/* runtime_s below zero: null, as of a result that was found stored. */
void event_write_succeeded(struct wr *w, const struct event_head *h, struct str uuid,
                           struct str result, double runtime_s);
/* task-failed, task-retried. traceback .p NULL: left out, as of an unknown task. */
void event_write_raised(struct wr *w, const struct event_head *h, const char *type,
                        struct str uuid, struct str exception, struct str traceback);
/* signum 0: null. */
void event_write_revoked(struct wr *w, const struct event_head *h, struct str uuid,
                         bool terminated, int signum, bool expired);
void event_write_rejected(struct wr *w, const struct event_head *h, struct str uuid,
                          bool requeue);

/* ---- those of others ------------------------------------------------------------ */

/* What any of them says. What it does not say, or says in another type than Celery
 * does, is empty, or 0. */
struct event {
    struct str type;  /* "task-received"; never empty */
    struct str group; /* "task", "worker", or whatever stands before the first dash */
    struct str hostname;
    struct str uuid; /* of a task's */
    double utcoffset_h, timestamp_s, freq_s;
    int64_t pid;
    uint64_t clock;
    const ptl_value *fields; /* all of it, a map */
};

/* A body is an event or a list of them: how many there are, and the i-th. False if that
 * is none: no map, or without a type. */
size_t event_count(const ptl_value *body);
bool event_read(const ptl_value *body, size_t i, struct event *e);

#endif
