/* SPDX-License-Identifier: Apache-2.0 */
/* Names that Celery has and a native worker does not need, so that a file or a command
 * line that Python workers share goes on working. Each row says what it means here:
 *
 *     IGNORED  producers, clients, beat, other backends, or Python's insides
 *     WARNED   it would make a difference that petiole does not make (yet)
 *     REFUSED  tasks would run otherwise than the setting says
 *
 * A setting that is honoured has its row in the table of its prefix, which is asked
 * first, and none here. */
#include "table.h"

#define IGNORED(name)                                                                  \
    {                                                                                  \
        .key = (name), .type = CONFIG_IGNORED                                          \
    }
#define PYTHON(name, usual)                                                            \
    {                                                                                  \
        .key = (name), .type = CONFIG_REFUSED, .default_text = (usual),                \
        .help = "it names a Python class, and petiole runs no Python; leave it out"    \
    }

/* clang-format off */
ROWS(known,
    /* Python's modules and insides */
    IGNORED("imports"), IGNORED("include"),
    IGNORED("worker_hijack_root_logger"), IGNORED("worker_log_datefmt"),
    IGNORED("worker_task_log_datefmt"),
    IGNORED("worker_timer_precision"),
    IGNORED("worker_pool_putlocks"),
    IGNORED("worker_pool_start_method"), IGNORED("worker_detect_quorum_queues"),
   
    PYTHON("worker_agent", NULL),
    PYTHON("worker_autoscaler", "celery.worker.autoscale:Autoscaler"),
    PYTHON("worker_consumer", "celery.worker.consumer:Consumer"),
    PYTHON("worker_timer", NULL),
    /* producers and clients */
    IGNORED("task_always_eager"),
    {.key = "task_eager_propagates", .old = "celery_eager_propagates_exceptions",
     .type = CONFIG_IGNORED},
    IGNORED("task_store_eager_result"), IGNORED("task_remote_tracebacks"),
    IGNORED("task_publish_retry"), IGNORED("task_publish_retry_policy"),
    IGNORED("task_repr_maxlevels"),
    {.key = "result_cache_max", .old = "celery_max_cached_results",
     .type = CONFIG_IGNORED},
    IGNORED("result_accept_content"),
    /* beat */
    {.key = "beat_*", .old = "celerybeat_schedule celerybeat_scheduler "
     "celerybeat_max_loop_interval celerybeat_schedule_filename celerybeat_sync_every",
     .type = CONFIG_IGNORED},
    /* other transports and backends */
    IGNORED("broker_native_delayed_delivery_queue_type"),
    IGNORED("broker_pool_acquire_timeout"), IGNORED("broker_transport"),
    IGNORED("result_exchange"), IGNORED("result_exchange_type"),
    IGNORED("result_persistent"),
    {.key = "database_*", .old = "celery_result_dburi celery_result_engine_options "
     "celery_result_db_short_lived_sessions celery_result_db_tablenames",
     .type = CONFIG_IGNORED},
    IGNORED("arangodb_*"), IGNORED("azureblockblob_*"), IGNORED("cache_*"),
    IGNORED("cassandra_*"), IGNORED("cosmosdbsql_*"), IGNORED("couchbase_*"),
    IGNORED("couchdb_*"), IGNORED("dynamodb_*"), IGNORED("elasticsearch_*"),
    IGNORED("gcs_*"), IGNORED("mongodb_*"), IGNORED("s3_*"),
    /* not there yet */
    {.key = "enable_utc", .type = CONFIG_WARNED, .default_text = "true",
     .help = "petiole reads and writes times in UTC"},
    {.key = "timezone", .type = CONFIG_WARNED, .default_text = "UTC",
     .help = "petiole reads and writes times in UTC"},
    {.key = "worker_direct", .type = CONFIG_REFUSED,
     .help = "petiole makes no queue of its own; name one with -Q"},
    /* options */
    {.option = "loader", .metavar = "NAME", .env = "CELERY_LOADER", .type = CONFIG_IGNORED},
    {.option = "skip-checks", .is_flag = true, .type = CONFIG_IGNORED},
    {.letter = 'I', .option = "include", .metavar = "MODULE,...", .type = CONFIG_IGNORED},
    {.option = "pool-start-method", .metavar = "NAME", .type = CONFIG_IGNORED},
    {.option = "executable", .metavar = "FILE", .type = CONFIG_IGNORED},
    {.letter = 'B', .option = "beat", .is_flag = true, .type = CONFIG_REFUSED,
     .help = "petiole has no scheduler; run celery beat beside it, its messages are "
             "like any others"},
    {.letter = 's', .option = "schedule-filename", .also = "schedule", .metavar = "FILE",
     .type = CONFIG_REFUSED,
     .help = "petiole has no scheduler; run celery beat beside it"},
    {.option = "scheduler", .metavar = "CLASS", .type = CONFIG_REFUSED,
     .help = "petiole has no scheduler; run celery beat beside it"},
);
/* clang-format on */
