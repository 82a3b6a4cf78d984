/* SPDX-License-Identifier: Apache-2.0 */
/* listen - a listening TCP socket for an address that people write. */
#ifndef PETIOLE_HTTP_LISTEN_H
#define PETIOLE_HTTP_LISTEN_H

#include "../error.h"

#include <stddef.h>

#define LISTEN_HOST_BYTES 256u
#define LISTEN_NAME_BYTES (LISTEN_HOST_BYTES + 16)

/* "127.0.0.1:9540", "[::1]:9540", "localhost:0"; ":9540" and "*:9540" are all of this
 * machine's addresses. host: what stands before the port, without brackets. Returns
 * -EINVAL with *e. */
int listen_split(const char *address, char host[LISTEN_HOST_BYTES], unsigned *port,
                 struct error *e);
/* The socket, or a negative errno with *e. name: where it listens, "127.0.0.1:9540". */
int listen_on(const char *address, char name[LISTEN_NAME_BYTES], struct error *e);

#endif
