/* SPDX-License-Identifier: Apache-2.0 */
/* http.so - the only file that includes libmicrohttpd. */
#include "server.h"

#include "../list.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SPARE_CONNECTIONS 16u /* being closed, while new ones come */

struct server {
    struct MHD_Daemon *daemon;
    int epoll_fd;
    server_answer_fn *answer;
    void *ctx;
    struct list connections; /* who has waited longest first */
    unsigned nconnections;
    size_t unsent_bytes;
};

struct connection {
    struct list link;
    struct MHD_Connection *mhd;
    int fd;
    time_t since; /* it connected, or its last request was complete or answered */
    bool shut;
};

struct unsent { /* an answer on its way */
    struct server *server;
    size_t nbody;
    char *body;
};

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- connections -------------------------------------------------------------- */

/* libmicrohttpd finds it at its end, and closes it. */
static void shut(struct connection *c)
{
    if (!c->shut)
        shutdown(c->fd, SHUT_RDWR);
    c->shut = true;
}

static void touch(struct server *s, struct connection *c)
{
    c->since = now_s();
    list_remove(&c->link);
    list_push(&s->connections, &c->link);
}

static void shut_oldest(struct server *s)
{
    for (struct list *l = s->connections.next; l != &s->connections; l = l->next) {
        struct connection *c = list_entry(l, struct connection, link);
        if (!c->shut) {
            shut(c);
            return;
        }
    }
}

static void shut_late(struct server *s)
{
    time_t now = now_s();
    for (struct list *l = s->connections.next; l != &s->connections; l = l->next) {
        struct connection *c = list_entry(l, struct connection, link);
        if (now - c->since < (time_t)SERVER_PATIENCE_S)
            return;
        shut(c);
    }
}

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = ctx;
    struct connection *c = *state;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c) {
            list_remove(&c->link);
            s->nconnections--;
        }
        free(c);
        *state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    *state = c = info ? calloc(1, sizeof(*c)) : NULL;
    if (!c)
        return; /* then only libmicrohttpd's own patience counts */
    *c = (struct connection){.mhd = mhd, .fd = info->connect_fd, .since = now_s()};
    list_push(&s->connections, &c->link);
    if (++s->nconnections > SERVER_CONNECTIONS_MAX)
        shut_oldest(s);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* ---- answers ------------------------------------------------------------------ */

static void on_sent(void *ctx)
{
    struct unsent *u = ctx;
    u->server->unsent_bytes -= u->nbody;
    free(u->body);
    free(u);
}

