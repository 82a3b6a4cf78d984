/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <math.h>

#define HEADER_BYTES 4u
/* A buffer that one large frame has grown is given back, not kept for ever. */
#define KEPT_BYTES (1u << 20)

static uint32_t peek_u32(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* ---- Cutting ------------------------------------------------------------------ */

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
    return r->in.len - r->taken >= HEADER_BYTES &&
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

    if (there < HEADER_BYTES)
        return 0;
    length = peek_u32(r->in.p + r->taken);
    if (length == 0 || length > r->max_frame_bytes)
        return -1;
    if (there - HEADER_BYTES < length)
        return 0;
    type = (uint8_t)r->in.p[r->taken + HEADER_BYTES];
    if (type < FRAME_HELLO || type > FRAME_DONE)
        return -1;
    f->type = (enum frame_type)type;
    f->body =
        rd_of((struct str){r->in.p + r->taken + HEADER_BYTES + 1, (size_t)length - 1});
    r->taken += HEADER_BYTES + length;
    return 1;
}

/* ---- Writing ------------------------------------------------------------------ */

static size_t begin(struct wr *w, enum frame_type type)
{
    size_t begun = w->len;

    wr_u32(w, 0); /* the length, known at the end */
    wr_u8(w, (uint8_t)type);
    return begun;
}

static void set_length(struct wr *w, size_t begun, size_t length)
{
    uint32_t v = (uint32_t)length;

    if (length > UINT32_MAX)
        w->bad = true;
    if (!w->bad)
        memcpy(w->p + begun, &v, sizeof(v));
}

void frame_end(struct wr *w, size_t begun)
{
    set_length(w, begun, w->len - begun - HEADER_BYTES);
}

static void put_bool(struct wr *w, bool b)
{
    wr_u8(w, b ? 1 : 0);
}

void frame_put_hello(struct wr *w, const struct frame_hello *f)
{
    size_t begun = begin(w, FRAME_HELLO);

    wr_lstr(w, f->hostname);
    wr_lstr(w, f->plugins);
    wr_lstr(w, f->settings);
    wr_lstr(w, f->accept_content);
    wr_u64(w, f->message_max_bytes);
    wr_u32(w, f->index);
    wr_u32(w, f->log_level);
    wr_f64(w, f->soft_limit_s);
    wr_f64(w, f->hard_limit_s);
    put_bool(w, f->result_extended);
    put_bool(w, f->track_started);
    frame_end(w, begun);
}

void frame_put_task_head(struct wr *w, const struct frame_task *f)
{
    size_t begun = begin(w, FRAME_TASK);

    wr_u64(w, f->job);
    wr_lstr(w, f->queue);
    put_bool(w, f->redelivered);
    put_bool(w, f->has_workflow_support);
    set_length(w, begun, w->len - begun - HEADER_BYTES + f->envelope.n);
}

void frame_put_stop(struct wr *w)
{
    frame_end(w, begin(w, FRAME_STOP));
}

size_t frame_begin_ready(struct wr *w, uint32_t pid, uint32_t nrows)
{
    size_t begun = begin(w, FRAME_READY);

    wr_u32(w, pid);
    wr_u32(w, nrows);
    return begun;
}

void frame_put_row(struct wr *w, const struct frame_row *row)
{
    wr_lstr(w, row->name);
    wr_lstr(w, row->params);
    wr_lstr(w, row->summary);
    wr_lstr(w, row->plugin);
    wr_u32(w, row->soft_limit_ms);
    wr_u32(w, row->hard_limit_ms);
    wr_u32(w, row->retry_delay_ms);
    wr_u32(w, row->flags);
    wr_u32(w, (uint32_t)row->max_retries);
}

void frame_put_broken(struct wr *w, struct str why)
{
    size_t begun = begin(w, FRAME_BROKEN);

    wr_lstr(w, why);
    frame_end(w, begun);
}

void frame_put_refused(struct wr *w, const struct frame_refused *f)
{
    size_t begun = begin(w, FRAME_REFUSED);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->reason);
    wr_lstr(w, f->text);
    frame_end(w, begun);
}

void frame_put_started(struct wr *w, const struct frame_started *f)
{
    size_t begun = begin(w, FRAME_STARTED);

    wr_u64(w, f->job);
    wr_lstr(w, f->meta);
    frame_end(w, begun);
}

void frame_put_state(struct wr *w, const struct frame_state *f)
{
    size_t begun = begin(w, FRAME_STATE);

    wr_u64(w, f->job);
    wr_lstr(w, f->meta);
    frame_end(w, begun);
}

