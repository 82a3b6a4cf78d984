/* SPDX-License-Identifier: Apache-2.0 */
/* link - one connection's bytes: TCP or a unix socket, never blocking.
 *
 *     DOWN ──link_open──▶ CONNECTING ──▶ OPEN ──▶ CLOSING ──▶ DOWN
 *
 * Nothing survives DOWN: a link that closed is opened afresh. Writes gather in `out`
 * and leave in one call at the end of a loop turn, so that many commands share it.
 * Closing is asynchronous: `closed` is called once, when the link may be opened again
 * or freed; any callback may close the link it is called from. */
#ifndef PETIOLE_LINK_H
#define PETIOLE_LINK_H

#include "error.h"
#include "url.h"

#include "../protocol/buf.h"

#include <uv.h>

enum link_state {
    LINK_DOWN,       /* no handle exists */
    LINK_CONNECTING, /* resolving or connecting; the deadline runs */
    LINK_OPEN,       /* bytes may go both ways */
    LINK_CLOSING,    /* handles are closing; `closed` follows */
};

struct link_events {
    void (*opened)(void *ctx);
    void (*received)(void *ctx, struct str bytes);
    /* why: one line, static or in the link; valid during the call. */
    void (*closed)(void *ctx, const char *why);
};

struct link {
    enum link_state state;
    uv_loop_t *loop;
    const struct url *url; /* borrowed */
    const struct link_events *events;
    void *ctx;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    bool has_stream;
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
    bool resolving;
    uv_timer_t deadline; /* of connecting */
    uv_prepare_t flush;
    uv_write_t write;
    struct wr out;  /* to be sent */
    struct wr sent; /* being sent, while `writing` */
    bool writing;
    unsigned closing_handles;
    char why[200];
};

void link_init(struct link *l, uv_loop_t *loop, const struct url *url,
               const struct link_events *events, void *ctx, size_t max_unsent_bytes);
/* Only when DOWN. */
void link_finish(struct link *l);

/* Starts connecting; `opened` or `closed` follows. Only when DOWN. */
void link_open(struct link *l, uint64_t timeout_ms);
/* Append to l->out, then nothing: it is sent at the end of the turn. */
void link_flush(struct link *l);
/* Harmless when closing or down already; the first reason given is kept. */
void link_close(struct link *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
