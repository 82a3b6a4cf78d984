/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the result backend's transport: result_backend_transport_options. */
#include "endpoints.h"
#include "table.h"

#include <limits.h>

/* clang-format off */
ROWS(result_transport,
    {.key = "result_backend_transport_options.global_keyprefix", .type = CONFIG_TEXT,
     .offset = AT(result_global_keyprefix), .default_text = "",
     .help = "stands before the keys of results"},
    {.key = "result_backend_transport_options.result_chord_ordered", .type = CONFIG_BOOL,
     .offset = AT(result_chord_ordered), .default_text = "true",
     .help = "a chord's results stand in the order of its header, else as they came"},
    {.key = "result_backend_transport_options.master_name", .type = CONFIG_TEXT,
     .offset = AT(result_master_name), .help = "the master that the Sentinels watch"},
    {.key = "result_backend_transport_options.min_other_sentinels", .type = CONFIG_INT,
     .offset = AT(result_min_other_sentinels), .max = 1000,
     .help = "a Sentinel that sees fewer others is not believed"},
    {.key = "result_backend_transport_options.sentinel_kwargs", .type = CONFIG_JSON,
     .offset = AT(result_sentinel_kwargs), .kinds = CONFIG_OBJECT,
     .check = config_check_sentinel_kwargs,
     .help = "how to reach the Sentinels: username, password, ssl, ssl_ca_certs and others"},
    {.key = "result_backend_transport_options.retry_policy", .type = CONFIG_JSON,
     .offset = AT(ignored.json), .kinds = CONFIG_OBJECT,
     .check = config_check_retry_policy,
     .help = "without effect: a result is tried again for as long as the worker lives"},
    {.key = "result_backend_transport_options.visibility_timeout", .type = CONFIG_INT,
     .offset = AT(ignored.number), .max = INT_MAX,
     .help = "without effect, as in Celery"},
);
/* clang-format on */
