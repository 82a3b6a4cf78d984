/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include "../../protocol/json.h"
#include "../../protocol/uuid.h"
#include "cancel.h"
#include "meta.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
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
    case MESSAGE_OK:
    case MESSAGE_NOT_A_TASK:
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

static bool read_message(struct job *j, struct str text, struct frame_refused *r)
{
    struct ptl_task *t = &j->task;
    enum message_fault fault;
    const char *why = NULL;

    if (!envelope_read(t->arena, text, &t->envelope, &why))
        return refuse(r, REFUSED_BAD_MESSAGE, why);
    fault = message_read(t->arena, &t->envelope, &t->message, &why);
    if (fault == MESSAGE_OK)
        fault = message_read_body(t->arena, &t->envelope, &t->message, t->node->accept,
                                  t->node->message_max_bytes, &t->body, &why);
    return fault == MESSAGE_OK || refuse(r, refusal_of(fault), why);
}

bool job_read(struct job *j, const struct module_table *table,
              const struct frame_task *f, struct frame_refused *r)
{
    struct ptl_task *t = &j->task;
    const struct module_row *row;

    forget_last(j);
    t->job = r->job = f->job;
    if (!read_message(j, f->envelope, r))
        return false;
    if (!(row = module_row(table, t->message.task)))
        return refuse(r, REFUSED_UNKNOWN, "no plugin here has this task");
    if (!f->has_workflow_support && message_has_workflow(&t->body))
        return refuse(r, REFUSED_WORKFLOW,
                      "it carries callbacks, errbacks, a chain or a chord");
    t->redelivered = f->redelivered;
    cancel_reset(); /* from STARTED on, a signal is meant for this task */
    if (!task_begin(t, row))
        return refuse(r, REFUSED_UNDECODABLE, "it needs more memory than a task may");
    return true;
}

struct str job_started(struct job *j)
{
    const struct ptl_task *t = &j->task;

    if (!(t->node->track_started || (t->row->def.flags & PTL_TRACK_STARTED)) ||
        task_ignores_result(t))
        return STR("");
    wr_reset(&j->meta);
    meta_write_started(&j->meta, t);
    return j->meta.bad ? STR("") : wr_str(&j->meta);
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
    if (j->tasks_since_memory_read++ % TASKS_PER_MEMORY_READ != 0 &&
        runtime_s < LONG_TASK_S)
        return;
    j->memory_bytes = read_memory_bytes();
}

/* ---- The outcome -------------------------------------------------------------- */

/* A result larger than a message may be would not come back either. */
static void encode_result(struct job *j)
{
    struct ptl_task *t = &j->task;
    struct str why;
    struct wr w;

    json_write(&j->result, t->value);
    if (!j->result.bad)
        return;
    wr_init(&w, 1024);
    wr_printf(&w,
              "the result of " STR_FMT " needs more than the %llu bytes that the "
              "setting message_max_bytes allows",
              STR_ARG(t->row->name), (unsigned long long)t->node->message_max_bytes);
    why = arena_copy(t->reserve, wr_str(&w));
    wr_finish(&w);
    verdict_fail(&j->verdict, t, "kombu.exceptions.EncodeError", why);
}

static void write_delivery_tag(char tag[UUID_TEXT])
{
    uint8_t random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    uuid_format(tag, random);
}

static void write_retry(struct job *j, int64_t now_us)
{
    struct ptl_task *t = &j->task;
    char tag[UUID_TEXT];
    struct message_retry r = {
        .now_us = now_us,
        .eta_us = now_us + (int64_t)(t->flag.delay_s * 1e6),
        .delivery_tag = tag,
        .origin = t->node->origin,
    };

    write_delivery_tag(tag);
    message_write_retry(&j->retry, t->arena, &t->envelope, &t->message, &r);
    if (!j->retry.bad && !t->arena->failed)
        return;
    reuse(&j->retry);
    verdict_fail(&j->verdict, t, "MemoryError",
                 STR("no memory to write the message of a retry"));
}

/* Exception texts are bounded, but extended results repeat the arguments. */
static void write_meta(struct job *j, int64_t now_us)
{
    struct ptl_task *t = &j->task;

    wr_reset(&j->meta);
    meta_write_done(&j->meta, t, &j->verdict, wr_str(&j->result), now_us);
    if (!j->meta.bad)
        return;
    reuse(&j->meta);
    verdict_fail(&j->verdict, t, "MemoryError",
                 STR("no memory to write the result's document"));
    meta_write_done(&j->meta, t, &j->verdict, STR("null"), now_us);
}

static void settle(struct job *j)
{
    int64_t now_us = job_now_us();
    bool ignored = task_ignores_result(&j->task);

    verdict_read(&j->verdict, &j->task);
    if (j->verdict.outcome == OUTCOME_SUCCESS && !ignored)
        encode_result(j);
    if (j->verdict.outcome == OUTCOME_RETRY)
        write_retry(j, now_us);
    wr_reset(&j->meta);
    if (!ignored)
        write_meta(j, now_us);
}

void job_run(struct job *j, struct frame_done *d)
{
    double began_s = elapsed_s(), runtime_s;

    task_run(&j->task);
    runtime_s = elapsed_s() - began_s;
    settle(j);
    refresh_memory(j, runtime_s);
    *d = (struct frame_done){
        .job = j->task.job,
        .outcome = j->verdict.outcome,
        .runtime_s = runtime_s,
        .meta = wr_str(&j->meta),
        .repr = wr_str(&j->verdict.repr),
        .traceback = wr_str(&j->verdict.traceback),
        .retry = wr_str(&j->retry),
        .memory_bytes = j->memory_bytes,
    };
}
