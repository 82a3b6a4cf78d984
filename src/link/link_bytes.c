/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over a link once it is connected: bytes as they are, or through TLS. */
#include "link.h"

#include <string.h>

#define READ_BYTES (64u << 10)
#define RECORD_BYTES (16u << 10) /* TLS' largest */
#define SLICE_BYTES (256u << 10) /* is encrypted at a time: a large body in turns */

/* ---- sending ------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    struct link *l = req->data;
    l->writing = false;
    wr_reset(&l->sent);
    if (status < 0 && status != UV_ECANCELED)
        link_stop_writing(l, status);
    else
        link_flush(l);
}

static void send_bytes(struct link *l)
{
    l->writing = true;
    l->write.data = l;
    uv_buf_t buf = uv_buf_init(l->sent.p, (unsigned)l->sent.len);
    int r = uv_write(&l->write, &l->u.stream, &buf, 1, on_written);
    if (r < 0) {
        l->writing = false;
        link_stop_writing(l, r);
    }
}

static void take_ciphertext(struct link *l)
{
    char bytes[RECORD_BYTES];
    size_t n;
    while ((n = l->tls_ops->take(l->tls, bytes, sizeof(bytes))) > 0)
        wr_put(&l->sent, (struct str){bytes, n});
}

/* Moves a slice of `out` through TLS into `sent`, and what TLS itself has to say. */
static bool encrypt(struct link *l)
{
    struct error e;
    while (l->state == LINK_OPEN && l->out_done < l->out.len &&
           l->sent.len < SLICE_BYTES) {
        size_t left = l->out.len - l->out_done;
        size_t n = left < RECORD_BYTES ? left : RECORD_BYTES;
        if (l->tls_ops->write(l->tls, l->out.p + l->out_done, n, &e) == TLS_FAILED) {
            link_close(l, "%s", e.msg);
            return false;
        }
        l->out_done += n;
        take_ciphertext(l);
    }
    take_ciphertext(l);
    if (l->out_done == l->out.len) {
        wr_reset(&l->out);
        l->out_done = 0;
    }
    if (l->sent.bad)
        link_close(l, "more than %zu bytes wait to be sent", l->sent.max);
    return !l->sent.bad;
}

static void swap_buffers(struct link *l)
{
    struct wr swap = l->sent;
    l->sent = l->out;
    l->out = swap;
}

void link_flush(struct link *l)
{
    if ((l->state != LINK_OPEN && l->state != LINK_SECURING) || l->writing ||
        l->write_error)
        return;
    if (l->out.bad) {
        link_close(l, "more than %zu bytes wait to be sent", l->out.max);
        return;
    }
    if (!l->tls)
        swap_buffers(l);
    else if (!encrypt(l))
        return;
    if (l->sent.len > 0)
        send_bytes(l);
}

static void on_flush(uv_prepare_t *prepare)
{
    link_flush(prepare->data);
}

/* ---- receiving ----------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    /* One buffer for every link: what was read is consumed before the next read. */
    static char bytes[READ_BYTES];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void go_on_securing(struct link *l)
{
    struct error e;
    switch (l->tls_ops->advance(l->tls, &e)) {
    case TLS_OPEN:
        link_opened(l);
        break;
    case TLS_HANDSHAKING:
        break;
    case TLS_CLOSED:
        link_close(l, "the server ended the TLS handshake");
        break;
    case TLS_FAILED:
        link_flush(l); /* the alert, which may tell the server's log why */
        link_close(l, "%s", e.msg);
        break;
    }
}

static void decrypt(struct link *l)
{
    static char bytes[RECORD_BYTES];
    enum tls_status status = TLS_OPEN;
    struct error e;
    size_t n = 1;
    while (l->state == LINK_OPEN && status == TLS_OPEN && n > 0) {
        status = l->tls_ops->read(l->tls, bytes, sizeof(bytes), &n, &e);
        if (status == TLS_OPEN && n > 0)
            l->events->received(l->ctx, (struct str){bytes, n});
    }
    if (status == TLS_CLOSED)
        link_hung_up(l, "the server closed the connection");
    else if (status == TLS_FAILED)
        link_close(l, "%s", e.msg);
}

static void received_tls(struct link *l, struct str bytes)
{
    if (!l->tls_ops->feed(l->tls, bytes.p, bytes.n)) {
        link_close(l, "out of memory for TLS");
        return;
    }
    if (l->state == LINK_SECURING)
        go_on_securing(l);
    if (l->state == LINK_OPEN)
        decrypt(l);
    link_flush(l);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = stream->data;
    struct str bytes = {buf->base, n > 0 ? n : 0};
    if (n > 0 && l->tls)
        received_tls(l, bytes);
    else if (n > 0)
        l->events->received(l->ctx, bytes);
    else if (n == UV_EOF && l->state == LINK_SECURING)
        link_close(l, "the server closed the connection during the TLS handshake (is "
                      "this its TLS port, and does it want a client certificate?)");
    else if (n == UV_EOF)
        link_hung_up(l, "the server closed the connection");
    else if (n < 0)
        link_hung_up(l, uv_strerror((int)n));
}

/* ---- life ---------------------------------------------------------------------- */

static void begin_tls(struct link *l)
{
    struct error e;
    l->tls_ops = tls_load(&e);
    if (l->tls_ops)
        l->tls = l->tls_ops->create(&l->url->options.tls, l->url->host, &e);
    if (!l->tls_ops || !l->tls) {
        link_close(l, "%s", e.msg);
        return;
    }
    go_on_securing(l);
    link_flush(l); /* the greeting need not wait for the end of the turn */
}

void link_begin_bytes(struct link *l)
{
    uv_prepare_start(&l->flush, on_flush);
    uv_read_start(&l->u.stream, on_alloc, on_read);
    if (l->url->is_tls)
        begin_tls(l);
    else
        link_opened(l);
}

void link_reset_bytes(struct link *l)
{
    if (l->tls)
        l->tls_ops->destroy(l->tls);
    l->tls = NULL;
    wr_reset(&l->out);
    wr_reset(&l->sent);
    l->out_done = 0;
    l->writing = false;
}
