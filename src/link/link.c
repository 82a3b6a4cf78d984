/* SPDX-License-Identifier: Apache-2.0 */
/* How a link comes up, address by address, and how it goes down. */
#include "link.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define KEEPALIVE_IDLE_S 15
/* Unacknowledged bytes older than this mean a dead peer, whatever TCP would try. */
#define TCP_USER_TIMEOUT_MS 30000u

/* A server that hangs up in the middle of a command has mostly said why: its words may
 * be unread when a write fails. */
#define LAST_WORDS_MS 200u

static void try_next_address(struct link *l);

static void set_state(struct link *l, enum link_state to)
{
    l->state = to;
}

void link_init(struct link *l, uv_loop_t *loop, const struct link_events *events,
               void *ctx, size_t max_unsent_bytes)
{
    *l = (struct link){.loop = loop, .events = events, .ctx = ctx};
    wr_init(&l->out, max_unsent_bytes);
    wr_init(&l->sent, max_unsent_bytes);
}

void link_finish(struct link *l)
{
    wr_finish(&l->out);
    wr_finish(&l->sent);
}

/* ---- going down ---------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    if (--l->closing_handles > 0 || l->resolving)
        return;
    l->has_stream = false;
    link_reset_bytes(l);
    set_state(l, LINK_DOWN);
    l->events->closed(l->ctx, l->why);
}

static void close_handle(struct link *l, uv_handle_t *handle)
{
    handle->data = l;
    l->closing_handles++;
    if (!uv_is_closing(handle)) /* a stream may be, on the way to the next address */
        uv_close(handle, on_handle_closed);
}

void link_close(struct link *l, const char *fmt, ...)
{
    if (l->state == LINK_DOWN || l->state == LINK_CLOSING)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->why, sizeof(l->why), fmt, ap);
    va_end(ap);
    set_state(l, LINK_CLOSING);
    if (l->resolving)
        uv_cancel((uv_req_t *)&l->resolve);
    close_handle(l, (uv_handle_t *)&l->deadline);
    close_handle(l, (uv_handle_t *)&l->flush);
    if (l->has_stream)
        close_handle(l, &l->u.handle);
}

void link_hung_up(struct link *l, const char *why)
{
    l->hung_up |= l->state == LINK_OPEN;
    link_close(l, "%s", why);
}

/* ---- one address after the other ----------------------------------------------- */

static void on_attempt_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    if (l->state == LINK_CLOSING) {
        on_handle_closed(handle);
        return;
    }
    l->has_stream = false;
    try_next_address(l);
}

