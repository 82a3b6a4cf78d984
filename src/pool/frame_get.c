/* SPDX-License-Identifier: Apache-2.0 */
/* Frames are read, with the bounds of what comes off a network. */
#include "frame.h"

#include <math.h>

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

static void get_rate_limit(struct rd *r, char *out)
{
    struct str text = rd_str(r);

    if (text.n >= ATTRIBUTES_RATE_BYTES) {
        *r = (struct rd){.bad = true};
        text.n = 0;
    }
    str_copy_to(&out, text);
    *out = '\0';
}

static void get_attributes(struct rd *r, struct attributes *a)
{
    a->acks_late = get_bool(r);
    a->acks_on_failure = get_bool(r);
    a->acks_on_timeout = get_bool(r);
    a->reject_on_worker_lost = get_bool(r);
    a->ignore_result = get_bool(r);
    a->store_errors_even_if_ignored = get_bool(r);
    a->track_started = get_bool(r);
    a->send_events = get_bool(r);
    a->time_limit_s = get_seconds(r);
    a->soft_time_limit_s = get_seconds(r);
    a->rate_per_s = get_seconds(r);
    get_rate_limit(r, a->rate_limit);
    a->default_retry_delay_s = get_seconds(r);
    a->max_retries = (int64_t)rd_u64(r);
    if (a->max_retries < 0)
        r->bad = true;
}

bool frame_get_hello(struct rd body, struct frame_hello *f)
{
    f->hostname = rd_str(&body);
    f->plugins = rd_str(&body);
    f->settings = rd_str(&body);
    f->accept_content = rd_str(&body);
    f->result_serializer = rd_str(&body);
    f->result_compression = rd_str(&body);
    f->security = rd_str(&body);
    f->publishing = rd_str(&body);
    f->message_max_bytes = rd_u64(&body);
    f->index = rd_u32(&body);
    f->log_level = rd_u32(&body);
    get_attributes(&body, &f->attributes);
    f->annotations = rd_str(&body);
    f->result_extended = get_bool(&body);
    f->measures_memory = get_bool(&body);
    f->memory_cap_bytes = rd_u64(&body);
    return adds_up(&body);
}

static enum frame_mode get_mode(struct rd *r)
{
    uint8_t v = rd_u8(r);

    if (v > TASK_JOIN)
        r->bad = true;
    return (enum frame_mode)v;
}

bool frame_get_task(struct rd body, struct frame_task *f)
{
    f->job = rd_u64(&body);
    f->queue = rd_str(&body);
    f->redelivered = get_bool(&body);
    f->mode = get_mode(&body);
    f->stored = get_bool(&body);
    f->outcome = rd_str(&body);
    f->part = rd_str(&body);
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
    get_attributes(rows, &row->attributes);
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
    f->reason = (enum frame_refusal)get_enum(&body, REFUSED_REVOKED);
    f->text = rd_str(&body);
    return adds_up(&body);
}

bool frame_get_started(struct rd body, struct frame_started *f)
{
    f->job = rd_u64(&body);
    f->meta = rd_str(&body);
    f->call = rd_str(&body);
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

bool frame_get_event(struct rd body, struct frame_event *f)
{
    f->job = rd_u64(&body);
    f->type = rd_str(&body);
    f->fields = rd_str(&body);
    return adds_up(&body) && f->type.n > 0;
}

bool frame_get_metric(struct rd body, struct frame_metric *f)
{
    f->job = rd_u64(&body);
    f->kind = (enum frame_metric_kind)get_enum(&body, FRAME_METRIC_OBSERVE);
    f->name = rd_str(&body);
    f->help = rd_str(&body);
    f->labels = rd_str(&body);
    f->value = rd_f64(&body);
    f->nbuckets = rd_u32(&body);
    if (f->nbuckets > FRAME_BUCKETS_MAX)
        return false;
    for (uint32_t i = 0; i < f->nbuckets; i++)
        f->buckets[i] = rd_f64(&body);
    return adds_up(&body);
}

/* Without what its kind is about an effect has no meaning. */
static bool effect_is_whole(const struct frame_effect *f)
{
    switch (f->kind) {
    case EFFECT_PUBLISH:
        return f->text.n > 0;
    case EFFECT_STORE:
        return f->id.n > 0 && f->text.n > 0;
    case EFFECT_CHORD_SIZE:
        return f->group.n > 0 && f->size >= 0;
    case EFFECT_CHORD_GROW:
    case EFFECT_CHORD_END:
        return f->group.n > 0;
    case EFFECT_GROUP:
        return f->group.n > 0 && f->text.n > 0;
    case EFFECT_CHORD_PART:
        return f->group.n > 0 && f->id.n > 0 && f->text.n > 0 && !isnan(f->index);
    case EFFECT_REVOKE:
        return f->id.n > 0;
    }
    return false;
}

bool frame_get_effect(struct rd body, struct frame_effect *f)
{
    f->job = rd_u64(&body);
    f->kind = (enum frame_effect_kind)get_enum(&body, EFFECT_REVOKE);
    f->exchange = rd_str(&body);
    f->routing_key = rd_str(&body);
    f->priority = (int32_t)rd_u32(&body);
    f->id = rd_str(&body);
    f->group = rd_str(&body);
    f->index = rd_f64(&body);
    f->size = (int64_t)rd_u64(&body);
    f->text = rd_bytes(&body, body.left);
    return adds_up(&body) && effect_is_whole(f);
}

bool frame_get_read(struct rd body, struct frame_read *f)
{
    f->job = rd_u64(&body);
    f->what = (enum frame_read_what)get_enum(&body, FRAME_READ_PARTS);
    f->ids = rd_str(&body);
    return adds_up(&body) && f->ids.n > 0 && f->ids.p[f->ids.n - 1] == '\0';
}

bool frame_next_document(struct rd *items, struct str *document)
{
    struct rd ahead = *items;

    if (items->left == 0)
        return false;
    *document = (struct str){NULL, 0};
    if (rd_u32(&ahead) == FRAME_ABSENT)
        *items = ahead;
    else
        *document = rd_str(items);
    return !items->bad && !ahead.bad;
}

/* Walks the documents once, as the rows of a READY. */
bool frame_get_documents(struct rd body, struct frame_documents *f)
{
    struct str document;
    struct rd items;

    f->job = rd_u64(&body);
    f->last = get_bool(&body);
    f->items = items = body;
    while (frame_next_document(&items, &document))
        ;
    return adds_up(&items);
}

bool frame_get_done(struct rd body, struct frame_done *f)
{
    f->job = rd_u64(&body);
    f->outcome = (enum frame_outcome)get_enum(&body, OUTCOME_REQUEUE);
    f->runtime_s = get_seconds(&body);
    f->meta = rd_str(&body);
    f->repr = rd_str(&body);
    f->cause = rd_str(&body);
    f->traceback = rd_str(&body);
    f->retry = rd_str(&body);
    f->memory_bytes = rd_u64(&body);
    f->expected = get_bool(&body);
    f->effects = rd_u32(&body);
    return adds_up(&body);
}
