/* SPDX-License-Identifier: Apache-2.0 */
/* sentinel - which server is the master, as the Sentinels of an endpoint say.
 *
 *     IDLE ──sentinel_find──▶ ASKING ──▶ WATCHING ──sentinel_find──▶ ASKING …
 *
 * One connection, to one Sentinel at a time: SENTINEL MASTER, and then SUBSCRIBE
 * +switch-master. A Sentinel that is away, does not know the name, takes the master for
 * down or sees too few others (min_other_sentinels) is left for the next one, as in
 * redis.sentinel.Sentinel.discover_master. That the server is a master indeed is for
 * the connection to it to find out. */
#ifndef PETIOLE_SENTINEL_H
#define PETIOLE_SENTINEL_H

#include "../link/endpoint.h"

#include <uv.h>

struct sentinel_events {
    /* The answers to sentinel_find, one of them. */
    void (*found)(void *ctx, const char *host, uint16_t port);
    void (*failed)(void *ctx, const char *why);
    /* It is another one than was found last. */
    void (*moved)(void *ctx, const char *host, uint16_t port);
};

struct sentinel;

/* Nothing is attempted before sentinel_find. NULL: out of memory. */
struct sentinel *sentinel_create(uv_loop_t *loop, const struct endpoint *endpoint,
                                 const struct sentinel_events *events, void *ctx);
/* Asks; an event follows, maybe before this returns. */
void sentinel_find(struct sentinel *s);
/* `stopped(ctx)` follows, with the ctx of the events. */
void sentinel_stop(struct sentinel *s, void (*stopped)(void *ctx));
void sentinel_destroy(struct sentinel *s);

#endif
