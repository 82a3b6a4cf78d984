/* SPDX-License-Identifier: Apache-2.0 */
/* server - HTTP/1.1 on a listening socket, by libmicrohttpd, which is behind it in a
 * shared object of its own: a worker without --http maps none of it.
 *
 * It has no thread and waits for nothing: `fd` becomes readable when `run` has work,
 * and after `wait_ms` there is some anyway. A connection that has not brought its
 * request, or taken its answer, within SERVER_PATIENCE_S is closed; so is the one that
 * has waited longest, when there would be more than SERVER_CONNECTIONS_MAX. */
#ifndef PETIOLE_HTTP_SERVER_H
#define PETIOLE_HTTP_SERVER_H

#include "../error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_ABI 1
#define SERVER_SYMBOL "petiole_http_v1"
#define SERVER_CONNECTIONS_MAX 64u
#define SERVER_REQUEST_BYTES ((size_t)8 << 10) /* its line and headers, and ours */
#define SERVER_PATIENCE_S 10u
/* Of answers that slow clients have not taken yet; beyond it they get a 503. */
#define SERVER_UNSENT_BYTES ((size_t)32 << 20)

struct server;

struct server_request {
    const char *method, *path;
    const char *host; /* NULL: none given */
};

struct server_answer {
    unsigned status;
    const char *type; /* its content type, from static memory */
    char *body;       /* of malloc; the server frees it. NULL: out of memory, a 503 */
    size_t nbody;
};

typedef void server_answer_fn(void *ctx, const struct server_request *r,
                              struct server_answer *a);

struct server_ops { /* what the shared object exports */
    unsigned abi;
    const char *(*version)(void); /* "0.9.75" */
    /* Takes over the socket, also if it fails. NULL with *e. */
    struct server *(*create)(int listening, server_answer_fn *answer, void *ctx,
                             struct error *e);
    int (*fd)(const struct server *s);
    void (*run)(struct server *s);
    /* -1: nothing without `fd`. */
    int64_t (*wait_ms)(const struct server *s);
    void (*destroy)(struct server *s);
};

#endif
