/* SPDX-License-Identifier: Apache-2.0 */
/* slot_parts - what the files of slot share, and the pool has no need of.
 *
 *     slot.c         a child's life: started, stopped, reaped
 *     slot_tell.c    frames to it: HELLO, TASK, DOCUMENTS
 *     slot_hear.c    frames from it: what they mean, and whether they may come now
 *     slot_limit.c   its timer, and the time limits of what it runs
 *     slot_signal.c  signals that are meant for one task
 *     slot_look.c    what others see of it */
#ifndef PETIOLE_SLOT_PARTS_H
#define PETIOLE_SLOT_PARTS_H

#include "slot.h"
#include "slot_signal.h"

/* Frames may wait in a child only while tasks are so short that waiting is cheaper
 * than a round trip; anything longer is given one at a time. */
#define SLOT_QUEUE_DEPTH 64
/* A longer message is sent from where it stands. */
#define SLOT_LARGE_BYTES (32u << 10)

/* slot.c: it is gone once it is reaped and read to the end. */
void slot_check_gone(struct slot *s);
/* What is not with the child any more: its outcome is here, or it is lost. */
struct request *slot_take(struct slot *s, struct request *rq);
/* The handler has ended. */
void slot_end_run(struct slot *s);

/* slot_tell.c */
void slot_say_hello(struct slot *s, struct str plugins);
/* Part of its message has not been sent yet, and must stay where it is. */
bool slot_is_sending(const struct slot *s, uint64_t job);

/* slot_hear.c */
void slot_listen(struct slot *s);

/* slot_limit.c */
void slot_wake_after(struct slot *s, uint64_t ms);
void slot_arm_limit(struct slot *s);

#endif
