/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that only petiole has. */
#include "table.h"

/* clang-format off */
ROWS(petiole,
    {.key = "message_max_bytes", .type = CONFIG_BYTES, .offset = AT(message_max_bytes),
     .default_text = "128M", .min = 1024, .max = 512 << 20,
     .help = "largest message, unpacked body or result"},
    {.key = "worker_lost_limit", .type = CONFIG_INT, .offset = AT(worker_lost_limit),
     .default_text = "3", .max = 1000,
     .help = "children a late task may kill, where it is put back, before it is a dead letter"},
    {.key = "unknown_tasks", .option = "unknown", .metavar = "HOW", .type = CONFIG_TEXT,
     .offset = AT(unknown_tasks), .default_text = "requeue",
     .help = "tasks no plugin has: requeue, reject or queue:NAME"},
    {.key = "unknown_task_wait", .type = CONFIG_SECONDS, .offset = AT(unknown_task_wait_s),
     .default_text = "3600",
     .help = "seconds an unknown task is put back before it is a dead letter"},
    {.key = "worker_keep_final_states", .type = CONFIG_BOOL,
     .offset = AT(keep_final_states), .default_text = "true",
     .help = "do not run a redelivered late task whose final state is stored"},
    {.key = "worker_hard_memory_per_child", .type = CONFIG_INT,
     .offset = AT(hard_memory_per_child_kib), .default_text = "0", .max = INT64_MAX >> 11,
     .help = "a child gets no more KiB; 0: twice worker_max_memory_per_child, if that is set"},
    {.key = "worker_http", .option = "http", .metavar = "HOST:PORT", .env = "PETIOLE_HTTP",
     .type = CONFIG_TEXT, .offset = AT(http),
     .help = "answer probes, /metrics and the status page there, as 127.0.0.1:9540"},
    {.key = "worker_http_hosts", .env = "PETIOLE_HTTP_HOSTS", .type = CONFIG_TEXT,
     .offset = AT(http_hosts),
     .help = "further host names it may be asked by, comma separated; *: any"},
    {.key = "worker_metrics_compat", .option = "metrics-compat", .metavar = "on|off",
     .env = "PETIOLE_METRICS_COMPAT", .type = CONFIG_BOOL, .offset = AT(metrics_compat),
     .default_text = "true",
     .help = "off: no celery_* families, where celery-exporter tells the same"},
);
/* clang-format on */
