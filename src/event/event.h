/* SPDX-License-Identifier: Apache-2.0 */
/* event - what a worker tells of itself and of its tasks: Flower's and `celery events`'
 * source, and the metrics' own.
 *
 *     task-…    gathered during a turn of the loop, sent as one array (task.multi), at
 *               most EVENT_BATCH of them, as celery/events/dispatcher.py does
 *     worker-…  sent one by one, at once
 *
 * Every event ticks the Lamport clock, in the order they are told here. Events of tasks
 * are made only while somebody wants them (-E, enable_events); the metrics are counted
 * always.
 *
 * An outcome is told once it is stored, as a Python worker's: whoever hears of it finds
 * it. Until then its request keeps what will be told.
 *
 *     event.c         the batch, the clock, who wants what
 *     event_worker.c  online, heartbeat, offline
 *     event_task.c    the life of a task: called where it happens
 *     event_end.c     its end, from when it is known until it is stored */
#ifndef PETIOLE_EVENT_H
#define PETIOLE_EVENT_H

#include "../request/request.h"

#include "../../protocol/event.h"

#define EVENT_MAX_BYTES ((size_t)4 << 20) /* of one that goes by itself */
#define EVENT_BATCH 24 /* Celery's buffer limit for groups of events */

struct message;
struct worker;

struct events {
    struct worker *worker;
    struct wr batch; /* "[{…}, {…}" of task events not sent yet */
    size_t nbatch;
    bool tasks_on;      /* -E or enable_events */
    uint64_t active;    /* tasks whose handlers run */
    uint64_t processed; /* tasks accepted by children since the start */
    uint64_t dropped;   /* that no memory was there for; the bus counts its own */
    size_t begun;       /* of the batch, where the event being written begins */
    double utcoffset_h;
    int64_t utcoffset_minute; /* of the wall clock, when that was looked up */
    uv_timer_t heartbeat;
    bool online;   /* worker-online was told */
    bool finished; /* worker-offline was */
};

void events_init(struct events *ev, struct worker *w);
void events_start(struct events *ev); /* the heartbeat's timer */
/* The bus is up: worker-online, again after each reconnection. */
void events_bus_up(struct events *ev);
/* Every turn of the loop: sends what was gathered. */
void events_flush(struct events *ev);
/* worker-offline: what was gathered goes before it, and nothing is told any more. */
void events_offline(struct events *ev);
void events_finish(struct events *ev);
/* Switches the task events, and tells whether that changed anything. */
bool events_enable(struct events *ev, bool on);
/* The control command `heartbeat`: one of freq 5 without the rest. */
void events_send_heartbeat(struct events *ev);
/* Any other of a worker: type "worker-elect", fields: the text of a JSON object's
 * members without braces, or empty. */
void events_send_worker(struct events *ev, const char *type, struct str fields);

/* Who tells the next one, and when: ticks the clock. */
struct event_head events_head(struct events *ev);
/* Does anybody want what is told of this task? */
bool events_want(const struct events *ev, const struct request *rq);
/* Can anything be told at all? */
bool events_tell(const struct events *ev);
/* One by itself, behind what was gathered. */
void events_publish(struct events *ev, struct str type, const struct wr *body);
/* Where an event of a task is to be written, or NULL if nobody wants it; then the end
 * of it. */
struct wr *events_begin(struct request *rq, struct event_head *h);
void events_end(struct events *ev);

/* Where a task's life turns. Each counts in the metrics, too. */
void event_task_received(struct request *rq, const struct message *m);
void event_task_started(struct request *rq, uint32_t pid);
void event_task_succeeded(struct request *rq, struct str result_repr, double runtime_s);
void event_task_failed(struct request *rq, struct str exception_repr,
                       struct str traceback);
void event_task_retried(struct request *rq, struct str exception_repr,
                        struct str traceback);
void event_task_revoked(struct request *rq, bool terminated, int signum, bool expired);
void event_task_rejected(struct request *rq, bool requeue);
void event_task_cancelled(struct request *rq);
/* It runs no more, however that ended: `active` counts down. Once for each started. */
void event_task_ended(struct request *rq);
/* ptl_send_event's, whoever wants it, by itself: as of a Python task, which sends it
 * from its child, pid. */
void event_task_custom(void *ctx, struct request *rq, const struct frame_event *f,
                       uint32_t pid);
/* With task_send_sent_event: a message is on its way to the broker. */
void event_task_sent(struct worker *w, struct str message,
                     const struct broker_address *to);

/* What its end will be told as, instead of what was kept before: once it is stored,
 * event_end_tell does. Nothing was kept, nothing is told: as of Ignore. */
void event_end_succeeded(struct request *rq, struct str result_repr, double runtime_s);
void event_end_failed(struct request *rq, struct str exception_repr,
                      struct str traceback);
void event_end_retried(struct request *rq, struct str exception_repr,
                       struct str traceback);
void event_end_revoked(struct request *rq, bool terminated, bool expired);
/* … and that its message is refused, before the rest or behind it. */
void event_end_also_rejected(struct request *rq, bool requeue, bool first);
void event_end_tell(struct request *rq);
void event_end_forget(struct request *rq);

#endif
