/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES (64u << 10)
#define KEEPALIVE_S 15
/* Unacknowledged bytes older than this mean a dead peer, whatever TCP would try. */
#define TCP_USER_TIMEOUT_MS 30000u

static void set_state(struct link *l, enum link_state to)
{
    l->state = to;
}

void link_init(struct link *l, uv_loop_t *loop, const struct url *url,
               const struct link_events *events, void *ctx, size_t max_unsent_bytes)
{
    *l = (struct link){.loop = loop, .url = url, .events = events, .ctx = ctx};
    wr_init(&l->out, max_unsent_bytes);
    wr_init(&l->sent, max_unsent_bytes);
}

void link_finish(struct link *l)
{
    wr_finish(&l->out);
    wr_finish(&l->sent);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    if (--l->closing_handles > 0 || l->resolving)
        return;
    l->has_stream = false;
    wr_reset(&l->out);
    wr_reset(&l->sent);
    l->writing = false;
    set_state(l, LINK_DOWN);
    l->events->closed(l->ctx, l->why);
}

static void close_handle(struct link *l, uv_handle_t *handle)
{
    handle->data = l;
    l->closing_handles++;
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

static void on_deadline(uv_timer_t *timer)
{
    link_close(timer->data, "no connection within %.1f s",
               (double)uv_timer_get_repeat(timer) / 1000);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    /* One buffer for every link: what was read is consumed before the next read. */
    static char bytes[READ_BYTES];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = stream->data;
    if (n > 0)
        l->events->received(l->ctx, (struct str){buf->base, n});
    else if (n == UV_EOF)
        link_close(l, "the server closed the connection");
    else if (n < 0)
        link_close(l, "%s", uv_strerror((int)n));
}

static void on_written(uv_write_t *req, int status)
{
    struct link *l = req->data;
    l->writing = false;
    wr_reset(&l->sent);
    if (status < 0 && status != UV_ECANCELED)
        link_close(l, "%s", uv_strerror(status));
    else if (l->state == LINK_OPEN)
        link_flush(l);
}

void link_flush(struct link *l)
{
    if (l->state != LINK_OPEN || l->writing)
        return;
    if (l->out.bad) {
        link_close(l, "more than %zu bytes wait to be sent", l->out.max);
        return;
    }
    if (l->out.len == 0)
        return;
    struct wr swap = l->sent;
    l->sent = l->out;
    l->out = swap;
    l->writing = true;
    l->write.data = l;
    uv_buf_t buf = uv_buf_init(l->sent.p, (unsigned)l->sent.len);
    int r = uv_write(&l->write, &l->u.stream, &buf, 1, on_written);
    if (r < 0) {
        l->writing = false;
        link_close(l, "%s", uv_strerror(r));
    }
}

static void on_flush(uv_prepare_t *prepare)
{
    link_flush(prepare->data);
}

static void set_tcp_options(struct link *l)
{
    int fd;
    unsigned timeout_ms = TCP_USER_TIMEOUT_MS;
    uv_tcp_nodelay(&l->u.tcp, 1);
    uv_tcp_keepalive(&l->u.tcp, 1, KEEPALIVE_S);
    if (uv_fileno(&l->u.handle, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void on_connected(uv_connect_t *req, int status)
{
    struct link *l = req->data;
    if (l->state != LINK_CONNECTING)
        return;
    if (status < 0) {
        link_close(l, "%s", uv_strerror(status));
        return;
    }
    uv_timer_stop(&l->deadline);
    if (!l->url->is_socket)
        set_tcp_options(l);
    set_state(l, LINK_OPEN);
    uv_read_start(&l->u.stream, on_alloc, on_read);
    l->events->opened(l->ctx);
}

static void connect_tcp(struct link *l, const struct sockaddr *address)
{
    uv_tcp_init(l->loop, &l->u.tcp);
    l->u.handle.data = l;
    l->has_stream = true;
    int r = uv_tcp_connect(&l->connect, &l->u.tcp, address, on_connected);
    if (r < 0)
        link_close(l, "%s", uv_strerror(r));
}

static void connect_socket(struct link *l)
{
    uv_pipe_init(l->loop, &l->u.pipe, 0);
    l->u.handle.data = l;
    l->has_stream = true;
    uv_pipe_connect(&l->connect, &l->u.pipe, l->url->host, on_connected);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct link *l = req->data;
    l->resolving = false;
    if (l->state == LINK_CLOSING && l->closing_handles == 0) {
        l->closing_handles = 1; /* the handles went first: this was the last */
        on_handle_closed((uv_handle_t *)&l->deadline);
    } else if (l->state == LINK_CONNECTING && status < 0) {
        link_close(l, "host '%s' not found: %s", l->url->host, uv_strerror(status));
    } else if (l->state == LINK_CONNECTING) {
        connect_tcp(l, found->ai_addr);
    }
    uv_freeaddrinfo(found);
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
        link_close(l, "host '%s' not found: %s", l->url->host, uv_strerror(r));
}

void link_open(struct link *l, uint64_t timeout_ms)
{
    struct sockaddr_storage address;
    const char *host = l->url->host;

    l->closing_handles = 0;
    l->connect.data = l;
    set_state(l, LINK_CONNECTING);
    uv_timer_init(l->loop, &l->deadline);
    l->deadline.data = l;
    uv_timer_start(&l->deadline, on_deadline, timeout_ms, timeout_ms);
    uv_prepare_init(l->loop, &l->flush);
    l->flush.data = l;
    uv_prepare_start(&l->flush, on_flush);
    uv_unref((uv_handle_t *)&l->flush);

    /* Numbers need no resolver, which would cost a thread. */
    if (l->url->is_socket)
        connect_socket(l);
    else if (uv_ip4_addr(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                         l->url->port, (struct sockaddr_in *)&address) == 0 ||
             uv_ip6_addr(host, l->url->port, (struct sockaddr_in6 *)&address) == 0)
        connect_tcp(l, (struct sockaddr *)&address);
    else
        resolve(l);
}
