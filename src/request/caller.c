/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include "../child/apply.h"
#include "publishing.h"

#include <stdio.h>

#define MEMORY_BYTES ((size_t)2 << 30)
#define RESERVE_BYTES ((size_t)1 << 20)
#define SETTINGS_BYTES ((size_t)16 << 20)

/* ---- What is sent ------------------------------------------------------------- */

static void keep(struct ptl_task *t, const struct frame_effect *f,
                 const struct message_send *m)
{
    struct caller *c = t->sink->to;
    struct caller_effect *kept = arena_alloc(&c->arena, sizeof(*kept));
    (void)m;
    if (!kept)
        return; /* the arena says so in the end */
    *kept = (struct caller_effect){.f = *f};
    kept->f.exchange = arena_copy(&c->arena, f->exchange);
    kept->f.routing_key = arena_copy(&c->arena, f->routing_key);
    kept->f.group = arena_copy(&c->arena, f->group);
    kept->f.text = arena_copy(&c->arena, f->text);
    *c->end = kept;
    c->end = &kept->next;
}

static void ignore_state(struct ptl_task *t, const char *state, const ptl_value *meta)
{
    (void)t, (void)state, (void)meta;
}

static void print_log(struct ptl_task *t, ptl_level level, struct str text)
{
    (void)t, (void)level;
    fprintf(stderr, STR_FMT "\n", STR_ARG(text));
}

/* ---- Life --------------------------------------------------------------------- */

static const char *read_node(struct caller *c, const struct config *config)
{
    struct wr publishing, security;
    wr_init(&publishing, SETTINGS_BYTES);
    wr_init(&security, SETTINGS_BYTES);
    publishing_write(&publishing, config);
    security_write(&security, &config->security);
    const struct frame_hello hello = {
        .hostname = str_of(config->hostname),
        .settings = STR("{}"),
        .accept_content = {"json", sizeof("json")},
        .result_serializer = STR("json"),
        .security = wr_str(&security),
        .publishing = wr_str(&publishing),
        .message_max_bytes = (uint64_t)config->message_max_bytes,
    };
    const char *why = node_init(&c->node, &c->arena, &hello);
    wr_finish(&publishing);
    wr_finish(&security);
    return why;
}

const char *caller_init(struct caller *c, const struct config *config)
{
    static struct task_sink sink = {.state = ignore_state,
                                    .log = print_log,
                                    .effect = keep};
    sink.to = c;
    *c = (struct caller){.task = {.arena = &c->arena,
                                  .reserve = &c->reserve,
                                  .node = &c->node,
                                  .sink = &sink,
                                  .trail_is_off = true}};
    c->end = &c->first;
    arena_init(&c->arena, MEMORY_BYTES);
    arena_init(&c->reserve, RESERVE_BYTES);
    return read_node(c, config);
}

void caller_finish(struct caller *c)
{
    node_finish(&c->node);
    arena_finish(&c->arena);
    arena_finish(&c->reserve);
}

const char *caller_failure(const struct caller *c)
{
    return c->task.flag.outcome ? c->task.flag.text.p : "out of memory";
}

const ptl_value *caller_apply(struct caller *c, const ptl_value *sig,
                              const ptl_value *args, const ptl_value *options)
{
    struct canvas canvas = apply_canvas(&c->task);
    const ptl_value *tuple =
        canvas_apply(&canvas, sig, args, options) ? canvas_applied(&canvas) : NULL;
    apply_flag(&c->task, &canvas);
    if (tuple && !canvas.applied.n)
        task_fail(&c->task, "ValueError", "it is an empty workflow");
    return c->task.flag.outcome || c->arena.failed ? NULL : tuple;
}

bool caller_needs_results(const struct caller *c)
{
    for (const struct caller_effect *e = c->first; e; e = e->next)
        if (e->f.kind != EFFECT_PUBLISH)
            return true;
    return false;
}
