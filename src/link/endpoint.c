/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Redis and its clients have none, and wait for ever. Here nothing does. */
#define SOCKET_TIMEOUT_S 15.0
#define CONNECT_TIMEOUT_S 4.0
#define HEALTH_CHECK_S 25.0 /* kombu's */

/* celery.backends.redis and kombu.connection say these. */
#define BACKEND_NEEDS_CERT_REQS                                                        \
    "A rediss:// URL must have parameter ssl_cert_reqs and this must be set to "       \
    "CERT_REQUIRED, CERT_OPTIONAL, or CERT_NONE"
#define BACKEND_TLS_ON_REDIS                                                           \
    "SSL connection parameters have been provided but the specified URL scheme is "    \
    "redis://. A Redis SSL connection URL should use the scheme rediss://."
#define BACKEND_CERT_NONE                                                              \
    "Setting ssl_cert_reqs=CERT_NONE when connecting to redis means that celery will " \
    "not validate the identity of the redis broker when connecting. This leaves you "  \
    "vulnerable to man in the middle attacks."
#define BROKER_WITHOUT_OPTIONS                                                         \
    "Secure redis scheme specified (rediss) with no ssl options, defaulting to "       \
    "insecure SSL behaviour."

/* ---- the list ------------------------------------------------------------------ */

static int add_url(struct endpoint *ep, const char *text, struct error *e)
{
    if (!ep->urls || ep->nurls == ENDPOINT_URLS_MAX)
        return error_set(e, EINVAL, "more than %d URLs", ENDPOINT_URLS_MAX);
    struct url *u = &ep->urls[ep->nurls];
    int r = url_parse(u, text, e);
    if (r < 0)
        return ep->nurls > 0 ? error_wrap(e, "URL %zu", ep->nurls + 1) : r;
    ep->nurls++;
    if (u->is_sentinel != ep->urls[0].is_sentinel)
        return error_set(e, EINVAL, "sentinel:// and other URLs cannot be mixed");
    return 0;
}

/* Empty ones are passed over: people end lists with a semicolon. */
static int split_urls(struct endpoint *ep, const char *text, struct error *e)
{
    char *copy = strdup(text), *save = NULL;
    size_t n = 1;
    int r = 0;
    for (const char *p = text; *p; p++)
        n += *p == ';';
    ep->urls = calloc(n < ENDPOINT_URLS_MAX ? n : ENDPOINT_URLS_MAX, sizeof(*ep->urls));
    if (!copy || !ep->urls)
        r = error_set(e, ENOMEM, "out of memory");
    for (char *u = r == 0 ? strtok_r(copy, ";", &save) : NULL; u && r == 0;
         u = strtok_r(NULL, ";", &save)) {
        u += strspn(u, " ");
        u[strcspn(u, " ")] = '\0';
        if (*u)
            r = add_url(ep, u, e);
    }
    free(copy);
    if (r == 0 && ep->nurls == 0)
        return error_set(e, EINVAL, "the URL is empty: write redis://host/0");
    return r;
}

/* ---- options ------------------------------------------------------------------- */

static void fill_unsaid(struct connect_options *o, double connect_timeout_s)
{
    if (o->socket_timeout_s <= 0)
        o->socket_timeout_s = SOCKET_TIMEOUT_S;
    if (o->socket_connect_timeout_s <= 0)
        o->socket_connect_timeout_s =
            connect_timeout_s > 0 ? connect_timeout_s : CONNECT_TIMEOUT_S;
    if (o->health_check_interval_s < 0)
        o->health_check_interval_s = HEALTH_CHECK_S;
}

static int require_cert_reqs(const struct endpoint *ep, const struct url *u,
                             bool settings_use_ssl, struct error *e)
{
    if (ep->role != ENDPOINT_BACKEND)
        return 0;
    if (u->options.tls_said && !u->is_tls && !u->is_sentinel && !settings_use_ssl)
        return error_set(e, EINVAL, BACKEND_TLS_ON_REDIS);
    if (u->is_tls && u->options.tls.verify == TLS_VERIFY_UNSAID)
        return error_set(e, EINVAL, BACKEND_NEEDS_CERT_REQS);
    return 0;
}

/* kombu verifies nothing where nothing was said, and redis-py everything. */
static void choose_verification(struct endpoint *ep, struct url *u)
{
    struct tls_options *tls = &u->options.tls;
    if (!u->is_tls)
        return;
    if (tls->verify == TLS_VERIFY_UNSAID && !u->options.tls_said) {
        tls->verify = TLS_VERIFY_NONE;
        snprintf(ep->warning, sizeof(ep->warning), "%s", BROKER_WITHOUT_OPTIONS);
    } else if (tls->verify == TLS_VERIFY_UNSAID) {
        tls->verify = TLS_VERIFY_REQUIRED;
    } else if (tls->verify == TLS_VERIFY_NONE && ep->role == ENDPOINT_BACKEND) {
        snprintf(ep->warning, sizeof(ep->warning), "%s", BACKEND_CERT_NONE);
    }
}

