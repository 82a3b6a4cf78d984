/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include "command.h"

#include <errno.h>

/* ---- The bus ------------------------------------------------------------------ */

static void on_up(void *ctx)
{
    ((struct remote *)ctx)->up = true;
}

/* The first failure ends it: whoever waits at a prompt would rather know. */
static void on_down(void *ctx, const char *why, double retry_s)
{
    struct remote *r = ctx;
    (void)retry_s;
    if (!r->failed)
        error_set(&r->why, ENOTCONN, "cannot reach %s: %s", r->config.broker.masked,
                  why);
    r->failed = true;
}

static void ignore(void *ctx, const struct bus_message *m)
{
    (void)ctx, (void)m;
}

static const struct bus_events events = {ignore, ignore, on_up, on_down};

static void on_replied(void *ctx, const struct bus_message *m)
{
    struct remote *r = ctx;
    r->replied(r->ctx, m);
}

static void on_asked(void *ctx, const char *why)
{
    struct remote *r = ctx;
    r->done = true;
    if (why && !r->failed)
        error_set(&r->why, ENOTCONN, "%s", why);
    r->failed |= why != NULL;
}

/* ---- Life --------------------------------------------------------------------- */

int remote_open(struct remote *r, const char *command, int argc, char **argv)
{
    struct error e;
    *r = (struct remote){.command = command};
    if (config_load(&r->config, argc, argv, &e) < 0) {
        config_finish(&r->config);
        return command_complain(EXIT_USAGE, command, "%s", e.msg);
    }
    uv_loop_init(&r->loop);
    return 0;
}

static void on_stopped(void *ctx)
{
    ((struct remote *)ctx)->done = true;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_bus(struct remote *r)
{
    r->done = false;
    r->bus->ops->stop(r->bus, on_stopped, r);
    while (!r->done)
        uv_run(&r->loop, UV_RUN_ONCE);
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    r->bus->ops->destroy(r->bus);
}

void remote_close(struct remote *r)
{
    if (r->bus)
        close_bus(r);
    uv_loop_close(&r->loop);
    config_finish(&r->config);
}

/* ---- Asking ------------------------------------------------------------------- */

static bool is_known(const struct remote *r, struct str node)
{
    for (size_t i = 0; i < r->nnodes; i++)
        if (str_eq(r->nodes[i], node))
            return true;
    return false;
}

/* To everybody instead of to nobody would be worse than an error. */
int remote_destination(struct remote *r, const char *text)
{
    for (const char *p = text; *p; p += strspn(p, ", ")) {
        struct str node = {p, strcspn(p, ", ")};
        if (node.n && r->nnodes == REMOTE_NODES_MAX)
            return command_complain(EXIT_USAGE, r->command,
                                    "no more than %d nodes can be named",
                                    REMOTE_NODES_MAX);
        if (node.n && !is_known(r, node))
            r->nodes[r->nnodes++] = node;
        p += node.n;
    }
    return r->nnodes ? 0
                     : command_complain(EXIT_USAGE, r->command,
                                        "--destination names no node");
}

int remote_ask(struct remote *r, const struct bus_request *request,
               bus_replied_fn *replied, void *ctx)
{
    r->replied = replied;
    r->ctx = ctx;
    r->bus = redis_bus_create(&r->loop, &r->config, 0, &events, r, &r->why);
    if (!r->bus)
        return command_complain(EXIT_NO_REPLY, r->command, "%s", r->why.msg);
    r->bus->ops->start(r->bus);
    while (!r->up && !r->failed)
        uv_run(&r->loop, UV_RUN_ONCE);
    if (r->up && !r->failed) {
        r->bus->ops->ask(r->bus, request, on_replied, on_asked, r);
        while (!r->done && !r->failed)
            uv_run(&r->loop, UV_RUN_ONCE);
    }
    return r->failed ? command_complain(EXIT_NO_REPLY, r->command, "%s", r->why.msg)
                     : 0;
}
