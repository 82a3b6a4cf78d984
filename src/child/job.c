/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include "../../protocol/json.h"
#include "cancel.h"
#include "meta.h"
#include "settle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A task may hold its body as base64, as bytes and as text, and a result of the same
 * size; and the most values that JSON's own limit admits, each with its place in a
 * list. Nothing is allocated before it is needed. */
#define TEXT_COPIES 4
#define BYTES_PER_VALUE (sizeof(ptl_value) + 4 * sizeof(void *))
#define RESERVE_BYTES ((size_t)4 << 20)
/* A buffer that one large task has grown is given back, not kept for ever. */
#define KEPT_BYTES ((size_t)1 << 20)
/* What follows is told as a whole; more than this no child could hold either. */
#define FOLLOWUPS_MAX_BYTES ((size_t)1 << 30)
/* Reading the resident size costs more than a short task. */
#define TASKS_PER_MEMORY_READ 64
#define LONG_TASK_S 0.001

static size_t arena_cap(const struct node *node)
{
    size_t values = json_default_limits.max_values * BYTES_PER_VALUE;

    if (node->message_max_bytes > (SIZE_MAX - values) / TEXT_COPIES)
        return SIZE_MAX / 2;
    return TEXT_COPIES * (size_t)node->message_max_bytes + values;
}

void job_init(struct job *j, const struct node *node, const struct task_sink *sink)
{
    *j = (struct job){.memory_bytes = 0};
    arena_init(&j->arena, arena_cap(node));
    arena_init(&j->reserve, RESERVE_BYTES);
    verdict_init(&j->verdict);
    wr_init(&j->result, node->message_max_bytes);
    wr_init(&j->meta, frame_max_bytes(node->message_max_bytes) / 4 * 3);
    wr_init(&j->retry, frame_max_bytes(node->message_max_bytes) / 4);
    wr_init(&j->followups.frames, FOLLOWUPS_MAX_BYTES);
    wr_init(&j->task.children, frame_max_bytes(node->message_max_bytes) / 16);
    j->task.arena = &j->arena;
    j->task.reserve = &j->reserve;
    j->task.node = node;
    j->task.sink = sink;
}

void job_finish(struct job *j)
{
    arena_finish(&j->arena);
    arena_finish(&j->reserve);
    verdict_finish(&j->verdict);
    wr_finish(&j->result);
    wr_finish(&j->meta);
    wr_finish(&j->retry);
    wr_finish(&j->followups.frames);
    wr_finish(&j->task.children);
}

static void reuse(struct wr *w)
{
    if (w->cap > KEPT_BYTES)
        wr_finish(w);
    wr_reset(w);
}

static void forget_last(struct job *j)
{
    arena_reset(&j->arena);
    arena_reset(&j->reserve);
    reuse(&j->result);
    reuse(&j->meta);
    reuse(&j->retry);
    reuse(&j->followups.frames);
    reuse(&j->task.children);
    j->followups.n = 0;
    j->followups.made = 0;
}

/* ---- Decoding ----------------------------------------------------------------- */

static enum frame_refusal refusal_of(enum message_fault fault)
{
    switch (fault) {
    case MESSAGE_BAD_CONTENT:
        return REFUSED_BAD_CONTENT;
    case MESSAGE_UNDECODABLE:
    case MESSAGE_OUT_OF_MEMORY:
        return REFUSED_UNDECODABLE;
    case MESSAGE_NOT_A_TASK:
        return REFUSED_NOT_A_TASK;
    case MESSAGE_OK:
    case MESSAGE_NO_ID:
    case MESSAGE_BAD_FIELD:
        break;
    }
    return REFUSED_BAD_MESSAGE;
}

static bool refuse(struct frame_refused *r, enum frame_refusal reason, const char *text)
{
    r->reason = reason;
    r->text = str_of(text);
    return false;
}

/* A message of version 1 says in its body when, and whether, it may run. The parent,
 * whose business that is, gets it back with headers that say so. */
static bool headers_are_whole(struct job *j, struct frame_refused *r)
{
    struct ptl_task *t = &j->task;
    const ptl_value *headers;

    if (!message_complete_headers(t->arena, &t->envelope, &t->body, &headers))
        return refuse(r, REFUSED_UNDECODABLE, "it needs more memory than a task may");
    if (!headers)
        return true;
    if (!envelope_write_headers(&j->retry, t->arena, &t->envelope, headers))
        return refuse(r, REFUSED_UNDECODABLE, "larger than a message may be");
    r->reason = REFUSED_HEADERS;
    r->text = wr_str(&j->retry);
    return false;
}

static const struct serializer_source *source_of(const struct node *n)
{
    return n->serializers ? &n->serializers->source : NULL;
}