/* The settings, what use_ssl says, and the URL's own query, weakest first. */
static int complete_options(struct endpoint *ep, struct url *u,
                            const struct endpoint_settings *s, struct error *e)
{
    struct connect_options own = u->options, *o = &u->options;
    connect_options_init(o);
    if (s->connect)
        connect_options_lay_over(o, s->connect);
    if (s->use_ssl)
        connect_options_lay_over(o, s->use_ssl);
    connect_options_lay_over(o, &own);
    u->is_tls |= s->use_ssl || (own.tls_said && ep->role == ENDPOINT_BROKER);
    if (u->is_tls && u->is_socket)
        return error_set(e, EINVAL,
                         "TLS over a unix socket is not a thing Redis does: use "
                         "rediss://host, or leave out the ssl options");
    if (!u->user[0] && !u->password[0]) {
        strcpy(u->user, o->username);
        strcpy(u->password, o->password);
    }
    fill_unsaid(o, s->connect_timeout_s);
    int r = require_cert_reqs(ep, u, s->use_ssl != NULL, e);
    if (r == 0)
        choose_verification(ep, u);
    return r;
}

/* ---- Sentinel ------------------------------------------------------------------ */

/* User, password, database and TLS of the first URL are the master's; the Sentinels
 * have their own in sentinel_kwargs. */
static int init_sentinel(struct endpoint *ep, const struct sentinel_options *s,
                         struct error *e)
{
    if (!s || !s->master_name[0])
        return error_set(e, EINVAL,
                         "'master_name' transport option must be specified.");
    ep->is_sentinel = true;
    strcpy(ep->master_name, s->master_name);
    ep->min_other_sentinels = (unsigned)s->min_other_sentinels;
    ep->master = ep->urls[0];
    ep->master.is_sentinel = false;
    for (size_t i = 0; i < ep->nurls; i++) {
        struct url *u = &ep->urls[i];
        const struct connect_options of_master = u->options;
        u->options = s->connect;
        u->is_tls = s->tls == SAID_YES;
        if (u->is_tls && u->options.tls.verify == TLS_VERIFY_UNSAID)
            u->options.tls.verify = TLS_VERIFY_REQUIRED; /* redis-py's default */
        if (u->options.socket_timeout_s <= 0) /* a Sentinel answers at once, or not */
            u->options.socket_timeout_s = of_master.socket_connect_timeout_s;
        fill_unsaid(&u->options, of_master.socket_connect_timeout_s);
        strcpy(u->user, s->connect.username);
        strcpy(u->password, s->connect.password);
        u->db = 0;
        if (u->is_socket)
            return error_set(e, EINVAL, "a Sentinel has no unix socket");
    }
    return 0;
}

/* ---- the whole ----------------------------------------------------------------- */

/* A broker shows the first of a list, a backend of Sentinels all of them. */
static void mask(struct endpoint *ep)
{
    enum url_mask as = ep->role == ENDPOINT_BROKER ? URL_MASK_BROKER : URL_MASK_BACKEND;
    size_t shown = ep->role == ENDPOINT_BACKEND ? ep->nurls : 1, n = 0;
    for (size_t i = 0; i < shown && n + 1 < sizeof(ep->masked); i++) {
        char one[URL_MASKED_BYTES];
        url_mask(&ep->urls[i], as, one);
        int m =
            snprintf(ep->masked + n, sizeof(ep->masked) - n, "%s%s", i ? ";" : "", one);
        n += m > 0 ? (size_t)m : 0;
    }
}

int endpoint_init(struct endpoint *ep, enum endpoint_role role, const char *text,
                  const struct endpoint_settings *settings, struct error *e)
{
    *ep = (struct endpoint){.role = role, .shuffle = settings->shuffle};
    int r = split_urls(ep, text, e);
    for (size_t i = 0; r == 0 && i < ep->nurls; i++) {
        r = complete_options(ep, &ep->urls[i], settings, e);
        if (r < 0 && i > 0)
            error_wrap(e, "URL %zu", i + 1);
    }
    if (r == 0)
        mask(ep);
    if (r == 0 && ep->urls[0].is_sentinel)
        r = init_sentinel(ep, settings->sentinel, e);
    if (r < 0)
        endpoint_finish(ep);
    return r;
}

int endpoint_init_parsed(struct endpoint *ep, enum endpoint_role role,
                         const struct url *url, struct error *e)
{
    *ep = (struct endpoint){.role = role, .nurls = 1};
    ep->urls = malloc(sizeof(*ep->urls));
    if (!ep->urls)
        return error_set(e, ENOMEM, "out of memory");
    ep->urls[0] = *url;
    fill_unsaid(&ep->urls[0].options, 0);
    mask(ep);
    return 0;
}

void endpoint_finish(struct endpoint *ep)
{
    free(ep->urls);
    *ep = (struct endpoint){0};
}
