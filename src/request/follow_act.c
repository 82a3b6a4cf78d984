/* SPDX-License-Identifier: Apache-2.0 */
/* What the backend does of that which follows from an outcome. */
#include "follow.h"

#include "../control/control.h"
#include "../worker.h"
#include "revocation.h"

#include <stdlib.h>

struct effect *follow_copy(const struct frame_effect *f)
{
    size_t n = f->exchange.n + f->routing_key.n + f->id.n + f->group.n + f->text.n;
    struct effect *e = malloc(sizeof(*e) + n);
    if (!e)
        return NULL;
    char *at = e->text;
    *e = (struct effect){.f = *f, .bytes = sizeof(*e) + n};
    list_init(&e->link);
    e->f.exchange = str_copy_to(&at, f->exchange);
    e->f.routing_key = str_copy_to(&at, f->routing_key);
    e->f.id = str_copy_to(&at, f->id);
    e->f.group = str_copy_to(&at, f->group);
    e->f.text = str_copy_to(&at, f->text);
    return e;
}

void follow_acted(struct follow *f)
{
    free(f->acting);
    f->acting = NULL;
    if (f->rq)
        follow_go_on(f);
    else
        follow_free(f);
}

static void complain(const struct follow *f, const char *what, const char *why)
{
    if (f->rq)
        log_line_of(REQUEST_SUBJECT(f->rq), LOG_ERROR, "Task %s[%s]: %s: %s",
                    f->rq->name.p, f->rq->id.p, what, why);
}

static void on_stored(void *ctx, enum backend_verdict verdict, const char *why)
{
    struct follow *f = ctx;
    if (verdict != BACKEND_STORED)
        complain(f, "what follows from it cannot be stored", why);
    follow_acted(f);
}

/* ---- parts of chords ---------------------------------------------------------- */

/* Of the part only its names are needed any more. */
static void note_join(struct follow *f)
{
    struct frame_effect part = f->acting->f;
    part.text = STR("");
    struct effect *join = follow_copy(&part);
    if (join)
        list_push(&f->joins, &join->link);
    else
        complain(f, "its chord is complete and cannot be joined", "out of memory");
}

/* Another part joins the chord, or tried to: who was delivered before may be the one
 * that died of it. */
static bool look_again(struct follow *f, double after_s)
{
    struct request *rq = f->rq;
    if (!rq->redelivered && f->deaths == 0)
        return false;
    rq->due_us = worker_now_us(rq->worker) + (int64_t)(after_s * 1e6);
    f->looks_again = schedule_add(&rq->worker->schedule, rq);
    return f->looks_again;
}

static void on_part(void *ctx, enum backend_part_state state, double retry_s,
                    const char *why)
{
    struct follow *f = ctx;
    if (why)
        complain(f, "its part of the chord is not counted", why);
    else if (f->rq && state == PART_COMPLETE)
        note_join(f);
    else if (f->rq && state == PART_CLAIMED && look_again(f, retry_s))
        return;
    follow_acted(f);
}

/* ---- a chord's end ------------------------------------------------------------ */

/* Ours: it is noted, and nobody else joins the chord. Else who has it publishes. */
static void on_sending(void *ctx, enum backend_part_state state, double retry_s,
                       const char *why)
{
    struct follow *f = ctx;
    struct effect *end = f->acting;
    (void)retry_s;
    if (!f->rq) {
        follow_acted(f);
        return;
    }
    f->acting = NULL;
    if (why)
        complain(f, "the end of its chord is not noted", why);
    if (!why && state == PART_COMPLETE) {
        list_push(&f->ends, &end->link);
    } else {
        free(end);
        if (!why)
            follow_drop(f);
    }
    follow_go_on(f);
}

/* Named by the part whose completion led to it. */
static bool end_chord(struct follow *f)
{
    struct backend *b = f->rq->worker->backend;
    struct frame_effect named = f->acting->f;
    if (f->join)
        named.id = f->join->f.id;
    struct effect *end = f->join ? follow_copy(&named) : NULL;
    free(f->acting);
    f->acting = end;
    if (!end)
        return false;
    b->ops->chord_sending(b, end->f.group, end->f.id, on_sending, f);
    return true;
}

/* ---- each kind ---------------------------------------------------------------- */

/* The others may have it already; here it is revoked without the bus, too. */
static void revoke_everywhere(struct worker *w, struct str id)
{
    revocation_revoke(w, &id, 1);
    control_tell_revoked(w, id);
}

static bool nothing_to_ask(struct follow *f, struct effect *e)
{
    struct worker *w = f->rq->worker;
    if (e->f.kind == EFFECT_REVOKE)
        revoke_everywhere(w, e->f.id);
    else if (!w->backend)
        complain(f, "what follows from it needs a result backend",
                 "set result_backend");
    else
        return false;
    free(e);
    return true;
}

bool follow_act(struct follow *f, struct effect *e)
{
    struct backend *b = f->rq->worker->backend;
    const struct frame_effect *told = &e->f;
    bool again = f->rq->redelivered || f->deaths > 0;
    if (nothing_to_ask(f, e))
        return false;
    switch (told->kind) {
    case EFFECT_STORE:
        b->ops->store(b, told->id, told->text, BACKEND_UPDATE, on_stored, f);
        return true;
    case EFFECT_CHORD_SIZE:
        b->ops->chord_size(b, told->group, told->size, again && !e->before, on_stored,
                           f);
        return true;
    case EFFECT_CHORD_GROW:
        b->ops->chord_grow(b, told->group, on_stored, f);
        return true;
    case EFFECT_GROUP:
        b->ops->save_group(b, told->group, told->text, on_stored, f);
        return true;
    case EFFECT_CHORD_PART:
        b->ops->chord_part(b,
                           &(struct backend_part){told->group, told->id, told->index,
                                                  told->text},
                           on_part, f);
        return true;
    case EFFECT_CHORD_END:
        return end_chord(f);
    default:
        free(e); /* messages and revocations are no business of the backend's */
        return false;
    }
}
