/* SPDX-License-Identifier: Apache-2.0 */
/* connect_options - how a connection is made, by the names of redis-py's arguments.
 *
 * They come from a URL's query (`redis://host/0?socket_timeout=5`), from
 * broker_transport_options and the redis_* settings, and from the objects
 * broker_use_ssl and redis_backend_use_ssl. What nobody said is "unsaid", so that the
 * stronger source can be laid over the weaker one. */
#ifndef PETIOLE_CONNECT_OPTIONS_H
#define PETIOLE_CONNECT_OPTIONS_H

#include "../error.h"

#include <stdbool.h>
#include <stdint.h>

enum said {
    UNSAID,
    SAID_NO,
    SAID_YES,
};

/* Python's ssl.CERT_*. A client's CERT_OPTIONAL verifies as CERT_REQUIRED does. */
enum tls_verify {
    TLS_VERIFY_UNSAID,
    TLS_VERIFY_NONE,
    TLS_VERIFY_OPTIONAL,
    TLS_VERIFY_REQUIRED,
};

struct tls_options { /* texts: empty is unsaid */
    enum tls_verify verify;
    enum said check_hostname;
    char ca_certs[256], ca_path[256]; /* beside the system's authorities */
    char certfile[256], keyfile[256], password[128];
    char ciphers[256];
    unsigned min_version; /* 0x0303: TLS 1.2; 0: unsaid */
};

struct connect_options {
    /* Seconds; negative: unsaid, 0: none. */
    double socket_timeout_s, socket_connect_timeout_s, health_check_interval_s;
    enum said keepalive;
    unsigned keepalive_idle_s, keepalive_interval_s, keepalive_count; /* 0: unsaid */
    int64_t db; /* negative: unsaid */
    char client_name[128];
    char username[128], password[512];
    struct tls_options tls;
    bool tls_said; /* any ssl_* option was given */
};

void connect_options_init(struct connect_options *o);
/* One option by redis-py's name. -EINVAL with a line that names it, and the nearest
 * known one if it is unknown; values that may be secret are not repeated. */
int connect_options_set(struct connect_options *o, const char *name, const char *value,
                        struct error *e);
/* One of socket_keepalive_options: TCP_KEEPIDLE (4), TCP_KEEPINTVL (5), TCP_KEEPCNT
 * (6), by the name or by Linux' number. */
int connect_options_set_keepalive(struct connect_options *o, const char *name,
                                  const char *value, struct error *e);
/* What `over` says replaces what `o` said. */
void connect_options_lay_over(struct connect_options *o,
                              const struct connect_options *over);

#endif
