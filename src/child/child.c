/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include "backtrace.h"
#include "builtin.h"
#include "cancel.h"
#include "isolate.h"
#include "job.h"
#include "limit.h"
#include "speaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DECODING_FACTOR 4 /* a decoded message is larger than its bytes */

struct child {
    struct wire wire;
    struct arena memory; /* what lives as long as the process */
    struct node node;
    struct module_table table;
    struct task_sink sink;
    struct job job;
    bool ready;
    bool has_run; /* a handler */
};

enum step { GO_ON, STOP_WELL, STOP_BADLY };

static enum step nonsense(const char *what)
{
    fprintf(stderr, "petiole: child %d: a %s from the worker makes no sense, leaving\n",
            (int)getpid(), what);
    return STOP_BADLY;
}

static enum step broken(struct child *c, const char *why)
{
    frame_put_broken(&c->wire.out, str_of(why));
    wire_flush(&c->wire);
    return STOP_BADLY;
}

/* ---- HELLO -------------------------------------------------------------------- */

static void name_process(uint32_t index)
{
    char name[16]; /* all that the kernel keeps */

    snprintf(name, sizeof(name), "petiole:%u", index);
    prctl(PR_SET_NAME, name);
}

static bool load_plugins(struct child *c, struct module_error *e)
{
    if (!builtin_load(&c->table, e))
        return false;
    for (const char *const *path = c->node.plugins; *path; path++)
        if (!module_load(&c->table, *path, e))
            return false;
    return module_init_all(&c->table, e);
}

static void put_ready(struct child *c)
{
    size_t begun =
        frame_begin_ready(&c->wire.out, c->node.pid, (uint32_t)c->table.nrows);

    for (size_t i = 0; i < c->table.nrows; i++) {
        const struct module_row *row = c->table.rows[i];

        frame_put_row(&c->wire.out, &(struct frame_row){
                                        .name = row->name,
                                        .params = str_of(row->def.params),
                                        .summary = str_of(row->def.summary),
                                        .plugin = str_of(row->module->plugin->name),
                                        .attributes = row->attributes,
                                    });
    }
    frame_end(&c->wire.out, begun);
}

static enum step take_hello(struct child *c, struct rd body)
{
    struct module_error e;
    struct frame_hello f;
    const char *why;

    if (c->ready || !frame_get_hello(body, &f))
        return nonsense("HELLO");
    if ((why = node_init(&c->node, &c->memory, &f)))
        return broken(c, why);
    job_init(&c->job, &c->node, &c->sink);
    name_process(f.index);
    limit_memory(f.memory_cap_bytes);
    if (!load_plugins(c, &e) ||
        !module_set_attributes(&c->table, &f.attributes, f.annotations, &e))
        return broken(c, e.text);
    c->ready = true;
    backtrace_install();
    put_ready(c);
    wire_flush(&c->wire);
    return GO_ON;
}

/* ---- TASK --------------------------------------------------------------------- */

/* Handlers before may have used up what the process may have: then it leaves, and the
 * message goes to another child. In one that has run nothing the message is to blame.
 */
static bool is_out_of_memory(const struct child *c, size_t bytes)
{
    void *probe;

    if (!c->has_run)
        return false;
    probe =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe != MAP_FAILED)
        munmap(probe, bytes);
    return probe == MAP_FAILED;
}

/* STARTED is on its way before the handler runs, since nobody knows for how long. What
 * the task before has left to say goes with it. */
static enum step take_task(struct child *c, struct rd body)
{
    struct frame_refused refused;
    struct frame_started started;
    struct frame_task f;
    struct frame_done done;

    if (!c->ready || !frame_get_task(body, &f))
        return nonsense("TASK");
    if (!job_read(&c->job, &c->table, &f, &refused)) {
        if (refused.reason == REFUSED_UNDECODABLE &&
            is_out_of_memory(c, DECODING_FACTOR * f.envelope.n))
            return STOP_BADLY;
        frame_put_refused(&c->wire.out, &refused);
        return GO_ON;
    }
    started = (struct frame_started){.job = f.job};
    if (f.mode == TASK_RUN) {
        started.meta = job_started(&c->job);
        started.call = job_call(&c->job);
    }
    frame_put_started(&c->wire.out, &started);
    wire_flush(&c->wire);
    if (f.mode == TASK_RUN)
        job_run(&c->job, &done);
    else
        job_follow(&c->job, &f, &done);
    c->has_run = true;
    frame_put_done(&c->wire.out, &done);
    wr_put(&c->wire.out, job_followups(&c->job));
    return GO_ON;
}

/* ---- The loop ----------------------------------------------------------------- */

static enum step take_frame(struct child *c, const struct frame *f)
{
    switch (f->type) {
    case FRAME_HELLO:
        return take_hello(c, f->body);
    case FRAME_TASK:
        return take_task(c, f->body);
    case FRAME_STOP:
        return STOP_WELL;
    default:
        return nonsense("frame");
    }
}

static enum step take_frames(struct child *c)
{
    enum step step = GO_ON;
    struct frame f;
    int rc = 0;

    while (step == GO_ON && (rc = frame_reader_next(&c->wire.in, &f)) > 0) {
        step = take_frame(c, &f);
        if (!wire_catch_up(&c->wire))
            return nonsense("frame");
    }
    wire_flush(&c->wire);
    return rc < 0 ? nonsense("frame") : step;
}

static enum step serve(struct child *c)
{
    enum step step = GO_ON;

    while (step == GO_ON) {
        switch (wire_listen(&c->wire)) {
        case WIRE_HEARD:
            step = take_frames(c);
            break;
        case WIRE_END:
            return STOP_WELL;
        case WIRE_BROKEN:
            return STOP_BADLY;
        case WIRE_NONSENSE:
            return nonsense("frame");
        }
    }
    return step;
}

static void finish(struct child *c)
{
    module_finish_all(&c->table);
    job_finish(&c->job);
    node_finish(&c->node);
    wire_finish(&c->wire);
    arena_finish(&c->memory);
}

int child_main(int fd, pid_t parent)
{
    struct child c = {.sink = speaker_sink(&c.wire)};
    enum step step;

    if (!isolate(&fd, parent))
        return EXIT_SUCCESS;
    limit_offer_to_oom_killer();
    cancel_install();
    setvbuf(stdout, NULL, _IOLBF, 0); /* a handler's lines survive its crash */
    wire_init(&c.wire, fd);
    arena_init(&c.memory, (size_t)16 << 20);
    step = serve(&c);
    finish(&c);
    return step == STOP_WELL ? EXIT_SUCCESS : EXIT_FAILURE;
}
