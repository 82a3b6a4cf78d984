/* SPDX-License-Identifier: Apache-2.0 */
#include "send.h"

#include "../worker.h"
#include "follow.h"

#include <stdlib.h>

/* All that one request has sent; outlives it while messages are on their way. */
struct sends {
    struct request *rq; /* NULL: it is gone */
    size_t pending, pending_bytes;
    bool holds_back; /* its child is not being read */
    char *refusal;   /* the first, owned */
};

struct sent {
    struct sends *sends;
    size_t bytes;
};

static void destroy(struct sends *s)
{
    free(s->refusal);
    free(s);
}

static void note_refusal(struct sends *s, const char *why)
{
    if (s->rq)
        log_line_of(REQUEST_SUBJECT(s->rq), LOG_ERROR,
                    "Task %s[%s]: what it sent cannot be published: %.300s",
                    s->rq->name.p, s->rq->id.p, why);
    if (!s->refusal)
        s->refusal = strdup(why);
}

static bool is_full(const struct sends *s, size_t share)
{
    return s->pending >= SEND_MAX / share || s->pending_bytes >= SEND_MAX_BYTES / share;
}

static void go_on(struct sends *s)
{
    struct request *rq = s->rq;
    if (s->holds_back && !is_full(s, 2)) {
        s->holds_back = false;
        pool_resume(rq);
    }
    if (s->pending == 0)
        follow_sent(rq);
}

static void on_sent(void *ctx, const char *why)
{
    struct sent *sent = ctx;
    struct sends *s = sent->sends;
    s->pending--;
    s->pending_bytes -= sent->bytes;
    free(sent);
    if (why)
        note_refusal(s, why);
    if (s->rq)
        go_on(s);
    else if (s->pending == 0)
        destroy(s);
}

static struct sends *sends_of(struct request *rq)
{
    if (!rq->sends && (rq->sends = calloc(1, sizeof(*rq->sends))))
        rq->sends->rq = rq;
    return rq->sends;
}

bool send_message(struct request *rq, const struct frame_effect *f)
{
    struct broker *b = rq->worker->broker;
    const struct broker_address to = {f->exchange, f->routing_key, f->priority};
    struct sends *s = sends_of(rq);
    struct sent *sent = s ? malloc(sizeof(*sent)) : NULL;
    if (!sent) {
        log_line_of(REQUEST_SUBJECT(rq), LOG_CRITICAL,
                    "Task %s[%s]: no memory for what it sends: child killed",
                    rq->name.p, rq->id.p);
        pool_kill_child(rq);
        return true;
    }
    *sent = (struct sent){s, f->text.n};
    s->pending++;
    s->pending_bytes += f->text.n;
    s->holds_back |= is_full(s, 1);
    event_task_sent(rq->worker, f->text, &to);
    b->ops->send(b, &to, f->text, on_sent, sent);
    return !s->holds_back;
}

bool send_is_pending(const struct request *rq)
{
    return rq->sends && rq->sends->pending > 0;
}

const char *send_refusal(const struct request *rq)
{
    return rq->sends ? rq->sends->refusal : NULL;
}

void send_forget(struct request *rq)
{
    if (!rq->sends)
        return;
    rq->sends->rq = NULL;
    if (rq->sends->pending == 0)
        destroy(rq->sends);
    rq->sends = NULL;
}
