/* SPDX-License-Identifier: Apache-2.0 */
/* answer - what each path answers, in one line unless it is a page.
 *
 *     /livez  /readyz   ok, or 503 and why not
 *     /metrics          Prometheus' text form
 *     /                 the status page
 *
 * Pages and metrics are answered only to a Host that is this machine's: a page
 * elsewhere whose name was made to point here (DNS rebinding) must not read them in
 * somebody's browser. Probes tell nothing, and are answered to all. */
#ifndef PETIOLE_HTTP_ANSWER_H
#define PETIOLE_HTTP_ANSWER_H

#include "server.h"

/* A server_answer_fn; ctx: the worker. */
void answer_request(void *ctx, const struct server_request *r, struct server_answer *a);
/* host: a Host header, or NULL. allowed: worker_http_hosts, comma separated. An IP
 * address, a name without a dot, this machine's own name, or one that is allowed. */
bool answer_knows_host(const char *host, const char *allowed);

#endif
