/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_story.h"
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static void on_stopped(void *ctx)
{
    ((struct broker_story *)ctx)->stopped = true;
}

static struct delivery *on_taken(void *ctx, struct str text, struct str queue)
{
    struct broker_story *s = ctx;
    struct held_message *m = calloc(1, sizeof(*m));
    *m = (struct held_message){.story = s,
                               .text = strndup(text.p, text.n),
                               .queue = strndup(queue.p, queue.n)};
    list_init(&m->delivery.held);
    list_push(&s->messages, &m->link);
    s->taken++;
    if (s->stop_in_taken) {
        s->stop_in_taken = false;
        s->broker->ops->stop(s->broker, on_stopped, s);
    }
    return &m->delivery;
}

static struct held_message *message_of(struct delivery *d)
{
    return list_entry(d, struct held_message, delivery);
}

static void on_settled(void *ctx, struct delivery *d)
{
    assert_false(message_of(d)->settled);
    message_of(d)->settled = true;
    ((struct broker_story *)ctx)->settled++;
}

static void on_lost(void *ctx, struct delivery *d)
{
    assert_false(message_of(d)->settled);
    message_of(d)->lost = true;
    ((struct broker_story *)ctx)->lost++;
}

static void on_up(void *ctx)
{
    ((struct broker_story *)ctx)->ups++;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct broker_story *s = ctx;
    (void)retry_s, (void)attempts;
    s->downs++;
    snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_unfit(void *ctx, const char *why)
{
    struct broker_story *s = ctx;
    s->unfits++;
    snprintf(s->why, sizeof(s->why), "%s", why);
}

static const struct broker_events events = {
    .taken = on_taken,
    .settled = on_settled,
    .lost = on_lost,
    .up = on_up,
    .down = on_down,
    .unfit = on_unfit,
};

/* A worker's defaults; tests change s->config before broker_story_up. */
static void configure(struct broker_story *s, const struct url *url, const char *queues)
{
    struct error e;
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "-n",
                    (char *)(uintptr_t) "w1@h1", (char *)(uintptr_t) "-Q",
                    (char *)(uintptr_t)queues};
    assert_int_equal(config_load(&s->config, 5, argv, &e), 0);
    endpoint_finish(&s->config.broker);
    assert_int_equal(endpoint_init_parsed(&s->config.broker, ENDPOINT_BROKER, url, &e),
                     0);
    s->config.message_max_bytes = 1 << 20;
    s->config.connection_timeout_s = 2;
}

void broker_story_begin(struct broker_story *s, uv_loop_t *loop, const struct url *url,
                        const char *queues)
{
    struct error e;
    *s = (struct broker_story){.loop = loop};
    list_init(&s->messages);
    configure(s, url, queues);
    s->broker = redis_broker_create(loop, &s->config, &events, s, &e);
    assert_non_null(s->broker);
    s->redis = (struct redis_broker *)s->broker;
}

static bool is_up(void *ctx)
{
    struct broker_story *s = ctx;
    return s->ups > 0 && s->redis->up && s->broker->ops->leases_sure(s->broker);
}

void broker_story_up(struct broker_story *s)
{
    s->broker->ops->start(s->broker);
    loop_until(s->loop, is_up, s, "the broker is up");
}

void broker_story_want(struct broker_story *s, size_t n)
{
    s->broker->ops->want(s->broker, n);
}

struct count {
    const unsigned *n;
    unsigned least;
};

static bool enough(void *ctx)
{
    const struct count *c = ctx;
    return *c->n >= c->least;
}

void broker_story_take(struct broker_story *s, unsigned n)
{
    struct count c = {&s->taken, n};
    broker_story_want(s, n - s->taken);
    loop_until(s->loop, enough, &c, "messages are taken");
    broker_story_want(s, 0);
}

struct held_message *broker_story_message(struct broker_story *s, unsigned i)
{
    struct list *l = s->messages.next;
    while (i-- > 0 && l != &s->messages)
        l = l->next;
    assert_true(l != &s->messages);
    return list_entry(l, struct held_message, link);
}

void broker_story_await_settled(struct broker_story *s, unsigned n)
{
    struct count c = {&s->settled, n};
    loop_until(s->loop, enough, &c, "messages are settled");
}

static void on_quiesced(void *ctx)
{
    ((struct broker_story *)ctx)->quiesced = true;
}

void broker_story_quiesce(struct broker_story *s)
{
    s->broker->ops->quiesce(s->broker, on_quiesced, s);
    loop_until_set(s->loop, &s->quiesced, "quiesced");
}

void broker_story_stop(struct broker_story *s)
{
    s->broker->ops->stop(s->broker, on_stopped, s);
    loop_until_set(s->loop, &s->stopped, "stopped");
}

void broker_story_die(struct broker_story *s)
{
    s->redis->up = false; /* then there is nobody to say good-bye to */
    broker_story_stop(s);
}

void broker_story_finish(struct broker_story *s)
{
    s->broker->ops->destroy(s->broker);
    while (!list_empty(&s->messages)) {
        struct held_message *m =
            list_entry(s->messages.next, struct held_message, link);
        list_remove(&m->link);
        free(m->text);
        free(m->queue);
        free(m);
    }
    config_finish(&s->config);
}
