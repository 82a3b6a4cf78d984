/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp.h"

#include <stdarg.h>
#include <stdio.h>

#define PROTOCOL_HEADER 'A' /* librabbitmq's own name for it is private */

/* ---- faults -------------------------------------------------------------------- */

void amqp_fault(struct amqp *a, const char *fmt, ...)
{
    char why[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    if (a->state == AMQP_READY) {
        amqp_connection_close_t bye = {.reply_code = AMQP_COMMAND_INVALID,
                                       .reply_text = amqp_bytes_of(str_of(why))};
        amqp_write_method(a, 0, AMQP_CONNECTION_CLOSE_METHOD, &bye);
        link_flush(&a->link);
    }
    link_close(&a->link, "%s", why);
}

/* ---- channel 0: the connection itself ------------------------------------------ */

/* As RabbitMQ writes it: "ACCESS_REFUSED - Login was refused using …". */
static void closed_by_server(struct amqp *a, const amqp_connection_close_t *m)
{
    amqp_connection_close_ok_t ok;
    snprintf(a->refusal, sizeof(a->refusal), "%.*s", (int)m->reply_text.len,
             (const char *)m->reply_text.bytes);
    amqp_write_method(a, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    link_flush(&a->link);
    link_close(&a->link, "closed by the server: %u %s", m->reply_code, a->refusal);
}

static void set_blocked(struct amqp *a, bool is_blocked, struct str reason)
{
    if (a->is_blocked == is_blocked)
        return;
    a->is_blocked = is_blocked;
    if (a->events->blocked)
        a->events->blocked(a->ctx, is_blocked, reason);
}

static void connection_heard(struct amqp *a, const amqp_method_t *m)
{
    if (m->id == AMQP_CONNECTION_CLOSE_METHOD)
        closed_by_server(a, m->decoded);
    else if (m->id == AMQP_CONNECTION_CLOSE_OK_METHOD)
        link_close(&a->link, "stopped");
    else if (a->state == AMQP_GREETING)
        amqp_greeted(a, m);
    else if (m->id == AMQP_CONNECTION_BLOCKED_METHOD)
        set_blocked(a, true,
                    amqp_str(((const amqp_connection_blocked_t *)m->decoded)->reason));
    else if (m->id == AMQP_CONNECTION_UNBLOCKED_METHOD)
        set_blocked(a, false, STR(""));
    else
        amqp_fault(a, "the server sent %s, which nobody asked for",
                   a->library->method_name(m->id));
}

/* ---- frames in ----------------------------------------------------------------- */

static void channel_frame(struct amqp *a, const amqp_frame_t *f)
{
    struct amqp_channel *c = amqp_channel_of(a, f->channel);
    if (!c) {
        amqp_fault(a, "the server sent a frame on channel %u, which is not open",
                   f->channel);
        return;
    }
    if (f->frame_type == AMQP_FRAME_METHOD)
        amqp_channel_heard(c, &f->payload.method);
    else if (f->frame_type == AMQP_FRAME_HEADER)
        amqp_content_header(c, f->payload.properties.class_id,
                            f->payload.properties.body_size, f->payload.properties.raw);
    else if (f->frame_type == AMQP_FRAME_BODY)
        amqp_content_body(c, amqp_str(f->payload.body_fragment));
}

static void take_frame(struct amqp *a, const amqp_frame_t *f)
{
    if (f->frame_type == PROTOCOL_HEADER)
        link_close(&a->link, "the server speaks another version of AMQP: %u-%u",
                   f->payload.protocol_header.protocol_version_major,
                   f->payload.protocol_header.protocol_version_minor);
    else if (f->frame_type == AMQP_FRAME_HEARTBEAT)
        return;
    else if (f->channel != 0)
        channel_frame(a, f);
    else if (f->frame_type == AMQP_FRAME_METHOD)
        connection_heard(a, &f->payload.method);
    else
        amqp_fault(a, "the server sent a content on channel 0");
}

void amqp_received(struct amqp *a, struct str bytes)
{
    a->heard_ms = uv_now(a->link.loop);
    while (bytes.n > 0 && a->link.state == LINK_OPEN) {
        amqp_frame_t frame;
        int n = a->library->handle_input(a->reader, amqp_bytes_of(bytes), &frame);
        if (n < 0) {
            amqp_fault(a, "the server does not speak AMQP 0-9-1: %s",
                       a->library->error_text(n));
            return;
        }
        bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
        if (frame.frame_type == 0)
            continue;
        take_frame(a, &frame);
        a->library->release(a->reader, frame.channel);
    }
}

/* ---- deadlines and heartbeats --------------------------------------------------- */

static uint64_t answer_timeout_ms(const struct amqp *a)
{
    const struct connect_options *o = &a->url->options;
    double s =
        a->state == AMQP_READY ? o->socket_timeout_s : o->socket_connect_timeout_s;
    return (uint64_t)(s * 1000);
}

void amqp_tick(struct amqp *a)
{
    uint64_t now = uv_now(a->link.loop), beat_ms = a->heartbeat_s * (uint64_t)1000;
    uint64_t limit_ms = answer_timeout_ms(a);
    if (a->link.state != LINK_OPEN)
        return;
    if (a->state == AMQP_GREETING) {
        if (limit_ms > 0 && now - a->ready_since_ms > limit_ms)
            link_close(&a->link, "no answer to the greeting within %.1f s",
                       (double)limit_ms / 1000);
        return;
    }
    uint64_t oldest = amqp_channels_oldest_ms(a);
    if (limit_ms > 0 && oldest < now && now - oldest > limit_ms)
        link_close(&a->link, "no answer within %.1f s", (double)limit_ms / 1000);
    else if (beat_ms > 0 && now - a->heard_ms > 2 * beat_ms)
        link_close(&a->link, "no heartbeat for %.1f s", (double)(2 * beat_ms) / 1000);
    else if (beat_ms > 0 && now - a->said_ms >= beat_ms / 2)
        amqp_write_heartbeat(a);
}
