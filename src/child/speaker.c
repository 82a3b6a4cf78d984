/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker.h"

#include "job.h"
#include "meta.h"

static void send_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    struct wire *wire = t->sink->to;
    struct frame_state f = {.job = t->job};
    struct wr w;

    wr_init(&w, t->node->message_max_bytes);
    meta_write_state(&w, t, state, meta, job_now_us());
    f.meta = wr_str(&w);
    if (w.bad) {
        task_fail(t, "kombu.exceptions.EncodeError",
                  "state %s needs more bytes than the setting message_max_bytes allows",
                  state);
    } else {
        frame_put_state(&wire->out, &f);
        wire_flush(wire);
    }
    wr_finish(&w);
}

static void send_log(struct ptl_task *t, ptl_level level, struct str text)
{
    struct wire *wire = t->sink->to;
    struct frame_log f = {.job = t->job, .level = (uint32_t)level, .text = text};

    frame_put_log(&wire->out, &f);
    wire_flush(wire);
}

static void send_event(struct ptl_task *t, const struct frame_event *e)
{
    struct wire *wire = t->sink->to;

    frame_put_event(&wire->out, e);
    wire_flush(wire);
}

static void send_metric(struct ptl_task *t, const struct frame_metric *m)
{
    struct wire *wire = t->sink->to;

    frame_put_metric(&wire->out, m);
    wire_flush(wire);
}

/* A full socket makes the handler wait: so the worker holds back one that sends more
 * than the broker takes. */
static void send_effect(struct ptl_task *t, const struct frame_effect *e,
                        const struct message_send *m)
{
    struct wire *wire = t->sink->to;

    (void)m;
    frame_put_effect(&wire->out, e);
    wire_flush(wire);
}

static void read_documents(struct ptl_task *t, enum frame_read_what what,
                           struct str ids, void (*each)(void *ctx, struct str document),
                           void *ctx)
{
    struct wire *wire = t->sink->to;
    struct frame_read f = {.job = t->job, .what = what, .ids = ids};
    struct frame_documents d;
    struct str document;

    frame_put_read(&wire->out, &f);
    wire_flush(wire);
    do {
        wire_wait_documents(wire, t->job, &d);
        while (frame_next_document(&d.items, &document))
            each(ctx, document);
    } while (!d.last);
}

struct task_sink speaker_sink(struct wire *w)
{
    return (struct task_sink){send_state,  send_log,       send_event, send_metric,
                              send_effect, read_documents, w};
}
