/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the result backend on Redis: redis_. A URL's own parts win over them. */
#include "endpoints.h"
#include "table.h"

#include <limits.h>

/* clang-format off */
ROWS(redis,
    {.key = "redis_backend_use_ssl", .type = CONFIG_JSON, .offset = AT(redis_use_ssl),
     .kinds = CONFIG_OBJECT | CONFIG_BOOLEAN, .check = config_check_use_ssl,
     .help = "TLS options by redis-py's names: ssl_cert_reqs, ssl_ca_certs and others"},
    {.key = "redis_backend_health_check_interval", .type = CONFIG_SECONDS,
     .offset = AT(redis_health_check_interval_s), .default_text = "25", .max = 86400000,
     .help = "PING after so many silent seconds; 0: never"},
    {.key = "redis_backend_credential_provider", .type = CONFIG_JSON,
     .offset = AT(ignored.json), .kinds = CONFIG_OBJECT | CONFIG_STRING,
     .check = config_refuse_credential_provider, .help = "refused: it names a Python class"},
    {.key = "redis_host", .type = CONFIG_TEXT, .offset = AT(redis_host),
     .default_text = "localhost", .help = "where, if result_backend is only \"redis\""},
    {.key = "redis_port", .type = CONFIG_INT, .offset = AT(redis_port),
     .default_text = "6379", .min = 1, .max = 65535, .help = "the same"},
    {.key = "redis_db", .type = CONFIG_INT, .offset = AT(redis_db), .default_text = "0",
     .max = 1 << 20, .help = "the same"},
    {.key = "redis_username", .type = CONFIG_TEXT, .offset = AT(redis_username),
     .help = "if the URL of the result backend has neither user nor password"},
    {.key = "redis_password", .type = CONFIG_TEXT, .offset = AT(redis_password),
     .help = "the same"},
    {.key = "redis_client_name", .type = CONFIG_TEXT, .offset = AT(redis_client_name),
     .help = "what CLIENT LIST shows"},
    {.key = "redis_socket_timeout", .type = CONFIG_SECONDS,
     .offset = AT(redis_socket_timeout_s), .default_text = "15", .max = 86400000,
     .help = "seconds to wait for an answer of Redis; 0: 15, for nothing waits for ever"},
    {.key = "redis_socket_connect_timeout", .type = CONFIG_SECONDS,
     .offset = AT(redis_socket_connect_timeout_s), .default_text = "4", .max = 86400000,
     .help = "seconds to connect and be greeted; 0: 4"},
    {.key = "redis_socket_keepalive", .type = CONFIG_BOOL,
     .offset = AT(redis_socket_keepalive), .default_text = "true", .help = "TCP keepalive"},
    {.key = "redis_retry_on_timeout", .type = CONFIG_BOOL, .offset = AT(ignored.flag),
     .help = "without effect: petiole always tries again"},
    {.key = "redis_max_connections", .type = CONFIG_INT, .offset = AT(ignored.number),
     .max = INT_MAX, .help = "without effect: one connection is enough"},
);
/* clang-format on */
