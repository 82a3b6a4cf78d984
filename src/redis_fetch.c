/* SPDX-License-Identifier: Apache-2.0 */
/* Taking messages. While there are any, one fetch script after the other, each for as
 * many as are wanted by then. When the queues are empty, one blocked BLMOVE per key
 * waits for the next message and moves it to this node's inbox: it wakes one worker,
 * not all, and whoever dies then leaves the message where its peers look. */
#include "redis_broker.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_MAX 1000
#define FETCH_RETRY_MS 1000
#define BLOCK_S "10" /* also how a dead connection is noticed while nothing happens */
#define BLOCK_REPLY_MS 15000
#define SEP "\x06\x16"

static const unsigned priority_steps[PRIORITY_STEPS] = {0, 3, 6, 9};

static void listener_ready(void *ctx);
static void listener_down(void *ctx, const char *why, double retry_s,
                          unsigned attempts);
static const struct redis_events listener_events = {listener_ready, listener_down};

static void init_source(struct redis_broker *b, struct source *s, const char *queue,
                        unsigned step)
{
    const struct redis_options options = {
        .connect_timeout_ms = (uint64_t)(b->config->connection_timeout_s * 1000),
        .reply_timeout_ms = BLOCK_REPLY_MS,
        .max_reply_bytes = (size_t)b->config->message_max_bytes + (64u << 10),
        .quick_greeting = true,
    };
    *s = (struct source){.broker = b,
                         .number = (uint32_t)(s - b->sources),
                         .queue = queue};
    if (step == 0)
        snprintf(s->key, sizeof(s->key), "%.256s", queue);
    else
        snprintf(s->key, sizeof(s->key), "%.256s" SEP "%u", queue, step);
    snprintf(s->inbox, sizeof(s->inbox), "petiole.inbox.%s.%.300s", b->id, s->key);
    snprintf(s->tail, sizeof(s->tail), ", \"\", \"%.256s\"]", queue);
    redis_init(&s->listener, b->loop, &b->config->broker, &options, &listener_events,
               s);
}

void redis_fetch_init_sources(struct redis_broker *b)
{
    for (size_t step = 0; step < PRIORITY_STEPS; step++)
        for (size_t q = 0; q < b->config->nqueues; q++)
            init_source(b, &b->sources[b->nsources++], b->config->queue_names[q],
                        priority_steps[step]);
}

/* ---- the fetch ---------------------------------------------------------------- */

/* The source that is asked as the i-th: priority first, then the queues in turn. */
static struct source *source_at(struct redis_broker *b, size_t i)
{
    size_t n = b->config->nqueues, step = i / n;
    return &b->sources[step * n + (i % n + b->rotation) % n];
}

static void hand_over(struct redis_broker *b, uint64_t counter, struct source *s,
                      struct str text)
{
    struct delivery *d = b->events->taken(b->ctx, text, str_of(s->queue));
    b->base.stats.taken++;
    if (!d)
        return; /* out of memory: it stays booked, and comes back as an orphan */
    d->tag = counter;
    d->source = s->number;
    d->settling = false;
    d->leased_until_s = 0;
    list_push(&b->held, &d->held);
}

static void on_fetch_timer(uv_timer_t *timer)
{
    struct redis_broker *b = timer->data;
    b->fetch_paused = false;
    redis_fetch_pump(b);
}

static void tell_of_dead(const char *reason, const char *queue)
{
    log_line(LOG_ERROR,
             "Received invalid task message: %s (queue %s). It is kept in %s.", reason,
             queue ? queue : "?", KEY_DEAD);
}

struct fetch {
    struct redis_broker *broker;
    uint64_t counter;
    size_t asked;
};

static void fetch_failed(struct redis_broker *b, const char *why)
{
    log_line(LOG_ERROR, "cannot take messages: %.200s; trying again in %d s", why,
             FETCH_RETRY_MS / 1000);
    b->fetch_paused = true;
    uv_timer_start(&b->fetch_timer, on_fetch_timer, FETCH_RETRY_MS, 0);
}

static void on_fetched(void *ctx, const redisReply *reply)
{
    struct fetch *f = ctx;
    struct redis_broker *b = f->broker;
    size_t n = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements / 2 : 0;

    b->fetching = false;
    if (!reply || redis_is_error(reply)) {
        free(f);
        if (reply)
            fetch_failed(b, reply->str);
        return; /* the timer, or the connection's return, begins anew */
    }
    uint64_t counter = f->counter;
    for (size_t i = 0; i < n; i++) {
        const char *number = reply->element[2 * i]->str;
        const redisReply *item = reply->element[2 * i + 1];
        size_t s = number ? strtoul(number, NULL, 10) : b->nsources;
        if (number && strncmp(number, "dead ", 5) == 0)
            tell_of_dead(number + 5, item->str);
        else if (s < b->nsources && item->str)
            hand_over(b, counter++, &b->sources[s], (struct str){item->str, item->len});
    }
    size_t taken = counter - f->counter;
    b->want -= taken < b->want ? taken : b->want; /* until the worker says otherwise */
    if (n > 0)
        b->rotation = (b->rotation + 1) % b->config->nqueues;
    b->drained = n < f->asked;
    free(f);
    redis_fetch_pump(b);
}

