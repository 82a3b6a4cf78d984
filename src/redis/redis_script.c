/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "../log/log.h"

#include <stdio.h>
#include <stdlib.h>

struct load {
    size_t n, next;
    void (*done)(void *ctx, const char *why);
    void *ctx;
    char why[300];
    struct redis_script *scripts[];
};

/* Kept for as long as the connection: the server may be told to forget them. */
static void remember(struct redis *r, struct redis_script *const *scripts, size_t n)
{
    struct redis_script **copy = calloc(n, sizeof(scripts[0]));
    free((void *)r->scripts);
    if (copy)
        memcpy(copy, scripts, n * sizeof(scripts[0]));
    r->scripts = copy;
    r->nscripts = copy ? n : 0;
}

/* Replies come in order, so the next one belongs to the next script. */
static void on_loaded(void *ctx, const redisReply *reply)
{
    struct load *load = ctx;
    struct redis_script *script = load->scripts[load->next++];

    if (reply && reply->type == REDIS_REPLY_STRING && reply->len == 40)
        memcpy(script->sha, reply->str, 41);
    else if (!load->why[0])
        snprintf(load->why, sizeof(load->why), "SCRIPT LOAD refused: %.200s",
                 reply && reply->str ? reply->str : "connection lost");
    if (load->next < load->n)
        return;
    load->done(load->ctx, load->why[0] ? load->why : NULL);
    free(load);
}

void redis_load_scripts(struct redis *r, struct redis_script *const *scripts, size_t n,
                        void (*done)(void *ctx, const char *why), void *ctx)
{
    struct load *load = calloc(1, sizeof(*load) + n * sizeof(scripts[0]));
    if (!load) {
        done(ctx, "out of memory");
        return;
    }
    remember(r, scripts, n);
    load->n = n;
    load->done = done;
    load->ctx = ctx;
    memcpy(load->scripts, scripts, n * sizeof(scripts[0]));
    for (size_t i = 0; i < n; i++)
        redis_words(r, on_loaded, load, "SCRIPT", "LOAD", scripts[i]->source, NULL);
}

void redis_begin_script(struct redis *r, const struct redis_script *script,
                        unsigned nkeys, unsigned nargs, redis_reply_fn *fn, void *ctx)
{
    redis_begin(r, 3 + nargs, fn, ctx);
    redis_arg_text(r, "EVALSHA");
    redis_arg_text(r, script->sha);
    redis_arg_int(r, nkeys);
}

static void on_reloaded(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    r->reloading = false;
    if (reply && redis_is_error(reply))
        link_close(&r->link, "SCRIPT LOAD refused: %.150s", reply->str);
}

/* Behind the command that found them gone, and before whatever is asked next. */
void redis_reload_scripts(struct redis *r)
{
    if (r->reloading || r->nscripts == 0)
        return;
    log_line(LOG_WARNING, "Redis has lost its scripts: they are loaded again");
    r->reloading = true;
    for (size_t i = 0; i < r->nscripts; i++)
        redis_words(r, i + 1 == r->nscripts ? on_reloaded : NULL, r, "SCRIPT", "LOAD",
                    r->scripts[i]->source, NULL);
}
