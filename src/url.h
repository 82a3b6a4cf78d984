/* SPDX-License-Identifier: Apache-2.0 */
/* url - where a broker or a result backend is, as kombu's URLs say it.
 *
 *     redis://[user][:password]@host[:6379][/db]
 *     redis+socket://[user][:password]@/path/to.sock[?virtual_host=db]
 *     socket:///path/to.sock[?virtual_host=db]          (result backends)
 *
 * User and password are percent-decoded. The password leaves this struct only towards
 * the server: everything else prints `masked`. */
#ifndef PETIOLE_URL_H
#define PETIOLE_URL_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct url {
    char host[256]; /* or the socket's path */
    bool is_socket;
    uint16_t port;
    uint32_t db;
    char user[128], password[512]; /* empty: none */
    char masked[640];              /* redis://user:**@host:6379/0 */
};

/* Returns 0, or -EINVAL with a line that names what is wrong without the password. */
int url_parse(struct url *u, const char *text, struct error *e);

#endif
