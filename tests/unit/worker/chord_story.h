/* SPDX-License-Identifier: Apache-2.0 */
/* chord_story - a result backend on Redis, asked of the chord "g" and waited for. */
#ifndef TEST_CHORD_STORY_H
#define TEST_CHORD_STORY_H

#include "fake_redis.h"
#include "real_redis.h"

#include "../../../src/redis/redis_backend.h"

#define KEY "celery-taskset-meta-g"
#define PART(id, state, result) "[1, \"" id "\", \"" state "\", " result "]"

struct chord_story {
    uv_loop_t loop;
    struct config config;
    struct fake_redis fake;
    struct backend *backend;
    const struct backend_ops *ops;
    bool up, stopped;
    unsigned answers, refusals, downs;
    enum backend_part_state state; /* of the newest answer */
    double retry_s;
    char why[200];
    /* what was read */
    char *documents[20000];
    size_t n, largest_slice;
    bool last;
};

/* On an empty server. */
struct chord_story *chord_story_begin(struct real_redis *server);
struct chord_story *chord_story_begin_prefixed(struct real_redis *server,
                                               const char *prefix);
struct chord_story *chord_story_begin_fake(const struct fake_rule *rules);
void chord_story_end(struct chord_story *s);

/* Until there were so many answers. */
void chord_story_await(struct chord_story *s, unsigned answers);
/* What takes an answer; ctx is the story. */
void chord_story_answered(struct chord_story *s, const char *why);
void chord_story_state(void *ctx, enum backend_part_state state, double retry_s,
                       const char *why);
void chord_story_done(void *ctx, enum backend_verdict verdict, const char *why);

/* Asks, and does not wait; those below do. */
void chord_ask_part(struct chord_story *s, const char *id, double index,
                    const char *text);
enum backend_part_state chord_part_as(struct chord_story *s, const char *id,
                                      double index, const char *text);
/* As a task that succeeded does. */
enum backend_part_state chord_part(struct chord_story *s, const char *id, double index);
void chord_size_of(struct chord_story *s, int64_t size, bool again);
enum backend_part_state chord_sending(struct chord_story *s, const char *id);
void chord_end(struct chord_story *s, const char *id, bool sent);
/* Its two parts a and b are there, and b is told so. */
void chord_complete(struct chord_story *s);

#endif
