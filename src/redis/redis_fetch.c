/* SPDX-License-Identifier: Apache-2.0 */
/* Taking messages: while there are any, one fetch script after the other, each for as
 * many as are wanted by then. It travels behind the acknowledgements of the same turn,
 * so one round trip settles one batch and brings the next. */
#include "redis_broker.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_MAX 1000
#define FETCH_RETRY_MS 1000
#define FETCH_BYTES (1 << 20) /* of one reply, and the last message's more */
#define SLICE_MAX 64          /* messages that the script reads at once */
#define MEAN_SHARE 16

void redis_fetch_init(struct redis_broker *b)
{
    b->counter = TAG_FIRST;
    b->mean_bytes = FETCH_BYTES / SLICE_MAX;
}

/* The source that is asked as the i-th: priority first, then the queues in turn. */
static struct source *source_at(struct redis_broker *b, size_t i)
{
    size_t n = b->norder, step = i / n, queue = b->order[(i % n + b->rotation) % n];
    return &b->sources[queue * b->keys.nsteps + step];
}

/* round_robin: whoever was just served is asked last. */
static void rotate(struct redis_broker *b, const struct source *served)
{
    size_t queue = served->number / b->keys.nsteps;
    if (b->config->queue_order != QUEUES_ROUND_ROBIN)
        return;
    for (size_t i = 0; i < b->norder; i++)
        if (b->order[i] == queue)
            b->rotation = (i + 1) % b->norder;
}

/* ---- what came ---------------------------------------------------------------- */

struct fetch {
    struct redis_broker *broker;
    uint64_t counter; /* of the next tag */
    size_t asked, looked_at, bytes;
    unsigned nlists;
    struct source *lists[]; /* as the script was given them */
};

static void note_size(struct redis_broker *b, size_t n)
{
    if (n > b->mean_bytes)
        b->mean_bytes = n;
    else
        b->mean_bytes -= (b->mean_bytes - n) / MEAN_SHARE;
}

static void hand_over(struct fetch *f, struct source *s, struct str text)
{
    struct redis_broker *b = f->broker;
    struct delivery *d = b->events->taken(b->ctx, text, str_of(s->queue));
    const uint64_t counter = f->counter++;
    b->base.stats.taken++;
    b->want -= b->want > 0; /* until we are told anew */
    f->bytes += text.n;
    note_size(b, text.n);
    if (!d)
        return; /* out of memory: it stays booked, and comes back as an orphan */
    d->tag = counter;
    d->source = s->number;
    d->settling = false;
    d->leased_until_s = 0;
    list_push(&b->held, &d->held);
    held_add(&b->by_tag, d);
}

/* The script counted from the oldest, which a list has at its end. */
static void hand_over_all(struct fetch *f, struct source *s, const redisReply *items)
{
    for (size_t i = items->elements; i-- > 0;) {
        const redisReply *item = items->element[i];
        if (item->str)
            hand_over(f, s, (struct str){item->str, item->len});
    }
    f->looked_at += items->elements;
    if (items->elements > 0)
        rotate(f->broker, s);
}

/* The other queues go on. */
void redis_fetch_complain(struct source *s, const char *text)
{
    char what[QUEUE_NAME_MAX + 40];
    snprintf(what, sizeof(what), "take from queue '%.*s'", QUEUE_NAME_MAX, s->queue);
    redis_complain(&s->broker->redis, what, text, QUEUE_RETRY_MS / 1000.0);
}

static void tell_of_dead(struct fetch *f, const struct source *s, const char *reason)
{
    log_line(LOG_ERROR,
             "Received invalid task message: %s (queue %s). It is kept in %s.", reason,
             s->queue, f->broker->keys.dead);
    f->looked_at++;
}

static void take_reply(struct fetch *f, const redisReply *reply)
{
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *place = reply->element[i], *what = reply->element[i + 1];
        if (place->type != REDIS_REPLY_INTEGER || place->integer < 0 ||
            place->integer >= f->nlists)
            continue;
        struct source *s = f->lists[place->integer];
        if (what->type == REDIS_REPLY_ARRAY)
            hand_over_all(f, s, what);
        else if (what->str && strncmp(what->str, "dead ", 5) == 0)
            tell_of_dead(f, s, what->str + 5);
        else if (what->str && strncmp(what->str, "error ", 6) == 0)
            redis_fetch_complain(s, what->str + 6);
    }
}

/* All there was has come: empty are the inboxes too, unless one was filled since. */
static void note_drained(struct redis_broker *b)
{
    b->drained = true;
    for (size_t i = 0; i < b->nsources; i++) {
        struct source *s = &b->sources[i];
        s->boxed &= !s->asked;
        b->drained &= !s->boxed || !redis_consume_is_active(s);
    }
}

static void on_fetch_timer(uv_timer_t *timer)
{
    struct redis_broker *b = timer->data;
    b->fetch_paused = false;
}

