/* SPDX-License-Identifier: Apache-2.0 */
/* What the errors of a server mean, and what a person can do about them. */
#include "redis.h"

#include "../log/log.h"

#include <stdio.h>
#include <string.h>

#define COMPLAIN_MS 30000u

static const struct {
    const char *code; /* the error's first word, or how an ERR goes on */
    const char *hint;
} hints[] = {
    {"WRONGPASS", " (check the user and the password in the URL)"},
    {"NOAUTH", " (the URL has no password: redis://:password@host/0)"},
    {"ERR AUTH", " (the server wants no password: take it out of the URL)"},
    {"ERR invalid password", " (check the password in the URL)"},
    {"NOPERM", " (the rights a worker needs are listed in docs/deployment.md)"},
    {"OOM", " (raise maxmemory, or remove keys)"},
    {"MISCONF", " (Redis cannot write its snapshot: look at its log and its disk)"},
    {"BUSY", " (a script runs for too long: SCRIPT KILL ends it)"},
    {"READONLY", ""},
    {"MASTERDOWN", " (the server is a replica that has lost its master)"},
    {"NOREPLICAS", " (fewer replicas than min-replicas-to-write are there)"},
    {"MOVED", " (a Redis Cluster: give the URL of a server without cluster mode)"},
    {"CROSSSLOT", " (a Redis Cluster: give the URL of a server without cluster mode)"},
    {"CLUSTERDOWN",
     " (a Redis Cluster: give the URL of a server without cluster mode)"},
    {"DENIED", " (set a password there, or let it listen where only you can connect)"},
    {"ERR max number of clients",
     " (raise its maxclients, or run fewer workers: each holds 4 connections a queue)"},
    {"ERR DB index", " (the server has fewer databases: see its `databases`)"},
    {"NOSCRIPT", ""},
    {"LOADING", ""},
};

/* Within a script Redis 6.2 says "ERR Error running script …: -OOM command not …". */
static const char *innermost(const char *text)
{
    const char *dash =
        strncmp(text, "ERR Error running", 17) == 0 ? strstr(text, ": -") : NULL;
    return dash ? dash + 3 : text;
}

static bool begins(const char *text, const char *code)
{
    size_t n = strlen(code);
    return strncmp(text, code, n) == 0 && (!text[n] || strchr(" ,:.", text[n]));
}

bool redis_error_is(const char *text, const char *code)
{
    return text && begins(innermost(text), code);
}

const char *redis_error_hint(const char *text)
{
    for (size_t i = 0; text && i < sizeof(hints) / sizeof(hints[0]); i++)
        if (begins(innermost(text), hints[i].code))
            return hints[i].hint;
    return "";
}

/* The one of this kind; else the one whose place is given up: the oldest. */
static struct redis_complaint *find_complaint(struct redis *r, const char *kind)
{
    struct redis_complaint *oldest = &r->complaints[0];
    for (size_t i = 0; i < REDIS_COMPLAINTS; i++) {
        struct redis_complaint *c = &r->complaints[i];
        if (strcmp(c->kind, kind) == 0)
            return c;
        if (c->said_ms < oldest->said_ms)
            oldest = c;
    }
    return oldest;
}

/* Whether it is time to say it, as it will be. */
static bool may_be_said(struct redis *r, const char *why)
{
    uint64_t now = uv_now(r->link.loop);
    char kind[sizeof(r->complaints[0].kind)];
    snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(why, " "), why);

    struct redis_complaint *c = find_complaint(r, kind);
    if (strcmp(c->kind, kind) == 0 && now - c->said_ms < COMPLAIN_MS)
        return false;
    strcpy(c->kind, kind);
    c->said_ms = now;
    return true;
}

void redis_complain(struct redis *r, const char *what, const char *text, double retry_s)
{
    const char *why = text ? innermost(text) : "unexpected reply";

    if (redis_error_is(text, "NOSCRIPT"))
        return; /* said when they were loaded again */
    log_line(may_be_said(r, why) ? LOG_ERROR : LOG_DEBUG,
             "cannot %s: %.200s%s; trying again in %.0f s", what, why,
             redis_error_hint(text), retry_s);
}
