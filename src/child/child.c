/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include "cancel.h"
#include "isolate.h"
#include "job.h"
#include "meta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define READ_BYTES (64u << 10)
/* The parent bounds its messages; this only keeps a stray byte from asking for more. */
#define MAX_FRAME_BYTES ((size_t)1 << 30)

struct child {
    int fd;
    struct frame_reader in;
    struct wr out;       /* frames not yet written */
    struct arena memory; /* what lives as long as the process */
    struct node node;
    struct module_table table;
    struct task_sink sink;
    struct job job;
    bool ready;
};

enum step { GO_ON, STOP_WELL, STOP_BADLY };

static enum step nonsense(const char *what)
{
    fprintf(stderr, "petiole: child %d: a %s from the worker makes no sense, leaving\n",
            (int)getpid(), what);
    return STOP_BADLY;
}

/* ---- Writing ------------------------------------------------------------------ */

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return true;
}

/* Without its parent a child is of no use, and a handler may have closed the socket. */
static void flush(struct child *c)
{
    if (c->out.bad || !write_all(c->fd, wr_str(&c->out)))
        _exit(EXIT_FAILURE);
    if (c->out.cap > READ_BYTES)
        wr_finish(&c->out);
    wr_reset(&c->out);
}

static enum step broken(struct child *c, const char *why)
{
    frame_put_broken(&c->out, str_of(why));
    flush(c);
    return STOP_BADLY;
}

static void send_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    struct child *c = t->sink->to;
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
        frame_put_state(&c->out, &f);
        flush(c);
    }
    wr_finish(&w);
}

static void send_log(struct ptl_task *t, ptl_level level, struct str text)
{
    struct child *c = t->sink->to;
    struct frame_log f = {.job = t->job, .level = (uint32_t)level, .text = text};

    frame_put_log(&c->out, &f);
    flush(c);
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
    for (const char *const *path = c->node.plugins; *path; path++)
        if (!module_load(&c->table, *path, e))
            return false;
    return module_init_all(&c->table, e);
}

static void put_ready(struct child *c)
{
    size_t begun = frame_begin_ready(&c->out, c->node.pid, (uint32_t)c->table.nrows);

    for (size_t i = 0; i < c->table.nrows; i++) {
        const struct module_row *row = c->table.rows[i];

        frame_put_row(&c->out, &(struct frame_row){
                                   .name = row->name,
                                   .params = str_of(row->def.params),
                                   .summary = str_of(row->def.summary),
                                   .plugin = str_of(row->module->plugin->name),
                                   .soft_limit_ms = row->def.soft_limit_ms,
                                   .hard_limit_ms = row->def.hard_limit_ms,
                                   .retry_delay_ms = row->def.retry_delay_ms,
                                   .flags = row->def.flags,
                                   .max_retries = row->def.max_retries,
                               });
    }
    frame_end(&c->out, begun);
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
    if (!load_plugins(c, &e))
        return broken(c, e.text);
    c->ready = true;
    put_ready(c);
    flush(c);
    return GO_ON;
}

/* ---- TASK --------------------------------------------------------------------- */

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
        frame_put_refused(&c->out, &refused);
        return GO_ON;
    }
    started = (struct frame_started){f.job, job_started(&c->job)};
    frame_put_started(&c->out, &started);
    flush(c);
    job_run(&c->job, &done);
    frame_put_done(&c->out, &done);
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

    while (step == GO_ON && (rc = frame_reader_next(&c->in, &f)) > 0)
        step = take_frame(c, &f);
    flush(c);
    return rc < 0 ? nonsense("frame") : step;
}

static enum step serve(struct child *c)
{
    static char bytes[READ_BYTES];
    enum step step = GO_ON;

    while (step == GO_ON) {
        ssize_t n = read(c->fd, bytes, sizeof(bytes));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? STOP_WELL : STOP_BADLY;
        if (!frame_reader_feed(&c->in, (struct str){bytes, (size_t)n}))
            return nonsense("frame");
        step = take_frames(c);
    }
    return step;
}

static void finish(struct child *c)
{
    module_finish_all(&c->table);
    job_finish(&c->job);
    node_finish(&c->node);
    frame_reader_finish(&c->in);
    wr_finish(&c->out);
    arena_finish(&c->memory);
}

int child_main(int fd, pid_t parent)
{
    struct child c = {.sink = {send_state, send_log, &c}};
    enum step step;

    if (!isolate(&fd, parent))
        return EXIT_SUCCESS;
    cancel_install();
    setvbuf(stdout, NULL, _IOLBF, 0); /* a handler's lines survive its crash */
    c.fd = fd;
    frame_reader_init(&c.in, MAX_FRAME_BYTES);
    wr_init(&c.out, SIZE_MAX / 2);
    arena_init(&c.memory, (size_t)16 << 20);
    step = serve(&c);
    finish(&c);
    return step == STOP_WELL ? EXIT_SUCCESS : EXIT_FAILURE;
}
