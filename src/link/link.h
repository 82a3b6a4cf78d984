/* SPDX-License-Identifier: Apache-2.0 */
/* link - one connection's bytes: TCP or a unix socket, plain or TLS, never blocking.
 *
 *     DOWN ──link_open──▶ CONNECTING ──▶ SECURING ──▶ OPEN ──▶ CLOSING ──▶ DOWN
 *                           (every address)  (TLS only)
 *
 * Nothing survives DOWN: a link that closed is opened afresh. One deadline covers all
 * from link_open to OPEN; each address of a host gets its share of it. Writes gather in
 * `out` and leave in one call at the end of a loop turn, so that many commands share
 * it. Closing is asynchronous: `closed` is called once, when the link may be opened
 * again or freed; any callback may close the link it is called from. */
#ifndef PETIOLE_LINK_H
#define PETIOLE_LINK_H

#include "../error.h"
#include "tls.h"
#include "url.h"

#include "../../protocol/buf.h"

#include <uv.h>

#define LINK_ADDRESSES_MAX 8

enum link_state {
    LINK_DOWN,       /* no handle exists */
    LINK_CONNECTING, /* resolving or connecting; the deadline runs */
    LINK_SECURING,   /* the TLS handshake; the deadline runs */
    LINK_OPEN,       /* bytes may go both ways */
    LINK_CLOSING,    /* handles are closing; `closed` follows */
};

struct link_events {
    void (*opened)(void *ctx);
    void (*received)(void *ctx, struct str bytes);
    /* why: one line, static or in the link; valid during the call. */
    void (*closed)(void *ctx, const char *why);
};

struct link_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
};

struct link {
    enum link_state state;
    uv_loop_t *loop;
    const struct url *url; /* borrowed from link_open until DOWN */
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
    struct link_address addresses[LINK_ADDRESSES_MAX];
    unsigned naddresses, tried; /* once connected, tried - 1 is where to */
    uv_timer_t deadline;        /* of the address that is tried, or of the handshake */
    uint64_t timeout_ms, give_up_ms;
    uv_prepare_t flush;
    uv_write_t write;
    struct wr out;   /* to be sent */
    size_t out_done; /* of `out`, how much TLS has taken */
    struct wr sent;  /* being sent, while `writing` */
    bool writing;
    int write_error; /* 0, or why nothing can be sent any more */
    bool hung_up;    /* how it closed, once OPEN: the other end did */
    const struct tls_ops *tls_ops;
    struct tls *tls; /* NULL: plain */
    unsigned closing_handles;
    char why[400];
};

void link_init(struct link *l, uv_loop_t *loop, const struct link_events *events,
               void *ctx, size_t max_unsent_bytes);
/* Only when DOWN. */
void link_finish(struct link *l);

/* Starts connecting; `opened` or `closed` follows, never before this returns. Only when
 * DOWN. `at`, if given, is where to, whatever the URL's host resolves to by now. */
void link_open(struct link *l, const struct url *url, const struct link_address *at,
               uint64_t timeout_ms);
/* Append to l->out, then nothing: it is sent at the end of the turn. */
void link_flush(struct link *l);
/* Harmless when closing or down already; the first reason given is kept. */
void link_close(struct link *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Where an OPEN link leads to; NULL for a unix socket. */
const struct link_address *link_peer(const struct link *l);
/* Whether a link opened `at` an address was opened at this one. */
bool link_leads_to(const struct link *l, const struct link_address *to);

/* Between link.c and link_bytes.c: what happens once there is a connection. */
void link_begin_bytes(struct link *l); /* reads; with TLS, begins the handshake */
void link_opened(struct link *l);
void link_reset_bytes(struct link *l);
void link_hung_up(struct link *l, const char *why); /* closes: the other end did */
/* Nothing can be sent: closes when what the other end said has been read, or soon. */
void link_stop_writing(struct link *l, int error);

#endif
