/* SPDX-License-Identifier: Apache-2.0 */
/* Frames are written. */
#include "frame.h"

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
    set_length(w, begun, w->len - begun - FRAME_HEADER_BYTES);
}

static void put_bool(struct wr *w, bool b)
{
    wr_u8(w, b ? 1 : 0);
}

static void put_attributes(struct wr *w, const struct attributes *a)
{
    put_bool(w, a->acks_late);
    put_bool(w, a->acks_on_failure);
    put_bool(w, a->acks_on_timeout);
    put_bool(w, a->reject_on_worker_lost);
    put_bool(w, a->ignore_result);
    put_bool(w, a->store_errors_even_if_ignored);
    put_bool(w, a->track_started);
    put_bool(w, a->send_events);
    wr_f64(w, a->time_limit_s);
    wr_f64(w, a->soft_time_limit_s);
    wr_f64(w, a->rate_per_s);
    wr_lstr(w, str_of(a->rate_limit));
    wr_f64(w, a->default_retry_delay_s);
    wr_u64(w, (uint64_t)a->max_retries);
}

void frame_put_hello(struct wr *w, const struct frame_hello *f)
{
    size_t begun = begin(w, FRAME_HELLO);

    wr_lstr(w, f->hostname);
    wr_lstr(w, f->plugins);
    wr_lstr(w, f->settings);
    wr_lstr(w, f->accept_content);
    wr_lstr(w, f->result_serializer);
    wr_lstr(w, f->result_compression);
    wr_lstr(w, f->security);
    wr_lstr(w, f->publishing);
    wr_u64(w, f->message_max_bytes);
    wr_u32(w, f->index);
    wr_u32(w, f->log_level);
    put_attributes(w, &f->attributes);
    wr_lstr(w, f->annotations);
    put_bool(w, f->result_extended);
    put_bool(w, f->measures_memory);
    wr_u64(w, f->memory_cap_bytes);
    frame_end(w, begun);
}

void frame_put_task_head(struct wr *w, const struct frame_task *f)
{
    size_t begun = begin(w, FRAME_TASK);

    wr_u64(w, f->job);
    wr_lstr(w, f->queue);
    put_bool(w, f->redelivered);
    wr_u8(w, (uint8_t)f->mode);
    put_bool(w, f->stored);
    wr_lstr(w, f->outcome);
    wr_lstr(w, f->part);
    set_length(w, begun, w->len - begun - FRAME_HEADER_BYTES + f->envelope.n);
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
    put_attributes(w, &row->attributes);
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
    wr_lstr(w, f->call);
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

void frame_put_event(struct wr *w, const struct frame_event *f)
{
    size_t begun = begin(w, FRAME_EVENT);

    wr_u64(w, f->job);
    wr_lstr(w, f->type);
    wr_lstr(w, f->fields);
    frame_end(w, begun);
}

void frame_put_metric(struct wr *w, const struct frame_metric *f)
{
    size_t begun = begin(w, FRAME_METRIC);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->kind);
    wr_lstr(w, f->name);
    wr_lstr(w, f->help);
    wr_lstr(w, f->labels);
    wr_f64(w, f->value);
    wr_u32(w, f->nbuckets);
    for (uint32_t i = 0; i < f->nbuckets; i++)
        wr_f64(w, f->buckets[i]);
    frame_end(w, begun);
}

void frame_put_effect(struct wr *w, const struct frame_effect *f)
{
    size_t begun = begin(w, FRAME_EFFECT);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->kind);
    wr_lstr(w, f->exchange);
    wr_lstr(w, f->routing_key);
    wr_u32(w, (uint32_t)f->priority);
    wr_lstr(w, f->id);
    wr_lstr(w, f->group);
    wr_f64(w, f->index);
    wr_u64(w, (uint64_t)f->size);
    wr_put(w, f->text);
    frame_end(w, begun);
}

void frame_put_read(struct wr *w, const struct frame_read *f)
{
    size_t begun = begin(w, FRAME_READ);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->what);
    wr_lstr(w, f->ids);
    frame_end(w, begun);
}

size_t frame_begin_documents(struct wr *w, uint64_t job, bool last)
{
    size_t begun = begin(w, FRAME_DOCUMENTS);

    wr_u64(w, job);
    put_bool(w, last);
    return begun;
}

void frame_put_document(struct wr *w, struct str document)
{
    if (document.p)
        wr_lstr(w, document);
    else
        wr_u32(w, FRAME_ABSENT);
}

void frame_put_done(struct wr *w, const struct frame_done *f)
{
    size_t begun = begin(w, FRAME_DONE);

    wr_u64(w, f->job);
    wr_u8(w, (uint8_t)f->outcome);
    wr_f64(w, f->runtime_s);
    wr_lstr(w, f->meta);
    wr_lstr(w, f->repr);
    wr_lstr(w, f->cause);
    wr_lstr(w, f->traceback);
    wr_lstr(w, f->retry);
    wr_u64(w, f->memory_bytes);
    put_bool(w, f->expected);
    wr_u32(w, f->effects);
    frame_end(w, begun);
}