void redis_fetch_pause(struct redis_broker *b, const char *why)
{
    if (redis_error_is(why, "NOSCRIPT"))
        return; /* loaded again by now */
    redis_complain(&b->redis, "take messages", why, FETCH_RETRY_MS / 1000.0);
    b->fetch_paused = true;
    uv_timer_start(&b->fetch_timer, on_fetch_timer, FETCH_RETRY_MS, 0);
}

static void on_fetched(void *ctx, const redisReply *reply)
{
    struct fetch *f = ctx;
    struct redis_broker *b = f->broker;

    b->fetching = false;
    if (reply && reply->type == REDIS_REPLY_ARRAY) {
        take_reply(f, reply);
        b->drained = false;
        if (f->looked_at < f->asked && f->bytes < FETCH_BYTES)
            note_drained(b);
    } else if (reply) { /* the timer, or the connection's return, begins anew */
        redis_fetch_pause(b, reply->str ? reply->str : "unexpected reply");
    }
    free(f);
    redis_wait_check_quiesced(b);
}

/* ---- asking ------------------------------------------------------------------- */

static struct fetch *plan(struct redis_broker *b, size_t want)
{
    struct fetch *f = malloc(sizeof(*f) + 2 * b->nsources * sizeof(f->lists[0]));
    if (!f)
        return NULL;
    *f = (struct fetch){.broker = b, .counter = b->counter};
    f->asked = want < FETCH_MAX ? want : FETCH_MAX;
    for (size_t i = 0; i < b->norder * b->keys.nsteps; i++) {
        struct source *s = source_at(b, i);
        if (!redis_consume_is_active(s))
            continue;
        s->asked = s->boxed;
        if (s->boxed)
            f->lists[f->nlists++] = s;
        f->lists[f->nlists++] = s;
    }
    return f;
}

static size_t slice_of(const struct redis_broker *b)
{
    size_t n = FETCH_BYTES / (b->mean_bytes + 1);
    return n < 1 ? 1 : n < SLICE_MAX ? n : SLICE_MAX;
}

/* An inbox stands before its list: what lies there was taken before. */
static bool is_inbox(const struct fetch *f, unsigned i)
{
    return f->lists[i]->asked && i + 1 < f->nlists && f->lists[i + 1] == f->lists[i];
}

static void send_fetch(struct redis_broker *b, size_t want)
{
    struct fetch *f = plan(b, want);
    if (!f || f->nlists == 0) { /* tried again at the next turn; nothing to ask */
        free(f);
        return;
    }
    char prefix[NODE_ID_BYTES + 2];
    const unsigned nkeys = 3 + f->nlists;
    snprintf(prefix, sizeof(prefix), "%s.", b->id);

    b->fetching = true;
    b->counter += f->asked; /* even if the reply is lost, no tag is used twice */
    redis_begin_script(&b->redis, &b->scripts.fetch, nkeys, nkeys + 6 + f->nlists,
                       on_fetched, f);
    if (!b->fetching)
        return; /* it failed at once: the plan is gone */
    redis_arg_text(&b->redis, b->keys.unacked);
    redis_arg_text(&b->redis, b->keys.unacked_index);
    redis_arg_text(&b->redis, b->keys.dead);
    for (unsigned i = 0; i < f->nlists; i++)
        redis_arg_text(&b->redis,
                       is_inbox(f, i) ? f->lists[i]->inbox : f->lists[i]->key);
    redis_arg_int(&b->redis, (int64_t)f->asked);
    redis_arg_text(&b->redis, prefix);
    redis_arg_int(&b->redis, (int64_t)f->counter);
    redis_arg_int(&b->redis, b->config->message_max_bytes);
    redis_arg_int(&b->redis, FETCH_BYTES);
    redis_arg_int(&b->redis, (int64_t)slice_of(b));
    for (unsigned i = 0; i < f->nlists; i++)
        redis_arg_text(&b->redis, f->lists[i]->tail);
}

/* ---- what to do next ---------------------------------------------------------- */

/* What is settled but not yet sent is still on our account. */
static size_t wanted(const struct redis_broker *b)
{
    return b->want > b->unsent ? b->want - b->unsent : 0;
}

void redis_fetch_pump(struct redis_broker *b)
{
    const size_t want = wanted(b);
    if (b->quiescing)
        redis_wait_quiesce(b);
    /* On a link that is closing every command fails at once, and would come again. */
    if (!b->up || b->quiescing || b->fetching || b->fetch_paused ||
        b->redis.link.state != LINK_OPEN)
        return;
    if (want == 0)
        redis_wait_disarm(b);
    else if (!redis_lease_sure(&b->base))
        return;
    else if (b->drained)
        redis_wait_arm(b);
    else
        send_fetch(b, want);
}

void redis_fetch_start(struct redis_broker *b)
{
    b->drained = false;
    redis_wait_start(b);
}

void redis_fetch_lost(struct redis_broker *b)
{
    b->fetching = false;
    b->drained = false;
    redis_wait_lost(b);
}
