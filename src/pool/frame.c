/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

/* A buffer that one large frame has grown is given back, not kept for ever. */
#define KEPT_BYTES (1u << 20)

static uint32_t peek_u32(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

void frame_reader_init(struct frame_reader *r, size_t max_frame_bytes)
{
    wr_init(&r->in, SIZE_MAX / 2); /* what bounds it is stored beside it */
    r->taken = 0;
    r->max_frame_bytes = max_frame_bytes;
}

void frame_reader_finish(struct frame_reader *r)
{
    wr_finish(&r->in);
}

static void forget_taken(struct frame_reader *r)
{
    size_t rest = r->in.len - r->taken;

    if (r->taken == 0)
        return;
    if (rest == 0 && r->in.cap > KEPT_BYTES) {
        wr_finish(&r->in);
        wr_init(&r->in, SIZE_MAX / 2);
    }
    if (rest > 0)
        memmove(r->in.p, r->in.p + r->taken, rest);
    r->in.len = rest;
    r->taken = 0;
}

static bool announces_too_much(const struct frame_reader *r)
{
    return r->in.len - r->taken >= FRAME_HEADER_BYTES &&
           peek_u32(r->in.p + r->taken) > r->max_frame_bytes;
}

bool frame_reader_feed(struct frame_reader *r, struct str bytes)
{
    forget_taken(r);
    wr_put(&r->in, bytes);
    return !r->in.bad && !announces_too_much(r);
}

int frame_reader_next(struct frame_reader *r, struct frame *f)
{
    size_t there = r->in.len - r->taken;
    uint32_t length;
    uint8_t type;

    if (there < FRAME_HEADER_BYTES)
        return 0;
    length = peek_u32(r->in.p + r->taken);
    if (length == 0 || length > r->max_frame_bytes)
        return -1;
    if (there - FRAME_HEADER_BYTES < length)
        return 0;
    type = (uint8_t)r->in.p[r->taken + FRAME_HEADER_BYTES];
    if (type < FRAME_HELLO || type > FRAME_EVENT)
        return -1;
    f->type = (enum frame_type)type;
    f->body = rd_of(
        (struct str){r->in.p + r->taken + FRAME_HEADER_BYTES + 1, (size_t)length - 1});
    r->taken += FRAME_HEADER_BYTES + length;
    return 1;
}
