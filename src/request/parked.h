/* SPDX-License-Identifier: Apache-2.0 */
/* parked - what is held for other workers, and how it makes room for what comes behind.
 *
 * Parked messages are not counted against the prefetch limit until there are PARKED_MAX
 * of them. Beyond that the one that was held longest goes to the back of its queue
 * before its time, and the next message is taken in its place: so memory is bounded,
 * and a task that this worker knows is reached however many others stand before it.
 * PARKED_ROOM_PER_TURN of them go every PARKED_TURN_MS; while the worker meets nothing
 * but what it has met before, every PARKED_IDLE_TURN_MS. A queue that holds only what
 * nobody here knows is thereby no busy loop.
 *
 * Celery has nothing of the kind: it drops what it does not know. */
#ifndef PETIOLE_PARKED_H
#define PETIOLE_PARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define PARKED_MAX 1000
#define PARKED_ROOM_PER_TURN 50
#define PARKED_TURN_MS 100
#define PARKED_IDLE_TURN_MS 200

struct worker;

struct parked {
    uv_timer_t timer; /* runs once room was made: until more may be */
    size_t room;      /* how many more may go before the timer fires */
    bool progress;    /* something new was met since it fired last */
    bool idle;        /* it runs for PARKED_IDLE_TURN_MS */
};

void parked_init(struct worker *w);
/* A task that a plugin has, or a message that this worker has not met before. */
void parked_note_progress(struct worker *w);
/* Once a turn of the loop. */
void parked_make_room(struct worker *w);

#endif
