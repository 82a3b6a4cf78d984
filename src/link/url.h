/* SPDX-License-Identifier: Apache-2.0 */
/* url - where a broker or a result backend is, as kombu's URLs say it.
 *
 *     redis://[user][:password]@host[:6379][/db][?option=value&…]
 *     rediss://…                          the same over TLS
 *     redis+socket://[user][:password]@/path/to.sock[?virtual_host=db]
 *     socket:///path/to.sock, unix:///path/to.sock      (the same)
 *     sentinel://[user][:password]@host[:26379][/db]    (rediss+sentinel: over TLS)
 *
 * Several in a row, parted by `;`, are an endpoint (endpoint.h). User, password, host,
 * path and values are percent-decoded. The password leaves this struct only towards the
 * server: everything else prints url_mask. */
#ifndef PETIOLE_URL_H
#define PETIOLE_URL_H

#include "../error.h"
#include "connect_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_MASKED_BYTES 640

struct url {
    char scheme[20]; /* in small letters */
    bool is_socket, is_tls, is_sentinel;
    char host[256]; /* or the socket's path; never empty */
    uint16_t port;
    uint32_t db;
    bool host_said, port_said, db_said;
    char user[128], password[512]; /* empty: none */
    char vhost[256];               /* of AMQP */
    struct connect_options options;
};

/* Returns 0, or -EINVAL with a line that names what is wrong without the password. */
int url_parse(struct url *u, const char *text, struct error *e);

enum url_mask {
    URL_MASK_BROKER,  /* redis://:**@host:6379/0: all of it, as kombu's as_uri */
    URL_MASK_BACKEND, /* redis://host/0: what was said, as kombu's sanitize_url */
};
void url_mask(const struct url *u, enum url_mask as, char out[URL_MASKED_BYTES]);

#endif
