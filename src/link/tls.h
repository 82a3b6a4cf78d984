/* SPDX-License-Identifier: Apache-2.0 */
/* tls - one TLS conversation as bytes in, bytes out; it owns no socket and never waits.
 *
 *     network ──feed──▶ ┌─────┐ ──read──▶ what the peer said
 *     network ◀──take── │ tls │ ◀──write── what is to be said
 *                       └─────┘
 *
 * OpenSSL is behind it, in a shared object of its own that is loaded when the first
 * TLS connection is made: a worker without TLS maps none of it. */
#ifndef PETIOLE_TLS_H
#define PETIOLE_TLS_H

#include "../error.h"
#include "connect_options.h"

#include <stddef.h>

#define TLS_ABI 1
#define TLS_SYMBOL "petiole_tls_v1"

struct tls;

enum tls_status {
    TLS_HANDSHAKING,
    TLS_OPEN,
    TLS_CLOSED, /* the peer said good-bye */
    TLS_FAILED, /* *e says why */
};

struct tls_ops { /* what the shared object exports */
    unsigned abi;
    const char *library; /* "OpenSSL 3.0.22 …" */
    /* host: for SNI, and for the check of the certificate's names. NULL with *e. */
    struct tls *(*create)(const struct tls_options *options, const char *host,
                          struct error *e);
    void (*destroy)(struct tls *t);
    /* Bytes from the network; all are taken. False: out of memory. */
    bool (*feed)(struct tls *t, const char *bytes, size_t n);
    /* Goes on with the handshake, if there is still one. */
    enum tls_status (*advance)(struct tls *t, struct error *e);
    /* What the peer said: *n is how much; 0 with TLS_OPEN if there is nothing now. */
    enum tls_status (*read)(struct tls *t, char *out, size_t size, size_t *n,
                            struct error *e);
    /* TLS_OPEN: all n bytes are to be taken as ciphertext now. */
    enum tls_status (*write)(struct tls *t, const char *bytes, size_t n,
                             struct error *e);
    /* Ciphertext for the network; how much, 0 if there is none. */
    size_t (*take)(struct tls *t, char *out, size_t size);
};

/* The shared object, loaded once. NULL with *e, which says what to install. */
const struct tls_ops *tls_load(struct error *e);

#endif
