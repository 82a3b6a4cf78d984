/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoints.h"

#include "../nearest.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <string.h>

/* ---- objects of options -------------------------------------------------------- */

typedef int set_fn(void *to, const char *name, json_object *value, struct error *e);

static int each_member(json_object *object, set_fn *set, void *to, struct error *e)
{
    const struct json_object_iterator end = json_object_iter_end(object);
    struct json_object_iterator it = json_object_iter_begin(object);
    int r = 0;
    for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        r = set(to, json_object_iter_peek_name(&it), json_object_iter_peek_value(&it),
                e);
    return r;
}

static const char *text_of(json_object *value)
{
    return value ? json_object_get_string(value) : "none";
}

static int set_connect(void *to, const char *name, json_object *value, struct error *e)
{
    return connect_options_set(to, name, text_of(value), e);
}

static int set_keepalive(void *to, const char *name, json_object *value,
                         struct error *e)
{
    return connect_options_set_keepalive(to, name, text_of(value), e);
}

/* kombu writes ssl_cert_reqs for Redis and cert_reqs for RabbitMQ. */
static int set_tls(void *to, const char *name, json_object *value, struct error *e)
{
    char full[64];
    if (strncmp(name, "ssl_", 4) == 0)
        return set_connect(to, name, value, e);
    snprintf(full, sizeof(full), "ssl_%.50s", name);
    return set_connect(to, full, value, e);
}

static int set_sentinel(void *to, const char *name, json_object *value, struct error *e)
{
    struct sentinel_options *s = to;
    if (strcmp(name, "ssl") != 0)
        return set_connect(&s->connect, name, value, e);
    s->tls = json_object_get_boolean(value) ? SAID_YES : SAID_NO;
    return 0;
}

/* Runs the members of a setting's JSON text, which its row has checked. */
static int apply(const char *json, set_fn *set, void *to, struct error *e)
{
    json_object *object = json ? json_tokener_parse(json) : NULL;
    int r = json_object_is_type(object, json_type_object)
                ? each_member(object, set, to, e)
                : 0;
    json_object_put(object);
    return r;
}

/* ---- checks of rows ------------------------------------------------------------ */

int config_check_use_ssl(json_object *value, struct error *e)
{
    struct connect_options o;
    connect_options_init(&o);
    return json_object_is_type(value, json_type_object)
               ? each_member(value, set_tls, &o, e)
               : 0;
}

int config_check_sentinel_kwargs(json_object *value, struct error *e)
{
    struct sentinel_options s = {.tls = UNSAID};
    connect_options_init(&s.connect);
    return each_member(value, set_sentinel, &s, e);
}

int config_check_keepalive_options(json_object *value, struct error *e)
{
    struct connect_options o;
    connect_options_init(&o);
    return each_member(value, set_keepalive, &o, e);
}

static int set_retry(void *to, const char *name, json_object *value, struct error *e)
{
    static const char *const names[] = {"max_retries",   "interval_start",
                                        "interval_step", "interval_max",
                                        "timeout",       "errback"};
    struct nearest n = nearest_to(name);
    (void)to, (void)value;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return 0;
        nearest_try(&n, names[i]);
    }
    const char *best = nearest_found(&n);
    return error_set(e, EINVAL, "unknown option '%.40s': %s%s", name,
                     best ? "did you mean " : "it is none of kombu's",
                     best ? best : "");
}

int config_check_retry_policy(json_object *value, struct error *e)
{
    return each_member(value, set_retry, NULL, e);
}

/* Infinity, as Python's json writes it, or a text of it. */
int config_check_endless(json_object *value, struct error *e)
{
    const char *text = json_object_get_string(value);
    if (isinf(json_object_get_double(value)) || strcasecmp(text, "inf") == 0 ||
        strcasecmp(text, "infinity") == 0)
        return 0;
    return error_set(
        e, EINVAL,
        "cannot be limited: petiole tries to store a result for as long as "
        "it lives; leave it out");
}

int config_refuse_credential_provider(json_object *value, struct error *e)
{
    (void)value;
    return error_set(e, EINVAL,
                     "names a Python class: give user and password in the URL");
}

/* ---- together ------------------------------------------------------------------ */

/* *out is set to the options, or to NULL where TLS was not asked for. */
static int read_use_ssl(const char *json, struct connect_options *o,
                        const struct connect_options **out, struct error *e)
{
    *out = NULL;
    if (!json || strcmp(json, "false") == 0)
        return 0;
    connect_options_init(o);
    o->tls_said = true; /* `true` alone: redis-py's defaults */
    *out = o;
    return apply(json, set_tls, o, e);
}

