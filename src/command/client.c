/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLY_MAX_BYTES ((size_t)1 << 30)

/* ---- the connection ----------------------------------------------------------- */

static void on_ready(void *ctx)
{
    struct client *c = ctx;
    c->answered = true;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    struct client *c = ctx;
    (void)retry_s, (void)attempts;
    if (!c->lost)
        fprintf(stderr, "%s: cannot reach %s: %s\n", c->command,
                c->config.broker.masked, why);
    c->lost = true;
}

static const struct redis_events events = {.ready = on_ready, .down = on_down};

/* Until an answer is there or the connection is gone: it has deadlines of its own. */
static void run(struct client *c)
{
    while (!c->answered && !c->lost) {
        link_flush(&c->redis.link);
        uv_run(&c->loop, UV_RUN_ONCE);
    }
}

int client_prepare(struct client *c, const char *command, int argc, char **argv)
{
    const struct redis_options options = {.max_reply_bytes = REPLY_MAX_BYTES};
    struct error e;
    *c = (struct client){.command = command};
    if (config_load(&c->config, argc, argv, &e) < 0 ||
        redis_keys_init(&c->keys, &c->config, &e) < 0) {
        config_finish(&c->config);
        return command_complain(EXIT_USAGE, command, "%s", e.msg);
    }
    uv_loop_init(&c->loop);
    redis_init(&c->redis, &c->loop, &c->config.broker, &options, &events, c);
    return 0;
}

int client_connect(struct client *c)
{
    redis_start(&c->redis);
    run(c);
    return c->lost ? EXIT_FAILED : 0;
}

int client_open(struct client *c, const char *command, int argc, char **argv)
{
    int code = client_prepare(c, command, argc, argv);
    if (!code && (code = client_connect(c)))
        client_close(c);
    return code;
}

static void on_stopped(void *ctx)
{
    (void)ctx; /* the loop ends for want of handles */
}

void client_stop(struct client *c)
{
    redis_stop(&c->redis, on_stopped);
    while (c->redis.state != REDIS_STOPPED)
        uv_run(&c->loop, UV_RUN_ONCE);
}

void client_close(struct client *c)
{
    client_stop(c);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    client_finish(c);
}

void client_finish(struct client *c)
{
    freeReplyObject(c->reply);
    redis_finish(&c->redis);
    uv_loop_close(&c->loop);
    config_finish(&c->config);
}

/* ---- questions ---------------------------------------------------------------- */

/* The reply is freed behind its function's back: what is kept is a copy. */
static redisReply *copy(const redisReply *from)
{
    redisReply *to = calloc(1, sizeof(*to));
    if (!to)
        return NULL;
    to->type = from->type;
    to->integer = from->integer;
    if (from->str && (to->str = malloc(from->len + 1))) {
        memcpy(to->str, from->str, from->len);
        to->str[from->len] = '\0';
        to->len = from->len;
    }
    if (from->elements && (to->element = calloc(from->elements, sizeof(*to->element))))
        for (; to->elements < from->elements; to->elements++)
            to->element[to->elements] = copy(from->element[to->elements]);
    return to;
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct client *c = ctx;
    c->answered = true;
    c->reply = reply ? copy(reply) : NULL;
}

static void forget_answer(struct client *c)
{
    freeReplyObject(c->reply);
    c->reply = NULL;
    c->answered = false;
}

void client_begin(struct client *c, unsigned nargs)
{
    forget_answer(c);
    redis_begin(&c->redis, nargs, on_reply, c);
}

void client_begin_script(struct client *c, const char *lua, unsigned nkeys,
                         unsigned nargs)
{
    client_begin(c, 3 + nargs);
    redis_arg_text(&c->redis, "EVAL");
    redis_arg_text(&c->redis, lua);
    redis_arg_int(&c->redis, nkeys);
}

static void on_loaded(void *ctx, const char *why)
{
    struct client *c = ctx;
    c->answered = true;
    if (why && !c->lost)
        fprintf(stderr, "%s: %s\n", c->command, why);
    c->refused = why != NULL;
}

bool client_load(struct client *c, struct redis_script *const *scripts, size_t n)
{
    c->answered = false;
    redis_load_scripts(&c->redis, scripts, n, on_loaded, c);
    run(c);
    return !c->lost && !c->refused;
}

void client_begin_loaded(struct client *c, const struct redis_script *script,
                         unsigned nkeys, unsigned nargs)
{
    forget_answer(c);
    redis_begin_script(&c->redis, script, nkeys, nargs, on_reply, c);
}

const redisReply *client_answer(struct client *c)
{
    run(c);
    if (redis_is_error(c->reply)) {
        fprintf(stderr, "%s: refused by the server: %.300s%s\n", c->command,
                c->reply->str, redis_error_hint(c->reply->str));
        return NULL;
    }
    return c->reply;
}