static void send_fetch(struct redis_broker *b)
{
    struct fetch *f = malloc(sizeof(*f));
    if (!f)
        return;
    const size_t asked = b->want < FETCH_MAX ? b->want : FETCH_MAX;
    const uint64_t counter = b->counter;
    *f = (struct fetch){b, counter, asked};
    char prefix[NODE_ID_BYTES + 2];
    snprintf(prefix, sizeof(prefix), "%s.", b->id);

    b->fetching = true;
    b->counter += asked; /* even if the reply is lost, no tag is used twice */
    unsigned nkeys = 3 + 2 * (unsigned)b->nsources;
    redis_begin_script(&b->redis, &b->scripts.fetch, nkeys,
                       nkeys + 5 + 6 * (unsigned)b->nsources, on_fetched, f);
    redis_arg_text(&b->redis, KEY_UNACKED);
    redis_arg_text(&b->redis, KEY_UNACKED_INDEX);
    redis_arg_text(&b->redis, KEY_DEAD);
    for (size_t i = 0; i < b->nsources; i++) {
        redis_arg_text(&b->redis, source_at(b, i)->inbox);
        redis_arg_text(&b->redis, source_at(b, i)->key);
    }
    redis_arg_int(&b->redis, (int64_t)asked);
    redis_arg_text(&b->redis, prefix);
    redis_arg_int(&b->redis, (int64_t)counter);
    redis_arg_int(&b->redis, b->config->message_max_bytes);
    redis_arg_int(&b->redis, b->config->message_max_bytes);
    for (size_t i = 0; i < 2 * b->nsources; i++) {
        redis_arg_int(&b->redis, source_at(b, i / 2)->number);
        redis_arg_text(&b->redis, source_at(b, i / 2)->queue);
        redis_arg_text(&b->redis, source_at(b, i / 2)->tail);
    }
}

/* ---- waiting ------------------------------------------------------------------ */

static void set_listener(struct source *s, enum listener_state to)
{
    s->state = to;
}

static void check_quiesced(struct redis_broker *b);

static void on_unboxed(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    b->inbox_left |= b->emptied && (!reply || redis_is_error(reply));
    if (b->unboxing > 0 && --b->unboxing == 0)
        check_quiesced(b);
}

static void unbox(struct source *s)
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
static void check_quiesced(struct redis_broker *b)
{
    if (!b->quiescing || !b->quiesced || b->fetching || !listeners_idle(b) ||
        b->unboxing > 0)
        return;
    if (b->up && !b->emptied) {
        b->emptied = true;
        for (size_t i = 0; i < b->nsources; i++)
            unbox(&b->sources[i]);
        return;
    } /* with the server away our peers will empty the inboxes */
    void (*done)(void *) = b->quiesced;
    b->quiesced = NULL;
    done(b->quiesced_ctx);
}

static void on_moved(void *ctx, const redisReply *reply)
{
    struct source *s = ctx;
    struct redis_broker *b = s->broker;
    bool moved = reply && reply->type == REDIS_REPLY_STRING;

    set_listener(s, LISTENER_IDLE);
    /* Lost on the way, a message may be in the inbox; and as long as the server takes
     * the old connection for alive, one may still get there: look again after that. */
    if (moved || !reply || s->suspect)
        b->drained = false;
    s->suspect = !reply || (s->suspect && moved);
    if (redis_is_error(reply))
        fetch_failed(b, reply->str);
    if (moved && b->want == 0 && b->up && !b->quiescing)
        unbox(s); /* busy meanwhile: somebody else may be idle */
    redis_fetch_pump(b);
}

static void arm(struct source *s)
{
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

static void listener_ready(void *ctx)
{
    struct source *s = ctx;
    redis_fetch_pump(s->broker);
}

static void listener_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct source *s = ctx;
    log_line(LOG_DEBUG, "listener of %s lost (%s), attempt %u in %.1f s", s->queue, why,
             attempts, retry_s);
    set_listener(s, LISTENER_IDLE);
    check_quiesced(s->broker);
}

/* Whoever waits for a queue longest gets the next message, and after a put-back that
 * must not be us again: stop waiting, and then queue up behind the others. */
void redis_fetch_step_aside(struct redis_broker *b, uint32_t source)
{
    disarm(&b->sources[source]);
}

/* ---- what to do next ---------------------------------------------------------- */

void redis_fetch_pump(struct redis_broker *b)
{
    if (b->quiescing) {
        for (size_t i = 0; i < b->nsources; i++)
            disarm(&b->sources[i]);
        check_quiesced(b);
        return;
    }
    /* On a link that is closing every command fails at once, and would come again. */
    if (!b->up || b->fetching || b->fetch_paused || b->redis.link.state != LINK_OPEN)
        return;
    bool sure = redis_lease_sure(&b->base);
    if (b->want > 0 && sure && !b->drained)
        send_fetch(b);
    for (size_t i = 0; i < b->nsources; i++)
        if (b->want > 0 && sure && b->drained)
            arm(&b->sources[i]);
        else if (b->want == 0)
            disarm(&b->sources[i]);
}

void redis_fetch_start(struct redis_broker *b)
{
    b->drained = false;
    for (size_t i = 0; i < b->nsources; i++)
        if (b->sources[i].listener.state == REDIS_STOPPED && !b->sources[i].stopped)
            redis_start(&b->sources[i].listener);
    redis_fetch_pump(b);
}

void redis_fetch_lost(struct redis_broker *b)
{
    b->fetching = false;
    b->drained = false;
    b->unboxing = 0;
    check_quiesced(b);
}

void redis_fetch_quiesce(struct redis_broker *b)
{
    b->quiescing = true;
    b->want = 0;
    redis_fetch_pump(b);
}

size_t redis_fetch_stop(struct redis_broker *b, void (*stopped)(void *ctx))
{
    for (size_t i = 0; i < b->nsources; i++) {
        b->sources[i].stopped = true;
        redis_stop(&b->sources[i].listener, stopped);
    }
    return b->nsources;
}
