/* SPDX-License-Identifier: Apache-2.0 */
#include "elected.h"

#include "../../protocol/json.h"
#include "../request/caller.h"
#include "../worker.h"

#include <stdlib.h>

/* One signature: what is to be done for it, one step after the other. */
struct errand {
    struct list link;
    struct elected *all;
    struct caller caller;
    const struct caller_effect *next;
    bool waiting; /* a step is not answered yet */
    bool walking; /* walk() is on the stack */
};

void elected_init(struct elected *e, struct worker *w)
{
    *e = (struct elected){.worker = w};
    list_init(&e->all);
}

static void finish(struct errand *r)
{
    list_remove(&r->link);
    r->all->n--;
    caller_finish(&r->caller);
    free(r);
}

void elected_finish(struct elected *e)
{
    while (!list_empty(&e->all))
        finish(list_entry(e->all.next, struct errand, link));
}

static void complain(const char *why)
{
    log_line(LOG_ERROR, "Could not call task: %s", why);
}

/* ---- step by step --------------------------------------------------------------- */

static void walk(struct errand *r);

static void go_on(struct errand *r, const char *why)
{
    r->waiting = false;
    if (why) {
        complain(why);
        r->next = NULL;
    }
    if (!r->walking)
        walk(r);
}

static void on_sent(void *ctx, const char *why)
{
    go_on(ctx, why);
}

static void on_stored(void *ctx, enum backend_verdict verdict, const char *why)
{
    go_on(ctx, verdict == BACKEND_STORED ? NULL : why);
}

static void step(struct errand *r, const struct frame_effect *f)
{
    struct worker *w = r->all->worker;
    struct backend *b = w->backend;
    const struct broker_address to = {f->exchange, f->routing_key, f->priority};
    r->waiting = true;
    if (f->kind == EFFECT_PUBLISH)
        w->broker->ops->send(w->broker, &to, f->text, on_sent, r);
    else if (!b)
        go_on(r, "groups and chords need a result backend");
    else if (f->kind == EFFECT_CHORD_SIZE)
        b->ops->chord_size(b, f->group, (int64_t)f->size, false, on_stored, r);
    else if (f->kind == EFFECT_GROUP)
        b->ops->save_group(b, f->group, f->text, on_stored, r);
    else
        go_on(r, "it asks for what only a task that ends can do");
}

static void walk(struct errand *r)
{
    r->walking = true;
    while (!r->waiting && r->next) {
        const struct caller_effect *now = r->next;
        r->next = now->next;
        step(r, &now->f);
    }
    r->walking = false;
    if (!r->waiting)
        finish(r);
}

/* ---- the signature -------------------------------------------------------------- */

static const char *prepare(struct errand *r, struct str action)
{
    struct json_error e;
    const char *why = caller_init(&r->caller, r->all->worker->config);
    if (why)
        return why;
    const ptl_value *sig = json_read(&r->caller.arena, action, JSON_COPY_STRINGS,
                                     &json_default_limits, &e);
    if (value_kind(sig) != PTL_MAP)
        return "its action is no signature";
    if (!caller_apply(&r->caller, sig, NULL, NULL))
        return caller_failure(&r->caller);
    r->next = r->caller.first;
    return NULL;
}

void elected_call(struct elected *e, struct str action)
{
    struct errand *r = e->n < ELECTED_MAX ? calloc(1, sizeof(*r)) : NULL;
    if (!r) {
        complain("too many others are on their way, or memory is out");
        return;
    }
    r->all = e;
    list_push(&e->all, &r->link);
    e->n++;
    const char *why = prepare(r, action);
    if (why)
        complain(why);
    walk(r); /* nothing to do: it ends there */
}