static ssize_t read_unsent(void *ctx, uint64_t at, char *out, size_t max)
{
    const struct unsent *u = ctx;
    size_t n = u->nbody - (size_t)at < max ? u->nbody - (size_t)at : max;
    memcpy(out, u->body + at, n);
    return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *say(const char *line)
{
    return MHD_create_response_from_buffer(strlen(line), (void *)(uintptr_t)line,
                                           MHD_RESPMEM_PERSISTENT);
}

/* NULL: there is no memory, or too much of it waits for slow clients. */
static struct MHD_Response *response_of(struct server *s, struct server_answer *a)
{
    bool fits =
        s->unsent_bytes == 0 || s->unsent_bytes + a->nbody < SERVER_UNSENT_BYTES;
    struct unsent *u = a->body && fits ? calloc(1, sizeof(*u)) : NULL;
    struct MHD_Response *r = NULL;
    if (u) {
        *u = (struct unsent){.server = s, .nbody = a->nbody, .body = a->body};
        r = MHD_create_response_from_callback(a->nbody, 16u << 10, read_unsent, u,
                                              on_sent);
    }
    if (r)
        s->unsent_bytes += a->nbody;
    else {
        free(a->body);
        free(u);
    }
    return r;
}

static void add_headers(struct MHD_Response *r, const char *type, unsigned status)
{
    static const char *const fixed[][2] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        MHD_add_response_header(r, fixed[i][0], fixed[i][1]);
    MHD_add_response_header(r, "Content-Type", type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
}

static enum MHD_Result reply(struct server *s, struct MHD_Connection *mhd,
                             const struct server_request *request)
{
    struct server_answer a = {.status = 500, .type = "text/plain; charset=utf-8"};
    s->answer(s->ctx, request, &a);
    struct MHD_Response *r = response_of(s, &a);
    if (!r) {
        a.status = MHD_HTTP_SERVICE_UNAVAILABLE;
        a.type = "text/plain; charset=utf-8";
        r = say("no memory for the answer now; ask again\n");
    }
    if (!r)
        return MHD_NO;
    add_headers(r, a.type, a.status);
    enum MHD_Result queued = MHD_queue_response(mhd, a.status, r);
    MHD_destroy_response(r);
    return queued;
}

/* Called once with the headers and once at the end, for GET and HEAD; what brings a
 * body is answered before that is read. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd,
                                  const char *path, const char *method,
                                  const char *version, const char *body, size_t *nbody,
                                  void **seen)
{
    static int first;
    struct server *s = ctx;
    struct connection *c = connection_of(mhd);
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    (void)version, (void)body;
    if (c)
        touch(s, c);
    if (!*seen && reads) {
        *seen = &first;
        return MHD_YES;
    }
    *nbody = 0;
    const struct server_request r = {method, path,
                                     MHD_lookup_connection_value(mhd, MHD_HEADER_KIND,
                                                                 MHD_HTTP_HEADER_HOST)};
    return reply(s, mhd, &r);
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **seen,
                         enum MHD_RequestTerminationCode why)
{
    struct connection *c = connection_of(mhd);
    (void)seen, (void)why;
    if (c)
        touch(ctx, c);
}

/* ---- the server --------------------------------------------------------------- */

static void quiet(void *ctx, const char *fmt, va_list ap)
{
    (void)ctx, (void)fmt, (void)ap; /* what clients do wrong is no news to anybody */
}

static void destroy(struct server *s)
{
    if (s && s->daemon)
        MHD_stop_daemon(s->daemon); /* calls on_connection for each */
    free(s);
}

static struct MHD_Daemon *start(struct server *s, int listening)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                            on_request, s, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
                            MHD_OPTION_LISTEN_SOCKET, listening,
                            MHD_OPTION_CONNECTION_LIMIT,
                            SERVER_CONNECTIONS_MAX + SPARE_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, SERVER_PATIENCE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_REQUEST_BYTES,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
                            MHD_OPTION_END);
}

static struct server *create(int listening, server_answer_fn *answer, void *ctx,
                             struct error *e)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s) {
        close(listening);
        error_set(e, ENOMEM, "out of memory");
        return NULL;
    }
    *s = (struct server){.answer = answer, .ctx = ctx};
    list_init(&s->connections);
    s->daemon = start(s, listening);
    const union MHD_DaemonInfo *info =
        s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        if (!s->daemon)
            close(listening);
        destroy(s);
        error_set(e, EIO, "libmicrohttpd %s does not start", MHD_get_version());
        return NULL;
    }
    s->epoll_fd = info->epoll_fd;
    return s;
}

static int descriptor(const struct server *s)
{
    return s->epoll_fd;
}

static void run(struct server *s)
{
    shut_late(s);
    MHD_run(s->daemon);
}

static int64_t wait_ms(const struct server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    bool timed = MHD_get_timeout(s->daemon, &ms) == MHD_YES;
    if (list_empty(&s->connections))
        return timed ? (int64_t)ms : -1;
    return timed && ms < 1000 ? (int64_t)ms : 1000; /* shut_late looks once a second */
}

__attribute__((visibility("default"))) extern const struct server_ops petiole_http_v1;
const struct server_ops petiole_http_v1 = {
    .abi = SERVER_ABI,
    .version = MHD_get_version,
    .create = create,
    .fd = descriptor,
    .run = run,
    .wait_ms = wait_ms,
    .destroy = destroy,
};