static int read_sentinel(struct sentinel_options *s, const char *master_name,
                         int64_t min_others, const char *kwargs, struct error *e)
{
    *s = (struct sentinel_options){.min_other_sentinels = min_others};
    connect_options_init(&s->connect);
    if (master_name && strlen(master_name) >= sizeof(s->master_name))
        return error_set(e, EINVAL, "'master_name' is longer than %zu bytes",
                         sizeof(s->master_name) - 1);
    if (master_name)
        strcpy(s->master_name, master_name);
    return apply(kwargs, set_sentinel, s, e);
}

static int set_text(struct connect_options *o, const char *name, const char *value,
                    struct error *e)
{
    return value && *value ? connect_options_set(o, name, value, e) : 0;
}

static int derive_broker(struct config *c, struct error *e)
{
    struct connect_options connect, tls;
    struct sentinel_options sentinel;
    struct endpoint_settings s = {.connect = &connect,
                                  .sentinel = &sentinel,
                                  .shuffle = c->failover_strategy == 1,
                                  .connect_timeout_s = c->connection_timeout_s};
    const char *url = c->broker_read_url ? c->broker_read_url : c->broker_url;
    connect_options_init(&connect);
    connect.socket_timeout_s = c->socket_timeout_s;
    connect.socket_connect_timeout_s = c->socket_connect_timeout_s;
    connect.health_check_interval_s = c->health_check_interval_s;
    connect.keepalive = c->socket_keepalive ? SAID_YES : SAID_NO;
    int r = set_text(&connect, "client_name", c->client_name, e);
    if (r == 0)
        r = apply(c->socket_keepalive_options, set_keepalive, &connect, e);
    if (r == 0)
        r = read_use_ssl(c->broker_use_ssl, &tls, &s.use_ssl, e);
    if (r == 0)
        r = read_sentinel(&sentinel, c->master_name, c->min_other_sentinels,
                          c->sentinel_kwargs, e);
    if (r == 0 && c->broker_write_url && strcmp(c->broker_write_url, url) != 0)
        r = error_set(e, EINVAL,
                      "broker_write_url must be the URL that messages are taken from: "
                      "petiole publishes a retry and settles its message in one step");
    return r == 0 ? endpoint_init(&c->broker, ENDPOINT_BROKER, url, &s, e) : r;
}

/* "redis" alone: redis_host, redis_port and redis_db say where. */
static void backend_url(const struct config *c, char *out, size_t size)
{
    if (strcmp(c->result_backend, "redis") == 0)
        snprintf(out, size, "redis://%.200s:%lld/%lld",
                 c->redis_host ? c->redis_host : "localhost", (long long)c->redis_port,
                 (long long)c->redis_db);
    else
        snprintf(out, size, "%s", c->result_backend);
}

static int derive_backend(struct config *c, struct error *e)
{
    struct connect_options connect, tls;
    struct sentinel_options sentinel;
    struct endpoint_settings s = {.connect = &connect, .sentinel = &sentinel};
    char url[16384];
    connect_options_init(&connect);
    connect.socket_timeout_s = c->redis_socket_timeout_s;
    connect.socket_connect_timeout_s = c->redis_socket_connect_timeout_s;
    connect.health_check_interval_s = c->redis_health_check_interval_s;
    connect.keepalive = c->redis_socket_keepalive ? SAID_YES : SAID_NO;
    int r = set_text(&connect, "client_name", c->redis_client_name, e);
    if (r == 0)
        r = set_text(&connect, "username", c->redis_username, e);
    if (r == 0)
        r = set_text(&connect, "password", c->redis_password, e);
    if (r == 0)
        r = read_use_ssl(c->redis_use_ssl, &tls, &s.use_ssl, e);
    if (r == 0)
        r = read_sentinel(&sentinel, c->result_master_name,
                          c->result_min_other_sentinels, c->result_sentinel_kwargs, e);
    backend_url(c, url, sizeof(url));
    return r == 0 ? endpoint_init(&c->backend, ENDPOINT_BACKEND, url, &s, e) : r;
}

int config_derive_endpoints(struct config *c, struct error *e)
{
    if (derive_broker(c, e) < 0)
        return error_wrap(e, "broker");
    c->has_backend = c->result_backend && c->result_backend[0] &&
                     strncmp(c->result_backend, "disabled", 8) != 0;
    if (c->has_backend && derive_backend(c, e) < 0)
        return error_wrap(e, "result backend");
    return 0;
}
