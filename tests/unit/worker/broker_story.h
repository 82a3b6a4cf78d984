/* SPDX-License-Identifier: Apache-2.0 */
/* broker_story - a Redis broker with a listener that keeps what it is handed. */
#ifndef TEST_BROKER_STORY_H
#define TEST_BROKER_STORY_H

#include "../../../src/redis/redis_broker.h"

struct held_message {
    struct list link; /* on story->messages, as taken */
    struct delivery delivery;
    struct broker_story *story;
    char *text, *queue;
    bool settled, lost;
};

struct broker_story {
    uv_loop_t *loop;
    struct config config;
    struct broker *broker;
    struct redis_broker *redis; /* the same */
    struct list messages;
    unsigned taken, settled, lost, ups, downs, unfits;
    char why[400]; /* of the newest down or unfit */
    bool quiesced, stopped;
    bool stop_in_taken;
};

/* Queues are comma separated. The loop is the caller's. */
void broker_story_begin(struct broker_story *s, uv_loop_t *loop, const struct url *url,
                        const char *queues);
/* Starts it and waits until it is up. */
void broker_story_up(struct broker_story *s);
void broker_story_want(struct broker_story *s, size_t n);
/* Wants messages until so many have been taken in all. */
void broker_story_take(struct broker_story *s, unsigned n);
/* The i-th message taken. */
struct held_message *broker_story_message(struct broker_story *s, unsigned i);
void broker_story_await_settled(struct broker_story *s, unsigned n);
void broker_story_quiesce(struct broker_story *s);
void broker_story_stop(struct broker_story *s);
/* As SIGKILL would: nothing is said to the server. */
void broker_story_die(struct broker_story *s);
/* After the loop is finished. */
void broker_story_finish(struct broker_story *s);

#endif
