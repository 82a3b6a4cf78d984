/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that follow from an outcome, and the end of chords: what comes last. */
#include "follow.h"

#include "../worker.h"

#include "../../protocol/envelope.h"

#include <stdlib.h>

/* ---- kept, and published ------------------------------------------------------ */

static void on_published(void *ctx)
{
    struct effect *e = ctx;
    struct follow *f = e->follow;
    list_remove(&e->link);
    f->waiting--;
    f->waiting_bytes -= e->bytes;
    free(e);
    follow_go_on(f);
}

/* kombu's mark of a message that may have come before: what followed is published again
 * only if the message it followed from is delivered again. */
static bool mark(struct follow *f, struct str text, struct wr *marked)
{
    struct arena *a = &f->rq->worker->scratch;
    if (follow_is_off_our_hands(f->rq))
        return false;
    arena_reset(a);
    return envelope_mark_redelivered(a, text, marked) && !marked->bad;
}

/* A message that is put back, buried, retried or gone already is not replaced. */
static bool is_replaced(const struct request *rq)
{
    return !follow_is_off_our_hands(rq) && !rq->burial && !rq->retry &&
           rq->requeue == REQUEUE_NOT;
}

static void publish(struct follow *f, struct effect *e, bool ahead)
{
    struct broker *b = f->rq->worker->broker;
    const struct broker_address to = {e->f.exchange, e->f.routing_key, e->f.priority};
    struct wr marked;
    list_remove(&e->link);
    list_push(&f->out, &e->link);
    f->nkept--;
    f->kept_bytes -= e->bytes;
    f->waiting++;
    f->waiting_bytes += e->bytes;
    event_task_sent(f->rq->worker, e->f.text, &to);
    wr_init(&marked, e->f.text.n + 256);
    b->ops->publish(b, &to,
                    ahead && mark(f, e->f.text, &marked) ? wr_str(&marked) : e->f.text,
                    on_published, e);
    wr_finish(&marked);
}

static void publish_all(struct follow *f)
{
    bool ahead = is_replaced(f->rq), in_loop = f->in_loop;
    f->in_loop = true; /* the broker may answer at once: nothing is settled in here */
    while (!list_empty(&f->kept))
        publish(f, list_entry(f->kept.next, struct effect, link), ahead);
    f->in_loop = in_loop;
    f->kept_before = 0;
}

void follow_keep(struct follow *f, struct effect *e)
{
    if (f->nkept >= FOLLOW_MAX || f->kept_bytes >= FOLLOW_MAX_BYTES)
        publish_all(f);
    list_push(&f->kept, &e->link);
    f->nkept++;
    f->kept_bytes += e->bytes;
}

bool follow_publishes_first(struct follow *f)
{
    if (f->rq->taken_over)
        follow_drop(f); /* who has it now will do it */
    if (f->nkept == 0 || is_replaced(f->rq))
        return false;
    publish_all(f);
    return !list_empty(&f->out);
}

bool follow_messages(struct request *rq, struct broker_message **messages, size_t *n)
{
    struct follow *f = rq->follow;
    size_t i = 0;
    *n = f ? f->nkept : 0;
    *messages = *n ? malloc(*n * sizeof(**messages)) : NULL;
    if (!*messages)
        return *n == 0;
    for (struct list *l = f->kept.next; l != &f->kept; l = l->next) {
        const struct effect *e = list_entry(l, struct effect, link);
        (*messages)[i++] =
            (struct broker_message){{e->f.exchange, e->f.routing_key, e->f.priority},
                                    e->f.text};
    }
    return true;
}

/* ---- chords end --------------------------------------------------------------- */

static void one_less(struct follow *f)
{
    if (--f->ending == 0)
        request_destroy(f->rq);
}

static void on_ended(void *ctx, enum backend_verdict verdict, const char *why)
{
    struct follow *f = ctx;
    if (verdict != BACKEND_STORED)
        log_line_of(REQUEST_SUBJECT(f->rq), LOG_ERROR,
                    "Task %s[%s]: the keys of a chord stay until they expire: "
                    "%s",
                    f->rq->name.p, f->rq->id.p, why);
    one_less(f);
}

bool follow_end_chords(struct request *rq)
{
    struct follow *f = rq->follow;
    struct backend *b = rq->worker->backend;
    if (!f || !b || list_empty(&f->ends) || rq->taken_over)
        return false;
    f->ending = 1;
    for (struct list *l = f->ends.next; l != &f->ends; l = l->next) {
        const struct effect *e = list_entry(l, struct effect, link);
        f->ending++;
        b->ops->chord_end(b, e->f.group, e->f.id, e->f.size == 1, on_ended, f);
    }
    one_less(f);
    return true;
}