/* This address did not do: the next one, or the end. */
static void attempt_failed(struct link *l, const char *why)
{
    if (l->tried < l->naddresses) {
        if (!uv_is_closing(&l->u.handle))
            uv_close(&l->u.handle, on_attempt_closed);
    } else if (l->naddresses > 1) {
        link_close(l, "none of the %u addresses of '%.100s' answers: %s", l->naddresses,
                   l->url->host, why);
    } else {
        link_close(l, "%s", why);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct link *l = timer->data;
    char why[80];
    double s = (double)l->timeout_ms / 1000;
    if (l->state == LINK_OPEN) {
        link_hung_up(l, uv_strerror(l->write_error));
        return;
    }
    if (l->state == LINK_SECURING) {
        link_close(l, "no TLS handshake within %.1f s (is this the server's TLS port?)",
                   s);
        return;
    }
    snprintf(why, sizeof(why), "no connection within %.1f s", s);
    if (l->resolving || !l->has_stream)
        link_close(l, "%s", why);
    else
        attempt_failed(l, why);
}

static void set_keepalive(struct link *l, int fd)
{
    const struct connect_options *o = &l->url->options;
    int interval_s = (int)o->keepalive_interval_s, count = (int)o->keepalive_count;
    if (o->keepalive == SAID_NO)
        return;
    uv_tcp_keepalive(&l->u.tcp, 1,
                     o->keepalive_idle_s ? o->keepalive_idle_s : KEEPALIVE_IDLE_S);
    if (interval_s)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    if (count)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static void set_tcp_options(struct link *l)
{
    int fd;
    unsigned timeout_ms = TCP_USER_TIMEOUT_MS;
    if (l->url->options.socket_timeout_s * 1000 > timeout_ms)
        timeout_ms = (unsigned)(l->url->options.socket_timeout_s * 1000);
    uv_tcp_nodelay(&l->u.tcp, 1);
    if (uv_fileno(&l->u.handle, &fd) < 0)
        return;
    set_keepalive(l, fd);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void on_connected(uv_connect_t *req, int status)
{
    struct link *l = req->data;
    if (l->state != LINK_CONNECTING || uv_is_closing(&l->u.handle))
        return;
    if (status < 0) {
        attempt_failed(l, uv_strerror(status));
        return;
    }
    if (!l->url->is_socket)
        set_tcp_options(l);
    if (l->url->is_tls) {
        uint64_t now = uv_now(l->loop);
        set_state(l, LINK_SECURING);
        uv_timer_start(&l->deadline, on_deadline,
                       l->give_up_ms > now ? l->give_up_ms - now : 1, 0);
    }
    link_begin_bytes(l);
}

void link_stop_writing(struct link *l, int error)
{
    l->write_error = error;
    if (l->state == LINK_OPEN)
        uv_timer_start(&l->deadline, on_deadline, LAST_WORDS_MS, 0);
    else
        link_close(l, "%s", uv_strerror(error));
}

void link_opened(struct link *l)
{
    uv_timer_stop(&l->deadline);
    set_state(l, LINK_OPEN);
    l->events->opened(l->ctx);
}

/* Each address gets an equal share of what is left, the last one all of it. */
static uint64_t share_ms(const struct link *l)
{
    uint64_t now = uv_now(l->loop),
             left = l->give_up_ms > now ? l->give_up_ms - now : 1;
    return left / (l->naddresses - l->tried) + 1;
}

static void try_next_address(struct link *l)
{
    if (l->state != LINK_CONNECTING)
        return;
    uv_timer_start(&l->deadline, on_deadline, share_ms(l), 0);
    const struct link_address *to = &l->addresses[l->tried++];
    uv_tcp_init(l->loop, &l->u.tcp);
    l->u.handle.data = l;
    l->has_stream = true;
    int r = uv_tcp_connect(&l->connect, &l->u.tcp, &to->u.any, on_connected);
    if (r < 0)
        attempt_failed(l, uv_strerror(r));
}

static void connect_socket(struct link *l)
{
    uv_pipe_init(l->loop, &l->u.pipe, 0);
    l->u.handle.data = l;
    l->has_stream = true;
    uv_pipe_connect(&l->connect, &l->u.pipe, l->url->host, on_connected);
}

/* ---- addresses ----------------------------------------------------------------- */

static void add_address(struct link *l, const struct sockaddr *address)
{
    if (l->naddresses == LINK_ADDRESSES_MAX)
        return;
    struct link_address *to = &l->addresses[l->naddresses];
    if (address->sa_family == AF_INET)
        memcpy(&to->u.v4, address, sizeof(to->u.v4));
    else if (address->sa_family == AF_INET6)
        memcpy(&to->u.v6, address, sizeof(to->u.v6));
    else
        return;
    l->naddresses++;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct link *l = req->data;
    l->resolving = false;
    for (const struct addrinfo *a = found; status == 0 && a; a = a->ai_next)
        add_address(l, a->ai_addr);
    uv_freeaddrinfo(found);
    if (l->state == LINK_CLOSING && l->closing_handles == 0) {
        l->closing_handles = 1; /* the handles went first: this was the last */
        on_handle_closed((uv_handle_t *)&l->deadline);
    } else if (l->state == LINK_CONNECTING && l->naddresses == 0) {
        link_close(l, "host '%.100s' not found: %s", l->url->host,
                   status < 0 ? uv_strerror(status) : "it has no address");
    } else {
        try_next_address(l);
    }
}

static void resolve(struct link *l)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    snprintf(port, sizeof(port), "%u", l->url->port);
    l->resolve.data = l;
    int r =
        uv_getaddrinfo(l->loop, &l->resolve, on_resolved, l->url->host, port, &hints);
    l->resolving = r == 0;
    if (r < 0)
        link_close(l, "host '%.100s' not found: %s", l->url->host, uv_strerror(r));
}

/* Numbers need no resolver, which would cost a thread; localhost has two. */
static void add_number(struct link *l, const char *host)
{
    struct link_address a;
    if (uv_ip4_addr(host, l->url->port, &a.u.v4) == 0 ||
        uv_ip6_addr(host, l->url->port, &a.u.v6) == 0)
        add_address(l, &a.u.any);
}

static void add_known_addresses(struct link *l, const struct link_address *at)
{
    const char *host = l->url->host;
    if (at) {
        add_address(l, &at->u.any);
    } else if (strcmp(host, "localhost") == 0) {
        add_number(l, "127.0.0.1");
        add_number(l, "::1");
    } else {
        add_number(l, host);
    }
}

/* ---- the whole ----------------------------------------------------------------- */

static void init_handles(struct link *l)
{
    uv_timer_init(l->loop, &l->deadline);
    uv_prepare_init(l->loop, &l->flush);
    l->deadline.data = l->flush.data = l->connect.data = l;
    uv_unref((uv_handle_t *)&l->flush);
}

void link_open(struct link *l, const struct url *url, const struct link_address *at,
               uint64_t timeout_ms)
{
    l->url = url;
    l->closing_handles = 0;
    l->write_error = 0;
    l->hung_up = false;
    l->naddresses = l->tried = 0;
    l->timeout_ms = timeout_ms;
    l->give_up_ms = uv_now(l->loop) + timeout_ms;
    set_state(l, LINK_CONNECTING);
    init_handles(l);
    uv_timer_start(&l->deadline, on_deadline, timeout_ms, 0);
    if (url->is_socket) {
        connect_socket(l);
        return;
    }
    add_known_addresses(l, at);
    if (l->naddresses > 0)
        try_next_address(l);
    else
        resolve(l);
}

const struct link_address *link_peer(const struct link *l)
{
    bool known = l->state == LINK_OPEN && l->url && !l->url->is_socket && l->tried > 0;
    return known ? &l->addresses[l->tried - 1] : NULL;
}

bool link_leads_to(const struct link *l, const struct link_address *to)
{
    const struct link_address *a = &l->addresses[0];
    if (l->naddresses == 0 || a->u.any.sa_family != to->u.any.sa_family)
        return false;
    if (a->u.any.sa_family == AF_INET)
        return a->u.v4.sin_port == to->u.v4.sin_port &&
               a->u.v4.sin_addr.s_addr == to->u.v4.sin_addr.s_addr;
    return a->u.v6.sin6_port == to->u.v6.sin6_port &&
           memcmp(&a->u.v6.sin6_addr, &to->u.v6.sin6_addr, 16) == 0;
}
