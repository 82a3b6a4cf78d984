/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint - everything about reaching one side, the broker or the result backend: the
 * URLs in the order they are tried, who the master is when they are Sentinels', and how
 * each connection is made.
 *
 *     redis://a/0;redis://b/0           fail-over: after each failure the next one
 *     sentinel://a/0;sentinel://b/0     the master these Sentinels agree on
 *
 * It is made once from the settings and then only read. */
#ifndef PETIOLE_ENDPOINT_H
#define PETIOLE_ENDPOINT_H

#include "url.h"

#define ENDPOINT_URLS_MAX 16

enum endpoint_role {
    ENDPOINT_BROKER,
    ENDPOINT_BACKEND,
};

struct sentinel_options {
    char master_name[128];
    int64_t min_other_sentinels;
    struct connect_options connect; /* sentinel_kwargs: towards the Sentinels */
    enum said tls;                  /* sentinel_kwargs["ssl"] */
};

struct endpoint {
    enum endpoint_role role;
    struct url *urls; /* the options of each are complete */
    size_t nurls;
    bool shuffle;      /* broker_failover_strategy */
    bool is_sentinel;  /* then `urls` are the Sentinels', for the Sentinels … */
    struct url master; /* … and this, without a host, is how the master is spoken to */
    char master_name[128];
    unsigned min_other_sentinels;
    char masked[2 * URL_MASKED_BYTES];
    char warning[200]; /* to be logged once; empty: none */
};

/* What the settings say, beside the URL. */
struct endpoint_settings {
    const struct connect_options *connect; /* weaker than the URL's query */
    const struct connect_options *use_ssl; /* broker_use_ssl, …; NULL: none */
    const struct sentinel_options *sentinel;
    bool shuffle;
    double connect_timeout_s; /* unless said elsewhere; never 0 */
};

/* `text` is one URL or several, parted by `;`. Empty settings are all zero pointers.
 * -EINVAL or -ENOMEM with one line; after success endpoint_finish frees. */
int endpoint_init(struct endpoint *ep, enum endpoint_role role, const char *text,
                  const struct endpoint_settings *settings, struct error *e);
/* One URL, parsed already, and no settings. */
int endpoint_init_parsed(struct endpoint *ep, enum endpoint_role role,
                         const struct url *url, struct error *e);
void endpoint_finish(struct endpoint *ep);

#endif
