/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include "../child/apply.h"
#include "../redis/redis_declare.h"
#include "../redis/redis_route.h"
#include "../redis/redis_scripts.h"
#include "../request/publishing.h"

#include <stdio.h>

#define MEMORY_BYTES ((size_t)2 << 30)
#define RESERVE_BYTES ((size_t)1 << 20)
#define SETTINGS_BYTES ((size_t)16 << 20)

struct caller_effect {
    struct frame_effect f;
    struct caller_effect *next;
};

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

/* ---- Publishing --------------------------------------------------------------- */

struct publisher {
    struct client *client;
    struct results *results;
    struct redis_scripts scripts;
    struct str declared; /* the queue of the message before */
};

static void declare(struct publisher *p, struct str queue)
{
    struct client *c = p->client;
    if (str_eq(queue, p->declared))
        return;
    redis_declare_named(&c->redis, &c->keys, &p->scripts.bind, &c->config.queues,
                        queue);
    p->declared = queue;
}

static bool refuse(const struct publisher *p, const struct frame_effect *f,
                   const char *why)
{
    fprintf(stderr, "%s: cannot publish to '" STR_FMT "': %s\n", p->client->command,
            STR_ARG(f->routing_key), why);
    return false;
}

static bool publish(struct publisher *p, const struct frame_effect *f)
{
    struct client *c = p->client;
    const struct broker_address to = {f->exchange, f->routing_key, f->priority};
    struct redis_route route;
    if (!redis_route_of(&c->keys, &to, &route))
        return refuse(p, f, "its queue's name is too long, or empty");
    if (!route.bound)
        declare(p, f->routing_key);
    client_begin_loaded(c, &p->scripts.publish, 2, 3 + REDIS_ROUTE_ARGS);
    redis_arg_text(&c->redis, route.key);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg(&c->redis, f->text);
    redis_route_args(&c->redis, &c->keys, &route, c->config.deadletter_queue);
    redis_route_expire(&c->redis, &c->keys, &c->config.queues, &route);
    const redisReply *reply = client_answer(c);
    if (reply && reply->integer == 2)
        return refuse(p, f, "no queue is bound to its exchange: it is a dead letter");
    return reply != NULL;
}

static bool perform(struct publisher *p, const struct frame_effect *f)
{
    switch (f->kind) {
    case EFFECT_PUBLISH:
        return publish(p, f);
    case EFFECT_CHORD_SIZE:
        return results_chord_size(p->results, f->group, f->size);
    case EFFECT_GROUP:
        return results_save_group(p->results, f->group, f->text);
    default: /* only of tasks that have ended */
        return false;
    }
}

bool caller_publish(struct caller *c, struct client *broker, struct results *results)
{
    struct publisher p = {.client = broker, .results = results};
    redis_scripts_init(&p.scripts);
    struct redis_script *const used[] = {&p.scripts.publish, &p.scripts.bind};
    bool ok = client_load(broker, used, 2);
    for (const struct caller_effect *e = c->first; ok && e; e = e->next)
        ok = perform(&p, &e->f);
    return ok;
}
