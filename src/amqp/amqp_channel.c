/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked on a channel, and answered in the order of the questions. */
#include "amqp.h"

#include <stdio.h>
#include <stdlib.h>

struct question {
    struct list link;
    amqp_method_number_t answer; /* the method that answers it */
    amqp_reply_fn *fn;
    void *ctx;
    uint64_t asked_ms;
};

static struct question *oldest(const struct amqp_channel *c)
{
    return list_empty(&c->questions)
               ? NULL
               : list_entry(c->questions.next, struct question, link);
}

static void answer(struct amqp_channel *c, const amqp_method_t *m)
{
    struct question *q = oldest(c);
    amqp_reply_fn *fn = q->fn;
    void *ctx = q->ctx;
    list_remove(&q->link);
    free(q);
    if (fn)
        fn(ctx, m);
}

/* ---- closed -------------------------------------------------------------------- */

static void forget(struct amqp_channel *c)
{
    list_remove(&c->link);
    c->state = CHANNEL_CLOSED;
    amqp_content_forget(c);
    while (oldest(c))
        answer(c, NULL);
}

static void closed(struct amqp_channel *c, uint16_t code, const char *why)
{
    bool listens = c->state != CHANNEL_CLOSING;
    forget(c);
    if (listens && c->events->closed)
        c->events->closed(c->ctx, code, why);
}

void amqp_channels_lost(struct amqp *a)
{
    while (!list_empty(&a->channels))
        closed(list_entry(a->channels.next, struct amqp_channel, link), 0, NULL);
}

