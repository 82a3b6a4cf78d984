/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out: type, channel, length, payload, and an end that is always the same. */
#include "amqp.h"

#define FRAME_HEAD 7
#define FRAME_END 0xCE

static void put_u16(struct wr *w, uint16_t v)
{
    wr_u8(w, (uint8_t)(v >> 8));
    wr_u8(w, (uint8_t)v);
}

static void put_u32(struct wr *w, uint32_t v)
{
    put_u16(w, (uint16_t)(v >> 16));
    put_u16(w, (uint16_t)v);
}

static void put_u64(struct wr *w, uint64_t v)
{
    put_u32(w, (uint32_t)(v >> 32));
    put_u32(w, (uint32_t)v);
}

/* Where the payload begins; the length is known at its end. */
static size_t frame_begin(struct amqp *a, uint8_t type, uint16_t channel)
{
    struct wr *w = &a->link.out;
    a->said_ms = uv_now(a->link.loop);
    wr_u8(w, type);
    put_u16(w, channel);
    put_u32(w, 0);
    return w->len;
}

static void frame_end(struct amqp *a, size_t begun)
{
    struct wr *w = &a->link.out;
    size_t n = w->len - begun;
    if (!w->bad)
        for (unsigned i = 0; i < 4; i++)
            w->p[begun - 4 + i] = (char)(uint8_t)(n >> (8 * (3 - i)));
    wr_u8(w, FRAME_END);
}

/* Takes back what the coder did not need of the room it was given; n is what it needed,
 * or its error. False after closing the connection. */
static bool keep(struct amqp *a, size_t room, int n)
{
    if (a->link.out.bad)
        return false; /* the link finds that out itself */
    a->link.out.len -= room - (n > 0 ? (size_t)n : 0);
    if (n < 0)
        amqp_fault(a, "a frame cannot be written: %s", a->library->error_text(n));
    return n >= 0;
}

static size_t most_payload(const struct amqp *a)
{
    return a->frame_max - FRAME_HEAD - 1;
}

void amqp_write_method(struct amqp *a, uint16_t channel, amqp_method_number_t id,
                       void *method)
{
    if (a->link.state != LINK_OPEN)
        return;
    size_t begun = frame_begin(a, AMQP_FRAME_METHOD, channel);
    size_t room = most_payload(a) - 4;
    put_u32(&a->link.out, id);
    char *p = wr_grow(&a->link.out, room);
    if (keep(a, room,
             p ? a->library->encode_method(id, method, (amqp_bytes_t){room, p}) : 0))
        frame_end(a, begun);
}

void amqp_write_heartbeat(struct amqp *a)
{
    frame_end(a, frame_begin(a, AMQP_FRAME_HEARTBEAT, 0));
}

static bool write_header(struct amqp *a, uint16_t channel,
                         const amqp_basic_properties_t *properties, uint64_t size)
{
    struct wr *w = &a->link.out;
    size_t begun = frame_begin(a, AMQP_FRAME_HEADER, channel);
    size_t room = most_payload(a) - 12;
    put_u16(w, AMQP_BASIC_CLASS);
    put_u16(w, 0); /* weight: unused */
    put_u64(w, size);
    char *p = wr_grow(w, room);
    if (!keep(a, room,
              p ? a->library->encode_properties(AMQP_BASIC_CLASS, (void *)properties,
                                                (amqp_bytes_t){room, p})
                : 0))
        return false;
    frame_end(a, begun);
    return true;
}

void amqp_write_content(struct amqp *a, uint16_t channel,
                        const amqp_basic_properties_t *properties, struct str body)
{
    if (a->link.state != LINK_OPEN || !write_header(a, channel, properties, body.n))
        return;
    while (body.n > 0) {
        size_t most = most_payload(a);
        struct str part = {body.p, body.n < most ? body.n : most};
        size_t begun = frame_begin(a, AMQP_FRAME_BODY, channel);
        wr_put(&a->link.out, part);
        frame_end(a, begun);
        body = (struct str){body.p + part.n, body.n - part.n};
    }
}