void frame_put_log(struct wr *w, const struct frame_log *f)
{
    size_t begun = begin(w, FRAME_LOG);

    wr_u64(w, f->job);
    wr_u32(w, f->level);
    wr_lstr(w, f->text);
    frame_end(w, begun);
}

void frame_put_done(struct wr *w, const struct frame_done *f)
{
    size_t begun = begin(w, FRAME_DONE);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->outcome);
    wr_f64(w, f->runtime_s);
    wr_lstr(w, f->meta);
    wr_lstr(w, f->repr);
    wr_lstr(w, f->traceback);
    wr_lstr(w, f->retry);
    wr_u64(w, f->memory_bytes);
    frame_end(w, begun);
}

/* ---- Reading ------------------------------------------------------------------ */

/* Everything was there, and nothing is left over. */
static bool adds_up(const struct rd *r)
{
    return !r->bad && r->left == 0;
}

static bool get_bool(struct rd *r)
{
    uint8_t v = rd_u8(r);

    if (v > 1)
        r->bad = true;
    return v == 1;
}

static double get_seconds(struct rd *r)
{
    double s = rd_f64(r);

    if (!isfinite(s) || s < 0)
        r->bad = true;
    return s;
}

static uint8_t get_enum(struct rd *r, uint8_t last)
{
    uint8_t v = rd_u8(r);

    if (v < 1 || v > last)
        r->bad = true;
    return v;
}

bool frame_get_hello(struct rd body, struct frame_hello *f)
{
    f->hostname = rd_str(&body);
    f->plugins = rd_str(&body);
    f->settings = rd_str(&body);
    f->accept_content = rd_str(&body);
    f->message_max_bytes = rd_u64(&body);
    f->index = rd_u32(&body);
    f->log_level = rd_u32(&body);
    f->soft_limit_s = get_seconds(&body);
    f->hard_limit_s = get_seconds(&body);
    f->result_extended = get_bool(&body);
    f->track_started = get_bool(&body);
    return adds_up(&body);
}

bool frame_get_task(struct rd body, struct frame_task *f)
{
    f->job = rd_u64(&body);
    f->queue = rd_str(&body);
    f->redelivered = get_bool(&body);
    f->has_workflow_support = get_bool(&body);
    f->envelope = rd_bytes(&body, body.left);
    return adds_up(&body);
}

/* Walks the rows once, so that the caller may trust every one of them. */
bool frame_get_ready(struct rd body, struct frame_ready *f)
{
    struct frame_row row;
    struct rd rows;

    f->pid = rd_u32(&body);
    f->nrows = rd_u32(&body);
    f->rows = rows = body;
    for (uint32_t i = 0; i < f->nrows; i++)
        if (!frame_get_row(&rows, &row))
            return false;
    return adds_up(&rows);
}

bool frame_get_row(struct rd *rows, struct frame_row *row)
{
    row->name = rd_str(rows);
    row->params = rd_str(rows);
    row->summary = rd_str(rows);
    row->plugin = rd_str(rows);
    row->soft_limit_ms = rd_u32(rows);
    row->hard_limit_ms = rd_u32(rows);
    row->retry_delay_ms = rd_u32(rows);
    row->flags = rd_u32(rows);
    row->max_retries = (int32_t)rd_u32(rows);
    return !rows->bad;
}

bool frame_get_broken(struct rd body, struct str *why)
{
    *why = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_refused(struct rd body, struct frame_refused *f)
{
    f->job = rd_u64(&body);
    f->reason = (enum frame_refusal)get_enum(&body, REFUSED_UNKNOWN);
    f->text = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_started(struct rd body, struct frame_started *f)
{
    f->job = rd_u64(&body);
    f->meta = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_state(struct rd body, struct frame_state *f)
{
    f->job = rd_u64(&body);
    f->meta = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_log(struct rd body, struct frame_log *f)
{
    f->job = rd_u64(&body);
    f->level = rd_u32(&body);
    f->text = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_done(struct rd body, struct frame_done *f)
{
    f->job = rd_u64(&body);
    f->outcome = (enum frame_outcome)get_enum(&body, OUTCOME_REQUEUE);
    f->runtime_s = get_seconds(&body);
    f->meta = rd_str(&body);
    f->repr = rd_str(&body);
    f->traceback = rd_str(&body);
    f->retry = rd_str(&body);
    f->memory_bytes = rd_u64(&body);
    return adds_up(&body);
}