static void closed_by_server(struct amqp_channel *c, const amqp_channel_close_t *m)
{
    char why[300];
    amqp_channel_close_ok_t ok;
    snprintf(why, sizeof(why), "%.*s", (int)m->reply_text.len,
             (const char *)m->reply_text.bytes);
    amqp_write_method(c->amqp, c->number, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    closed(c, m->reply_code, why);
}

/* ---- heard --------------------------------------------------------------------- */

static void cancelled_by_server(struct amqp_channel *c, const amqp_basic_cancel_t *m)
{
    if (c->events->cancelled)
        c->events->cancelled(c->ctx, amqp_str(m->consumer_tag));
}

static void confirmed(struct amqp_channel *c, uint64_t number, bool multiple,
                      bool taken)
{
    if (c->events->confirmed)
        c->events->confirmed(c->ctx, number, multiple, taken);
}

static void set_flow(struct amqp_channel *c, const amqp_channel_flow_t *m)
{
    amqp_channel_flow_ok_t ok = {.active = m->active};
    amqp_write_method(c->amqp, c->number, AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
}

static void heard_unasked(struct amqp_channel *c, const amqp_method_t *m)
{
    switch (m->id) {
    case AMQP_BASIC_DELIVER_METHOD:
    case AMQP_BASIC_RETURN_METHOD:
        amqp_content_begin(c, m);
        return;
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = m->decoded;
        confirmed(c, ack->delivery_tag, ack->multiple, true);
        return;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = m->decoded;
        confirmed(c, nack->delivery_tag, nack->multiple, false);
        return;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        cancelled_by_server(c, m->decoded);
        return;
    case AMQP_CHANNEL_FLOW_METHOD:
        set_flow(c, m->decoded);
        return;
    default:
        amqp_fault(c->amqp, "the server sent %s, which nobody asked for",
                   c->amqp->library->method_name(m->id)
                       ? c->amqp->library->method_name(m->id)
                       : "an unknown method");
    }
}

/* What still comes behind our own close is not listened to. */
static void heard_closing(struct amqp_channel *c, const amqp_method_t *m)
{
    if (m->id == AMQP_CHANNEL_CLOSE_OK_METHOD)
        forget(c);
    else if (m->id == AMQP_BASIC_DELIVER_METHOD || m->id == AMQP_BASIC_RETURN_METHOD)
        amqp_content_begin(c, m);
}

void amqp_channel_heard(struct amqp_channel *c, const amqp_method_t *m)
{
    const struct question *q = oldest(c);
    if (m->id == AMQP_CHANNEL_CLOSE_METHOD) {
        closed_by_server(c, m->decoded);
    } else if (c->content) {
        amqp_fault(c->amqp, "the server began a method within a message");
    } else if (c->state == CHANNEL_CLOSING) {
        heard_closing(c, m);
    } else if (q && q->answer == m->id) {
        if (m->id == AMQP_CHANNEL_OPEN_OK_METHOD)
            c->state = CHANNEL_OPEN;
        answer(c, m);
    } else {
        heard_unasked(c, m);
    }
}

/* ---- said ---------------------------------------------------------------------- */

void amqp_say(struct amqp_channel *c, amqp_method_number_t id, void *method)
{
    if (c->state == CHANNEL_OPENING || c->state == CHANNEL_OPEN)
        amqp_write_method(c->amqp, c->number, id, method);
}

/* An answer's number follows its question's; unlike that of basic.get. */
void amqp_ask(struct amqp_channel *c, amqp_method_number_t id, void *method,
              amqp_reply_fn *fn, void *ctx)
{
    struct question *q = calloc(1, sizeof(*q));
    bool is_open = c->state == CHANNEL_OPENING || c->state == CHANNEL_OPEN;
    if (is_open && !q)
        amqp_fault(c->amqp, "out of memory for another question");
    if (!is_open || !q) {
        free(q);
        if (fn)
            fn(ctx, NULL);
        return;
    }
    *q = (struct question){.answer = id + 1,
                           .fn = fn,
                           .ctx = ctx,
                           .asked_ms = uv_now(c->amqp->link.loop)};
    list_push(&c->questions, &q->link);
    amqp_write_method(c->amqp, c->number, id, method);
}

void amqp_publish(struct amqp_channel *c, amqp_basic_publish_t *method,
                  const amqp_basic_properties_t *properties, struct str body)
{
    if (c->state != CHANNEL_OPENING && c->state != CHANNEL_OPEN)
        return;
    amqp_write_method(c->amqp, c->number, AMQP_BASIC_PUBLISH_METHOD, method);
    amqp_write_content(c->amqp, c->number, properties, body);
}

uint64_t amqp_channels_oldest_ms(const struct amqp *a)
{
    uint64_t first = UINT64_MAX;
    for (struct list *l = a->channels.next; l != &a->channels; l = l->next) {
        const struct question *q = oldest(list_entry(l, struct amqp_channel, link));
        if (q && q->asked_ms < first)
            first = q->asked_ms;
    }
    return first;
}

/* ---- opened and closed by us ----------------------------------------------------- */

struct amqp_channel *amqp_channel_of(struct amqp *a, uint16_t number)
{
    for (struct list *l = a->channels.next; l != &a->channels; l = l->next) {
        struct amqp_channel *c = list_entry(l, struct amqp_channel, link);
        if (c->number == number)
            return c;
    }
    return NULL;
}

static uint16_t free_number(struct amqp *a)
{
    uint16_t number = 1;
    while (amqp_channel_of(a, number))
        number++;
    return number <= a->channel_max ? number : 0;
}

void amqp_channel_init(struct amqp_channel *c, struct amqp *a,
                       const struct amqp_channel_events *events, void *ctx,
                       size_t max_body_bytes)
{
    *c = (struct amqp_channel){.amqp = a,
                               .events = events,
                               .ctx = ctx,
                               .max_body_bytes = max_body_bytes};
    list_init(&c->link);
    list_init(&c->questions);
}

bool amqp_open_channel(struct amqp_channel *c)
{
    amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
    uint16_t number = c->amqp->state == AMQP_READY ? free_number(c->amqp) : 0;
    if (number == 0 || c->state != CHANNEL_CLOSED)
        return false;
    c->number = number;
    c->state = CHANNEL_OPENING;
    list_push(&c->amqp->channels, &c->link);
    amqp_ask(c, AMQP_CHANNEL_OPEN_METHOD, &open, NULL, NULL);
    return c->state != CHANNEL_CLOSED;
}

void amqp_close_channel(struct amqp_channel *c)
{
    amqp_channel_close_t bye = {.reply_code = AMQP_REPLY_SUCCESS,
                                .reply_text = amqp_empty_bytes};
    if (c->state == CHANNEL_CLOSED || c->state == CHANNEL_CLOSING)
        return;
    amqp_write_method(c->amqp, c->number, AMQP_CHANNEL_CLOSE_METHOD, &bye);
    c->state = CHANNEL_CLOSING;
    while (oldest(c))
        answer(c, NULL);
}
