/* SPDX-License-Identifier: Apache-2.0 */
/* send - what a running handler sends to other tasks, on its way to the broker.
 *
 *     child ─EFFECT─▶ broker.send ──▶ the broker has it
 *       │                                   │
 *       └──DONE──▶ RQ_SENDING ◀─────────────┘  only then the outcome is stored
 *
 * A crash before the outcome is stored repeats the task (acknowledged late) and sends
 * all of it again; after it nothing is missing. The messages of one request are
 * bounded: beyond SEND_MAX of them, or SEND_MAX_BYTES, its child is not read until half
 * of them are with the broker, and so its handler waits. */
#ifndef PETIOLE_SEND_H
#define PETIOLE_SEND_H

#include "request.h"

#define SEND_MAX 1000
#define SEND_MAX_BYTES ((size_t)4 << 20)

/* Gives the message to the broker. False: read no more from the child until
 * pool_resume(). */
bool send_message(struct request *rq, const struct frame_effect *f);
/* The broker has not got everything yet; follow_sent() is called when it has. */
bool send_is_pending(const struct request *rq);
/* What the broker said of a message that it refused, or NULL. */
const char *send_refusal(const struct request *rq);
/* The request goes; what is on its way goes on. */
void send_forget(struct request *rq);

#endif
