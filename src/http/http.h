/* SPDX-License-Identifier: Apache-2.0 */
/* http - probes, metrics and the status page, for --http HOST:PORT.
 *
 * libmicrohttpd stands in a module of its own (http_microhttpd.c), loaded when it is
 * wanted; its sockets are polled by the worker's loop, so that what /livez answers is
 * that this loop turns. Connections, their bytes and their time are bounded. */
#ifndef PETIOLE_HTTP_H
#define PETIOLE_HTTP_H

#include "../error.h"

#include <uv.h>

struct http;
struct worker;

/* NULL with one line in *e: no such host, port taken, built without HTTP. */
struct http *http_create(struct worker *w, const char *address, struct error *e);
/* Says where it listens, and begins to answer. */
void http_start(struct http *h);
/* Its handles are closed with the loop's others; then the memory goes. */
void http_stop(struct http *h);
void http_destroy(struct http *h);

#endif
