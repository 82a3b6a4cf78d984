/* SPDX-License-Identifier: Apache-2.0 */
#include "chord_story.h"

#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_up(void *ctx)
{
    ((struct chord_story *)ctx)->up = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct chord_story *s = ctx;
    (void)why, (void)retry_s, (void)attempts;
    s->up = false;
    s->downs++;
}

static const struct backend_events events = {on_up, on_down};

static void create(struct chord_story *s, const struct url *url, const char *prefix)
{
    struct error e;
    s->config = (struct config){.message_max_bytes = 8 << 20,
                                .result_expires_s = 3600,
                                .result_base_sleep_ms = 10,
                                .result_max_sleep_ms = 1000,
                                .result_chord_join_timeout_s = 3,
                                .result_chord_ordered = true};
    s->config.result_global_keyprefix = (char *)prefix;
    assert_int_equal(endpoint_init_parsed(&s->config.backend, ENDPOINT_BACKEND, url,
                                          &e),
                     0);
    s->backend = redis_backend_create(&s->loop, &s->config, &events, s, &e);
    assert_non_null(s->backend);
    s->ops = s->backend->ops;
    s->ops->start(s->backend);
    log_init(&s->loop, LOG_CRITICAL);
    loop_until_set(&s->loop, &s->up, "the backend is up");
}

struct chord_story *chord_story_begin_prefixed(struct real_redis *server,
                                               const char *prefix)
{
    struct chord_story *s = calloc(1, sizeof(*s));
    alarm(120);
    assert_non_null(s);
    real_redis_ask(server, "FLUSHALL");
    loop_start(&s->loop);
    create(s, &server->url, prefix);
    return s;
}

struct chord_story *chord_story_begin(struct real_redis *server)
{
    return chord_story_begin_prefixed(server, NULL);
}

struct chord_story *chord_story_begin_fake(const struct fake_rule *rules)
{
    struct chord_story *s = calloc(1, sizeof(*s));
    alarm(120);
    assert_non_null(s);
    loop_start(&s->loop);
    fake_redis_start(&s->fake, &s->loop, rules);
    create(s, &s->fake.url, NULL);
    return s;
}

static void on_stopped(void *ctx)
{
    ((struct chord_story *)ctx)->stopped = true;
}

void chord_story_end(struct chord_story *s)
{
    s->ops->stop(s->backend, on_stopped, s);
    loop_until_set(&s->loop, &s->stopped, "stopped");
    if (s->fake.loop)
        fake_redis_stop(&s->fake);
    log_finish();
    loop_finish(&s->loop);
    s->ops->destroy(s->backend);
    endpoint_finish(&s->config.backend);
    if (s->fake.loop)
        fake_redis_finish(&s->fake);
    for (size_t i = 0; i < s->n; i++)
        free(s->documents[i]);
    free(s);
}

/* ---- asking -------------------------------------------------------------------- */

void chord_story_answered(struct chord_story *s, const char *why)
{
    s->answers++;
    s->refusals += why != NULL;
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
}

void chord_story_state(void *ctx, enum backend_part_state state, double retry_s,
                       const char *why)
{
    struct chord_story *s = ctx;
    s->state = state;
    s->retry_s = retry_s;
    chord_story_answered(s, why);
}

void chord_story_done(void *ctx, enum backend_verdict verdict, const char *why)
{
    assert_int_equal(verdict == BACKEND_REFUSED, why != NULL);
    chord_story_answered(ctx, why);
}

struct wait {
    struct chord_story *s;
    unsigned answers;
};

static bool has_answers(void *ctx)
{
    const struct wait *w = ctx;
    return w->s->answers >= w->answers;
}

void chord_story_await(struct chord_story *s, unsigned answers)
{
    struct wait w = {s, answers};
    loop_until(&s->loop, has_answers, &w, "answers");
}

void chord_ask_part(struct chord_story *s, const char *id, double index,
                    const char *text)
{
    const struct backend_part part = {STR("g"), str_of(id), index, str_of(text)};
    s->ops->chord_part(s->backend, &part, chord_story_state, s);
}

enum backend_part_state chord_part_as(struct chord_story *s, const char *id,
                                      double index, const char *text)
{
    chord_ask_part(s, id, index, text);
    chord_story_await(s, s->answers + 1);
    assert_string_equal(s->why, "");
    return s->state;
}

enum backend_part_state chord_part(struct chord_story *s, const char *id, double index)
{
    char text[200];
    snprintf(text, sizeof(text), PART("%s", "SUCCESS", "\"of %s\""), id, id);
    return chord_part_as(s, id, index, text);
}

void chord_size_of(struct chord_story *s, int64_t size, bool again)
{
    s->ops->chord_size(s->backend, STR("g"), size, again, chord_story_done, s);
    chord_story_await(s, s->answers + 1);
    assert_string_equal(s->why, "");
}

enum backend_part_state chord_sending(struct chord_story *s, const char *id)
{
    s->ops->chord_sending(s->backend, STR("g"), str_of(id), chord_story_state, s);
    chord_story_await(s, s->answers + 1);
    return s->state;
}

void chord_end(struct chord_story *s, const char *id, bool sent)
{
    s->ops->chord_end(s->backend, STR("g"), str_of(id), sent, chord_story_done, s);
    chord_story_await(s, s->answers + 1);
}

void chord_complete(struct chord_story *s)
{
    chord_size_of(s, 2, false);
    assert_int_equal(chord_part(s, "a", 0), PART_WAITING);
    assert_int_equal(chord_part(s, "b", 1), PART_COMPLETE);
}