static bool read_message(struct job *j, struct str text, struct frame_refused *r)
{
    struct ptl_task *t = &j->task;
    const struct content_rules rules = {.accept = t->node->accept,
                                        .max_bytes = t->node->message_max_bytes,
                                        .source = source_of(t->node)};
    enum message_fault fault;
    const char *why = NULL;

    if (!envelope_read(t->arena, text, &t->envelope, &why))
        return refuse(r, REFUSED_BAD_MESSAGE, why);
    fault = message_read(t->arena, &t->envelope, &t->message, &why);
    if (fault == MESSAGE_OK || fault == MESSAGE_NOT_A_TASK)
        fault = message_read_body(t->arena, &t->envelope, &t->message, &rules, &t->body,
                                  &why);
    if (fault != MESSAGE_OK)
        return refuse(r, refusal_of(fault), why);
    return !t->body.mapping || headers_are_whole(j, r);
}

/* A task of which no plugin here knows more than that it ended, and how. */
static const struct module_row *stranger(struct job *j)
{
    static const ptl_module plugin = {.name = "petiole"};
    static struct module module = {.plugin = &plugin};

    j->stranger = (struct module_row){.def = {.name = "unknown"},
                                      .name = j->task.message.task,
                                      .attributes = j->task.node->attributes,
                                      .module = &module};
    return &j->stranger;
}

bool job_read(struct job *j, const struct module_table *table,
              const struct frame_task *f, struct frame_refused *r)
{
    struct ptl_task *t = &j->task;
    const struct module_row *row;

    forget_last(j);
    t->job = r->job = f->job;
    if (f->mode == TASK_RUN && cancel_is_left_out(f->job))
        return refuse(r, REFUSED_REVOKED, "it was revoked");
    if (!read_message(j, f->envelope, r))
        return false;
    row = module_row(table, t->message.task);
    if (!row && f->mode != TASK_RUN)
        row = stranger(j);
    if (!row)
        return refuse(r, REFUSED_UNKNOWN, "no plugin here has this task");
    t->redelivered = f->redelivered;
    t->table = table;
    if (f->mode == TASK_RUN)
        cancel_begin(f->job); /* from STARTED on, a signal is meant for this task */
    if (!task_begin(t, row))
        return refuse(r, REFUSED_UNDECODABLE, "it needs more memory than a task may");
    return true;
}

struct str job_started(struct job *j)
{
    const struct ptl_task *t = &j->task;

    if (!t->row->attributes.track_started || task_ignores_result(t))
        return STR("");
    wr_reset(&j->meta);
    meta_write_started(&j->meta, t);
    return j->meta.bad ? STR("") : wr_str(&j->meta);
}

/* In the result's buffer, which nobody needs before the handler has run. */
struct str job_call(struct job *j)
{
    if (!j->task.node->result_extended)
        return STR("");
    wr_reset(&j->result);
    result_write_call(&j->result, j->task.body.args, j->task.body.kwargs);
    return j->result.bad ? STR("") : wr_str(&j->result);
}

/* ---- Clocks and memory -------------------------------------------------------- */

int64_t job_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double elapsed_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t read_memory_bytes(void)
{
    char text[128], *pages;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    pages = strchr(text, ' '); /* the total comes first, then what is resident */
    return pages ? strtoull(pages, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void refresh_memory(struct job *j, double runtime_s)
{
    if (!j->task.node->measures_memory &&
        j->tasks_since_memory_read++ % TASKS_PER_MEMORY_READ != 0 &&
        runtime_s < LONG_TASK_S)
        return;
    j->memory_bytes = read_memory_bytes();
}

/* ---- Running -------------------------------------------------------------------- */

static struct frame_done done_of(const struct job *j)
{
    return (struct frame_done){
        .job = j->task.job,
        .outcome = j->verdict.outcome,
        .meta = wr_str(&j->meta),
        .repr = wr_str(&j->verdict.repr),
        .cause = wr_str(&j->verdict.cause),
        .traceback = wr_str(&j->verdict.traceback),
        .retry = wr_str(&j->retry),
        .memory_bytes = j->memory_bytes,
        .expected = j->verdict.expected,
        .effects = j->followups.n,
    };
}

void job_run(struct job *j, struct frame_done *d)
{
    double began_s = elapsed_s(), runtime_s;

    task_run(&j->task);
    runtime_s = elapsed_s() - began_s;
    settle_outcome(j);
    refresh_memory(j, runtime_s);
    *d = done_of(j);
    d->runtime_s = runtime_s;
}

void job_follow(struct job *j, const struct frame_task *f, struct frame_done *d)
{
    j->task.followups = &j->followups;
    wr_reset(&j->meta);
    verdict_forget(&j->verdict);
    if (f->mode == TASK_CONCLUDE)
        settle_concluded(j, f);
    else
        settle_joined(j, f);
    settle_complain(j);
    j->task.followups = NULL;
    refresh_memory(j, 0);
    *d = done_of(j);
}

struct str job_followups(const struct job *j)
{
    return wr_str(&j->followups.frames);
}
