/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the broker: broker_. */
#include "endpoints.h"
#include "table.h"

#include <limits.h>

/* clang-format off */
ROWS(broker,
    {.key = "broker_url", .old = "broker_host", .letter = 'b', .option = "broker",
     .metavar = "URL", .env = "CELERY_BROKER_URL BROKER_URL", .type = CONFIG_TEXT,
     .offset = AT(broker_url), .default_text = "redis://localhost:6379/0", .joiner = ';',
     .help = "where the messages are; several, parted by ;, are tried in turn"},
    {.key = "broker_read_url", .env = "CELERY_BROKER_READ_URL", .type = CONFIG_TEXT,
     .offset = AT(broker_read_url), .joiner = ';',
     .help = "used in place of broker_url"},
    {.key = "broker_write_url", .env = "CELERY_BROKER_WRITE_URL", .type = CONFIG_TEXT,
     .offset = AT(broker_write_url), .joiner = ';',
     .help = "must be the same as broker_read_url: a retry is published where it came from"},
    {.key = "broker_failover_strategy", .type = CONFIG_CHOICE,
     .choices = "round-robin shuffle", .offset = AT(failover_strategy),
     .default_text = "round-robin",
     .help = "which of several URLs is next: the next one, or any"},
    {.key = "broker_use_ssl", .type = CONFIG_JSON, .offset = AT(broker_use_ssl),
     .kinds = CONFIG_OBJECT | CONFIG_BOOLEAN, .check = config_check_use_ssl,
     .help = "TLS options by redis-py's names: ssl_cert_reqs, ssl_ca_certs and others"},
    {.key = "broker_connection_timeout", .type = CONFIG_SECONDS,
     .offset = AT(connection_timeout_s), .default_text = "4", .min = 1,
     .help = "seconds to connect and be greeted"},
    {.key = "broker_connection_retry", .type = CONFIG_BOOL, .offset = AT(connection_retry),
     .default_text = "true",
     .help = "try again when the connection is lost; false: end with exit code 1"},
    {.key = "broker_connection_max_retries", .type = CONFIG_INT,
     .offset = AT(connection_max_retries), .default_text = "100", .max = INT_MAX,
     .help = "attempts at start; 0: for ever"},
    {.key = "broker_connection_retry_on_startup", .type = CONFIG_MAYBE,
     .offset = AT(retry_on_startup),
     .help = "try again when the broker is not there at start; null: as broker_connection_retry"},
    {.key = "broker_channel_error_retry", .type = CONFIG_BOOL, .offset = AT(ignored.flag),
     .help = "without effect: every error of the broker is tried again"},
    {.key = "broker_pool_limit", .type = CONFIG_INT, .offset = AT(ignored.number), .max = INT_MAX,
     .help = "without effect: a worker holds as many connections as it needs"},
    {.key = "broker_heartbeat", .type = CONFIG_SECONDS, .offset = AT(ignored.seconds),
     .help = "without effect on Redis"},
    {.key = "broker_heartbeat_checkrate", .type = CONFIG_SECONDS, .offset = AT(ignored.seconds),
     .help = "without effect on Redis"},
    {.key = "broker_login_method", .type = CONFIG_JSON, .kinds = CONFIG_STRING,
     .offset = AT(ignored.json), .help = "without effect on Redis"},
);
/* clang-format on */
