/* SPDX-License-Identifier: Apache-2.0 */
/* redis_ask - one command to the result backend that is asked until it is answered.
 *
 * What is asked during one turn of the loop leaves together: many parts of chords are
 * one round trip. A command whose connection is lost is sent again, so each must change
 * nothing the second time. What the server may take later (it is full, it loads, it
 * lacks a right that may be granted) is tried again too, after a pause that grows; what
 * it never will is told. */
#ifndef PETIOLE_REDIS_ASK_H
#define PETIOLE_REDIS_ASK_H

#include "redis_backend.h"

struct redis_ask {
    struct list link; /* on backend->asks until sent */
    struct redis_backend *backend;
    const char *what; /* "count a chord's part" */
    size_t bytes;     /* about what the command holds */
    unsigned times;   /* it was sent before */
    unsigned hang_ups;
    /* Writes the command; its reply function is redis_ask_answered, its ctx `a`. */
    void (*send)(struct redis_ask *a);
    /* Takes the reply, and frees; false: it makes no sense, ask again. */
    bool (*reply)(struct redis_ask *a, const redisReply *reply);
    /* It is refused: tells, and frees. */
    void (*refused)(struct redis_ask *a, const char *why);
};

void redis_ask(struct redis_backend *b, struct redis_ask *a);
void redis_ask_answered(void *ask, const redisReply *reply);

#endif
