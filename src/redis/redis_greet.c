/* SPDX-License-Identifier: Apache-2.0 */
/* The first words on a connection, and whether the server is fit for anything. */
#include "redis.h"

#include <stdio.h>
#include <string.h>

/* Some servers say the same to whatever comes first, and hang up. */
static bool is_about_connection(const char *why)
{
    return redis_error_is(why, "DENIED") ||
           redis_error_is(why, "ERR max number of clients") ||
           redis_error_is(why, "LOADING") || redis_error_is(why, "NOAUTH");
}

static void greeting_failed(struct redis *r, const char *what, const redisReply *reply)
{
    if (!reply)
        return; /* the link says why */
    const char *why = reply->str ? reply->str : "unexpected reply";
    int n = (int)strcspn(why, "\r\n");
    if (is_about_connection(why))
        link_close(&r->link, "%.*s%s", n < 200 ? n : 200, why, redis_error_hint(why));
    else
        link_close(&r->link, "%s refused: %.*s%s", what, n < 120 ? n : 120, why,
                   redis_error_hint(why));
}

static bool is_fine(struct redis *r, const char *what, const redisReply *reply)
{
    bool fine = reply && !redis_is_error(reply);
    if (!fine)
        greeting_failed(r, what, reply);
    return fine && r->link.state == LINK_OPEN;
}

static void on_auth(void *ctx, const redisReply *reply)
{
    is_fine(ctx, "AUTH", reply);
}

static void on_select(void *ctx, const redisReply *reply)
{
    is_fine(ctx, "SELECT", reply);
}

static void on_name(void *ctx, const redisReply *reply)
{
    is_fine(ctx, "CLIENT SETNAME", reply);
}

static void on_ping(void *ctx, const redisReply *reply)
{
    if (is_fine(ctx, "PING", reply))
        redis_become_ready(ctx);
}

static void on_client_id(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    if (!is_fine(r, "CLIENT ID", reply))
        return;
    r->client_id = (uint64_t)reply->integer;
    if (r->greets_quickly)
        redis_become_ready(r);
}

/* The value of the line "name:value\r\n" in an INFO reply; paths in it hold any word.
 */
static void info_field(const char *info, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *p = info; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            snprintf(out, size, "%.*s", (int)strcspn(p, "\r\n"), p);
            return;
        }
}

static bool is_loading(struct redis *r, const char *info)
{
    char loading[4], percent[16];
    info_field(info, "loading", loading, sizeof(loading));
    if (strcmp(loading, "1") != 0)
        return false;
    info_field(info, "loading_loaded_perc", percent, sizeof(percent));
    link_close(&r->link, "the server is still loading its data (%s %%)", percent);
    return true;
}

static void on_info(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    struct redis_server *s = &r->server;
    char role[16], cluster[4];
    if (!is_fine(r, "INFO", reply))
        return;
    if (!reply->str) {
        greeting_failed(r, "INFO", reply);
        return;
    }
    if (is_loading(r, reply->str))
        return;
    info_field(reply->str, "redis_version", s->version, sizeof(s->version));
    info_field(reply->str, "run_id", s->run_id, sizeof(s->run_id));
    info_field(reply->str, "maxmemory_policy", s->maxmemory_policy,
               sizeof(s->maxmemory_policy));
    info_field(reply->str, "role", role, sizeof(role));
    info_field(reply->str, "cluster_enabled", cluster, sizeof(cluster));
    s->read_only = strcmp(role, "slave") == 0;
    s->cluster = strcmp(cluster, "1") == 0;
    if (sscanf(s->version, "%u.%u", &s->major, &s->minor) != 2)
        s->major = s->minor = 0;
    redis_become_ready(r);
}

/* As redis-py: a user without a password is one with an empty password. */
static void authenticate(struct redis *r)
{
    const struct url *u = r->url;
    if (u->user[0])
        redis_words(r, on_auth, r, "AUTH", u->user, u->password, NULL);
    else if (u->password[0])
        redis_words(r, on_auth, r, "AUTH", u->password, NULL);
}

void redis_greet(struct redis *r)
{
    const struct url *u = r->url;
    authenticate(r);
    if (r->greets_sentinel) {
        redis_words(r, on_ping, r, "PING", NULL);
        return;
    }
    if (u->db > 0) {
        redis_begin(r, 2, on_select, r);
        redis_arg_text(r, "SELECT");
        redis_arg_int(r, u->db);
    }
    if (u->options.client_name[0])
        redis_words(r, on_name, r, "CLIENT", "SETNAME", u->options.client_name, NULL);
    redis_words(r, on_client_id, r, "CLIENT", "ID", NULL);
    if (!r->greets_quickly)
        redis_words(r, on_info, r, "INFO", NULL);
}
