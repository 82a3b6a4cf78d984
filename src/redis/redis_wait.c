/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting. When the queues are empty, one blocked BLMOVE per key waits for the next
 * message and moves it to this node's inbox: it wakes one worker, not all, and whoever
 * dies then leaves the message where its peers look. */
#include "redis_broker.h"

#define BLOCK_S "10" /* also how a dead connection is noticed while nothing happens */
#define BLOCK_MS 10000

static void set_listener(struct source *s, enum listener_state to)
{
    s->state = to;
}

/* ---- emptying an inbox -------------------------------------------------------- */

static void on_unboxed(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    b->inbox_left |= b->emptied && (!reply || redis_is_error(reply));
    if (b->unboxing > 0 && --b->unboxing == 0)
        redis_wait_check_quiesced(b);
}

void redis_wait_unbox(struct source *s)
{
    struct redis_broker *b = s->broker;
    b->unboxing++;
    redis_begin_script(&b->redis, &b->scripts.unbox, 2, 2, on_unboxed, b);
    redis_arg_text(&b->redis, s->inbox);
    redis_arg_text(&b->redis, s->key);
}

static bool listeners_idle(const struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++)
        if (b->sources[i].state != LISTENER_IDLE)
            return false;
    return true;
}

/* Quiescing is over once nothing can arrive any more and the inboxes are empty. */
void redis_wait_check_quiesced(struct redis_broker *b)
{
    if (!b->quiescing || !b->quiesced || b->fetching || !listeners_idle(b) ||
        b->unboxing > 0 || (b->up && redis_restore_own_left(b)))
        return;
    if (b->up && !b->emptied) {
        b->emptied = true;
        for (size_t i = 0; i < b->nsources; i++)
            redis_wait_unbox(&b->sources[i]);
        return;
    } /* with the server away our peers will empty the inboxes */
    void (*done)(void *) = b->quiesced;
    b->quiesced = NULL;
    done(b->quiesced_ctx);
}

/* ---- waiting ------------------------------------------------------------------ */

/* A message is in the inbox, or may be: lost on the way; and as long as the server
 * takes the old connection for alive, one may still get there, so look again after
 * that. */
static void note_boxed(struct source *s, bool moved, bool lost)
{
    if (moved || lost || s->suspect) {
        s->boxed = true;
        s->asked = false; /* the fetch at the server may have been there before */
        s->broker->drained = false;
    }
    s->suspect = lost || (s->suspect && moved);
}

static void on_moved(void *ctx, const redisReply *reply)
{
    struct source *s = ctx;
    struct redis_broker *b = s->broker;
    bool moved = reply && reply->type == REDIS_REPLY_STRING;

    set_listener(s, LISTENER_IDLE);
    note_boxed(s, moved, !reply);
    if (redis_is_error(reply) && redis_error_is(reply->str, "WRONGTYPE")) {
        s->rest_until_ms = uv_now(b->loop) + QUEUE_RETRY_MS;
        redis_fetch_complain(s, reply->str);
    } else if (redis_is_error(reply)) {
        redis_fetch_pause(b, reply->str);
    }
    bool is_wanted = b->want > 0 && redis_consume_is_active(s);
    if (moved && !is_wanted && b->up && !b->quiescing)
        redis_wait_unbox(s); /* busy meanwhile: somebody else may be idle */
    redis_wait_check_quiesced(b);
}

static void arm(struct source *s)
{
    if (uv_now(s->broker->loop) < s->rest_until_ms || !redis_consume_is_active(s))
        return; /* the beat that follows tries again */
    if (s->state != LISTENER_IDLE || s->listener.state != REDIS_READY ||
        s->listener.link.state != LINK_OPEN)
        return;
    set_listener(s, LISTENER_ARMED);
    redis_words(&s->listener, on_moved, s, "BLMOVE", s->key, s->inbox, "RIGHT", "LEFT",
                BLOCK_S, NULL);
    link_flush(&s->listener.link); /* this turn's flush may be over */
}

static void disarm(struct source *s)
{
    struct redis_broker *b = s->broker;
    if (s->state != LISTENER_ARMED || !b->up)
        return;
    set_listener(s, LISTENER_UNBLOCKING);
    redis_begin(&b->redis, 3, NULL, NULL);
    redis_arg_text(&b->redis, "CLIENT");
    redis_arg_text(&b->redis, "UNBLOCK");
    redis_arg_int(&b->redis, (int64_t)s->listener.client_id);
}

void redis_wait_arm(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++)
        arm(&b->sources[i]);
}

void redis_wait_disarm(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++)
        disarm(&b->sources[i]);
}

void redis_wait_step_aside(struct redis_broker *b, uint32_t source)
{
    disarm(&b->sources[source]);
}

void redis_wait_leave(struct source *s)
{
    disarm(s);
    s->boxed = s->asked = false;
    if (s->broker->up)
        redis_wait_unbox(s);
}

/* ---- life --------------------------------------------------------------------- */

static void listener_ready(void *ctx)
{
    (void)ctx; /* the turn that follows arms it */
}

static void listener_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct source *s = ctx;
    log_line(LOG_DEBUG, "listener of %s lost (%s), attempt %u in %.1f s", s->queue, why,
             attempts, retry_s);
    set_listener(s, LISTENER_IDLE);
    redis_wait_check_quiesced(s->broker);
}

static const struct redis_events listener_events = {listener_ready, listener_down,
                                                    NULL};

void redis_wait_init(struct source *s)
{
    const struct config *c = s->broker->config;
    const struct redis_options options = {
        .waits_ms = BLOCK_MS,
        .max_reply_bytes = (size_t)c->message_max_bytes + (64u << 10),
        .quick_greeting = true,
        .leader = &s->broker->redis,
    };
    redis_init(&s->listener, s->broker->loop, &c->broker, &options, &listener_events,
               s);
}

void redis_wait_start(struct redis_broker *b)
{
    for (size_t i = 0; i < b->nsources; i++) {
        struct source *s = &b->sources[i];
        s->boxed = true; /* before the connection was lost, maybe */
        s->asked = false;
        redis_follow(&s->listener);
    }
}

void redis_wait_lost(struct redis_broker *b)
{
    b->unboxing = 0;
    redis_wait_check_quiesced(b);
}

void redis_wait_quiesce(struct redis_broker *b)
{
    b->quiescing = true;
    b->want = 0;
    redis_wait_disarm(b);
    redis_wait_check_quiesced(b);
}

size_t redis_wait_stop(struct redis_broker *b, void (*stopped)(void *ctx))
{
    for (size_t i = 0; i < b->nsources; i++) {
        b->sources[i].stopped = true;
        redis_stop(&b->sources[i].listener, stopped);
    }
    return b->nsources;
}
