/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

#include "../request/follow.h"
#include "../request/publishing.h"

#include <stdlib.h>

#define QUEUE_BELOW_S 0.001
#define DOCUMENTS_BYTES (256u << 10)
#define SECURITY_BYTES (64u << 10)
#define PUBLISHING_BYTES (4u << 20) /* of settings, mostly task_routes */

struct slot_write {
    uv_write_t req;
    struct list link; /* on slot->sending */
    uint64_t job;     /* whose bytes the tail is */
    uint64_t end;     /* of its bytes among all that were ever queued */
    bool has_tail;
    char *head; /* owned */
};

/* By the bytes that the socket took, not by on_written: a quick child answers before
 * libuv calls that. */
bool slot_is_sending(const struct slot *s, uint64_t job)
{
    const uint64_t sent =
        s->queued_bytes - uv_stream_get_write_queue_size((const uv_stream_t *)&s->pipe);
    for (struct list *l = s->sending.next; l != &s->sending; l = l->next) {
        const struct slot_write *w = list_entry(l, struct slot_write, link);
        if (w->has_tail && w->job == job && w->end > sent)
            return true;
    }
    return false;
}

static void on_written(uv_write_t *req, int status)
{
    struct slot_write *w = req->data;
    (void)status; /* a broken socket is read as its end */
    list_remove(&w->link);
    free(w->head);
    free(w);
}

/* Sends head (a copy is taken over) and, from where it stands, tail: the job's message.
 */
static void send_bytes(struct slot *s, struct str head, struct str tail, uint64_t job)
{
    struct slot_write *w = malloc(sizeof(*w));
    char *copy = malloc(head.n);
    if (!w || !copy) {
        free(w);
        free(copy);
        slot_kill(s); /* what it was given comes back */
        return;
    }
    memcpy(copy, head.p, head.n);
    *w = (struct slot_write){.head = copy, .job = job, .has_tail = tail.n > 0};
    w->req.data = w;
    s->queued_bytes += head.n + tail.n;
    w->end = s->queued_bytes;
    list_push(&s->sending, &w->link);
    uv_buf_t bufs[] = {uv_buf_init(copy, (unsigned)head.n),
                       uv_buf_init((char *)(uintptr_t)tail.p, (unsigned)tail.n)};
    if (uv_write(&w->req, (uv_stream_t *)&s->pipe, bufs, tail.n ? 2 : 1, on_written) <
        0)
        on_written(&w->req, -1);
}

void slot_flush(struct slot *s)
{
    if (s->out.len == 0 || s->state == SLOT_GONE)
        return;
    uv_buf_t buf = uv_buf_init(s->out.p, (unsigned)s->out.len);
    /* Usually the socket takes it all, and nothing needs to be kept. */
    int n = uv_try_write((uv_stream_t *)&s->pipe, &buf, 1);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent < s->out.len)
        send_bytes(s, (struct str){s->out.p + sent, s->out.len - sent}, (struct str){0},
                   0);
    wr_reset(&s->out);
}

size_t slot_room(const struct slot *s)
{
    if (s->state != SLOT_SERVING || slot_is_ending(s))
        return 0;
    /* Where memory is measured after each task, each waits for that. */
    bool may_queue = s->has_recent && s->recent_s < QUEUE_BELOW_S &&
                     s->config->max_memory_per_child_kib == 0;
    size_t depth = may_queue ? SLOT_QUEUE_DEPTH : 1;
    if (s->config->max_tasks_per_child > 0) {
        uint64_t left = (uint64_t)s->config->max_tasks_per_child - s->tasks;
        depth = left < depth ? left : depth;
    }
    return depth > s->ngiven ? depth - s->ngiven : 0;
}

void slot_give(struct slot *s, struct request *rq)
{
    const struct frame_task f = {.job = rq->job,
                                 .queue = rq->queue,
                                 .redelivered = rq->redelivered,
                                 .mode = rq->mode,
                                 .stored = follow_outcome_is_stored(rq),
                                 .outcome = follow_outcome(rq),
                                 .part = follow_part(rq),
                                 .envelope = rq->raw};
    request_move(rq, RQ_GIVEN);
    rq->child = (struct child *)s;
    list_remove(&rq->link);
    list_push(&s->given, &rq->link);
    s->ngiven++;
    frame_put_task_head(&s->out, &f);
    if (rq->raw.n <= SLOT_LARGE_BYTES) {
        wr_put(&s->out, rq->raw);
    } else {
        struct wr head = s->out;
        send_bytes(s, wr_str(&head), rq->raw, rq->job);
        wr_reset(&s->out);
    }
    if (s->out.bad)
        slot_kill(s);
}

static size_t how_many_fit(const struct str *documents, size_t n)
{
    size_t bytes = 0, i = 0;
    while (i < n && bytes < DOCUMENTS_BYTES)
        bytes += documents[i++].n;
    return i;
}

/* In frames of about DOCUMENTS_BYTES; what would fit into none is left out. */
void slot_tell_documents(struct slot *s, const struct str *documents, size_t n,
                         bool last)
{
    const size_t most = s->reader.max_frame_bytes - DOCUMENTS_BYTES;
    size_t told = 0;
    slot_flush(s);
    do {
        size_t end = told + how_many_fit(documents + told, n - told);
        size_t begun =
            frame_begin_documents(&s->out, s->running->job, last && end == n);
        for (; told < end; told++)
            frame_put_document(&s->out, documents[told].n < most ? documents[told]
                                                                 : (struct str){0});
        frame_end(&s->out, begun);
        if (s->out.bad) {
            slot_kill(s);
            return;
        }
        slot_flush(s);
    } while (told < n);
}

void slot_say_hello(struct slot *s, struct str plugins)
{
    const struct config *c = s->config;
    char accept[256];
    struct wr publishing, security;
    size_t n = strlen(c->accept_content) < sizeof(accept) - 1
                   ? strlen(c->accept_content)
                   : sizeof(accept) - 2;
    memcpy(accept, c->accept_content, n);
    accept[n++] = '\0';
    for (size_t i = 0; i < n; i++)
        if (accept[i] == ',')
            accept[i] = '\0';
    wr_init(&publishing, PUBLISHING_BYTES);
    publishing_write(&publishing, c);
    wr_init(&security, SECURITY_BYTES);
    security_write(&security, &c->security);
    const struct frame_hello f = {
        .hostname = str_of(c->hostname),
        .plugins = plugins,
        .settings = str_of(c->plugin_settings ? c->plugin_settings : "{}"),
        .accept_content = {accept, n},
        .result_serializer = str_of(config_serializer(c->result_serializer)),
        .result_compression = str_of(c->result_compression),
        .security = wr_str(&security),
        .publishing = wr_str(&publishing),
        .message_max_bytes = (uint64_t)c->message_max_bytes,
        .index = s->index,
        .log_level = (uint32_t)c->log_level,
        .attributes = c->attributes,
        .annotations = str_of(c->annotations),
        .result_extended = c->result_extended,
        .measures_memory = c->max_memory_per_child_kib > 0,
        .memory_cap_bytes = (uint64_t)c->hard_memory_per_child_kib * 1024,
    };
    frame_put_hello(&s->out, &f);
    wr_finish(&publishing);
    wr_finish(&security);
    slot_flush(s);
}
