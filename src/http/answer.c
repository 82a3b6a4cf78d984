/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "../worker.h"
#include "health.h"
#include "page.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_BYTES 1024u
#define PAGE_BYTES ((size_t)4 << 20)
#define METRICS_BYTES ((size_t)32 << 20)
#define HOST_BYTES 256u

/* ---- the Host header ---------------------------------------------------------- */

/* Without its port and brackets. */
static bool split_host(const char *host, char out[HOST_BYTES])
{
    size_t n = strcspn(host, *host == '[' ? "]" : ":");
    const char *from = host;
    if (*host == '[') {
        if (host[n] != ']' || (host[n + 1] && host[n + 1] != ':'))
            return false;
        from = host + 1;
        n--;
    }
    if (n >= HOST_BYTES)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

static bool is_address(const char *host)
{
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool is_own_name(const char *host)
{
    char own[HOST_BYTES] = "";
    gethostname(own, sizeof(own) - 1);
    return *own && strcasecmp(host, own) == 0;
}

static bool is_among(const char *host, const char *names)
{
    size_t n = strlen(host);
    for (const char *p = names; p && *p; p += strspn(p, ", ")) {
        size_t len = strcspn(p, ", ");
        if ((len == 1 && *p == '*') || (len == n && strncasecmp(p, host, n) == 0))
            return true;
        p += len;
    }
    return false;
}

bool answer_knows_host(const char *host, const char *allowed)
{
    char name[HOST_BYTES];
    if (!host)
        return true; /* every browser sends one */
    return split_host(host, name) && *name &&
           (is_address(name) || !strchr(name, '.') || is_own_name(name) ||
            is_among(name, allowed));
}

/* ---- paths -------------------------------------------------------------------- */

static bool put_metrics(struct worker *w, struct wr *out)
{
    metrics_write(out, w);
    return true;
}

static bool put_page(struct worker *w, struct wr *out)
{
    page_write(out, w);
    return true;
}

static bool put_live(struct worker *w, struct wr *out)
{
    return health_is_live(w, out);
}

static bool put_ready(struct worker *w, struct wr *out)
{
    return health_is_ready(w, out);
}

static const struct path {
    const char *path, *type;
    size_t max_bytes;
    bool tells; /* something that is not for everybody */
    bool (*put)(struct worker *w, struct wr *out);
} paths[] = {
    {"/livez", "text/plain; charset=utf-8", LINE_BYTES, false, put_live},
    {"/readyz", "text/plain; charset=utf-8", LINE_BYTES, false, put_ready},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", METRICS_BYTES, true,
     put_metrics},
    {"/", "text/html; charset=utf-8", PAGE_BYTES, true, put_page},
};

static const struct path *find(const char *path)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (strcmp(paths[i].path, path) == 0)
            return &paths[i];
    return NULL;
}

static void say(struct server_answer *a, unsigned status, const char *line)
{
    a->status = status;
    a->body = strdup(line);
    a->nbody = a->body ? strlen(line) : 0;
}

static void answer_path(struct worker *w, const struct path *p, struct server_answer *a)
{
    struct wr out;
    wr_init(&out, p->max_bytes);
    a->status = p->put(w, &out) ? 200 : 503;
    a->type = p->type;
    if (out.bad) { /* body NULL: 503 */
        wr_finish(&out);
        return;
    }
    a->body = out.p;
    a->nbody = out.len;
}

void answer_request(void *ctx, const struct server_request *r, struct server_answer *a)
{
    struct worker *w = ctx;
    const struct path *p = find(r->path);
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
        say(a, 405, "only GET and HEAD are answered here\n");
    else if (!p)
        say(a, 404, "not found; there are /livez, /readyz, /metrics and /\n");
    else if (p->tells && !answer_knows_host(r->host, w->config->http_hosts))
        say(a, 421,
            "this is not known as a name of this worker: use its address, or add the "
            "name to worker_http_hosts\n");
    else
        answer_path(w, p, a);
}
