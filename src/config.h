/* SPDX-License-Identifier: Apache-2.0 */
/* config - every setting once: its Celery name, its option, its type, its default.
 *
 * Sources, weakest first: defaults, the JSON file of --config, the environment, the
 * command line. An unknown name is an error that suggests the nearest known one.
 *
 * A setting is a field of struct config and a row in the table of its prefix:
 *
 *     config/table_broker.c      broker_
 *     config/table_transport.c   broker_transport_options.
 *     config/table_result.c      result_
 *     config/table_result_transport.c   result_backend_transport_options.
 *     config/table_security.c    security_
 *     config/table_redis.c       redis_                      (the result backend's)
 *     config/table_task.c        task_
 *     config/table_worker.c      worker_
 *     config/table_control.c     control_ and event_
 *     config/table_app.c         Celery's names without a prefix of those
 *     config/table_petiole.c     petiole's own
 *     config/table_command.c     the command line only
 *     config/table_known.c       names that do nothing here, or are refused, and why
 *
 * The rows are also what --help and docs/settings.md print and what the tests of the
 * bounds go through. */
#ifndef PETIOLE_CONFIG_H
#define PETIOLE_CONFIG_H

#include "attributes.h"
#include "error.h"
#include "link/endpoint.h"
#include "log/log.h"
#include "queue.h"
#include "security.h"

#include <stddef.h>
#include <stdio.h>

#define CONFIG_QUEUES_MAX 64
#define CONFIG_RESULT_SERIALIZERS "json msgpack yaml"
#define CONFIG_SECONDS_MAX 1e9
#define CONFIG_WARNINGS_MAX 4096

enum config_maybe { CONFIG_UNSET, CONFIG_FALSE, CONFIG_TRUE };
enum config_queue_order { QUEUES_ROUND_ROBIN, QUEUES_SORTED, QUEUES_PRIORITY };

struct config {
    /* the command line only */
    char *hostname, *config_file;
    char *log_file, *pid_file, *health_file; /* node names expanded */
    char *uid, *gid, *work_dir;
    int64_t log_level, log_shape, heartbeat_interval_s;
    char *umask_text;
    bool detach, quiet, no_color;
    bool without_gossip, without_mingle, without_heartbeat;

    /* without a prefix */
    char *plugins; /* as given to -A: names and paths, comma separated */
    char *accept_content;

    /* broker_ */
    char *broker_url, *broker_read_url, *broker_write_url;
    char *broker_use_ssl;
    int64_t failover_strategy; /* 1: shuffle */
    double connection_timeout_s;
    int64_t connection_max_retries; /* 0: for ever */
    bool connection_retry;
    int64_t retry_on_startup; /* enum config_maybe; unset: as connection_retry */

    /* broker_transport_options. */
    int64_t visibility_timeout_s;
    double socket_timeout_s, socket_connect_timeout_s, health_check_interval_s;
    bool socket_keepalive;
    char *socket_keepalive_options, *client_name;
    char *master_name, *sentinel_kwargs;
    int64_t min_other_sentinels;
    char *global_keyprefix, *sep, *priority_steps; /* "0,3,6,9" */
    char *unacked_key, *unacked_index_key, *unacked_mutex_key;
    double unacked_mutex_expire_s;
    int64_t unacked_restore_limit; /* 0: not set */
    double unacked_restore_interval_s;
    int64_t unacked_restore_throttle;
    int64_t queue_order; /* enum config_queue_order */
    bool ack_emulation, fanout_patterns;
    char *fanout_prefix, *body_encoding, *deadletter_queue;
    double polling_interval_s;

    /* result_ */
    char *result_backend;
    double result_expires_s; /* 0: never */
    char *result_compression;
    int64_t result_serializer; /* its place among CONFIG_RESULT_SERIALIZERS */
    bool result_extended;
    char *result_chord_expires; /* seconds as JSON, 0: never; NULL: as results do */
    double result_chord_join_timeout_s; /* 0: no limit */
    double result_chord_retry_interval_s;
    int64_t result_base_sleep_ms, result_max_sleep_ms;

    /* result_backend_transport_options. */
    char *result_global_keyprefix;
    char *result_master_name, *result_sentinel_kwargs;
    int64_t result_min_other_sentinels;
    bool result_chord_ordered;

    /* security_ */
    struct security security;

    /* redis_ */
    char *redis_host, *redis_username, *redis_password, *redis_client_name;
    char *redis_use_ssl;
    int64_t redis_port, redis_db;
    double redis_socket_timeout_s, redis_socket_connect_timeout_s;
    double redis_health_check_interval_s;
    bool redis_socket_keepalive;

    /* task_ */
    bool purge;
    char *select_queues, *exclude_queues; /* -Q, -X: comma separated */
    char *task_queues;                    /* JSON: an array or an object */
    char *default_queue, *default_exchange, *default_exchange_type;
    char *default_routing_key;
    bool create_missing_queues;
    char *create_missing_queue_exchange_type;
    double time_limit_s, soft_time_limit_s; /* 0: none */
    bool acks_late, acks_on_failure_or_timeout;
    int64_t acks_on_failure, acks_on_timeout; /* enum config_maybe */
    bool reject_on_worker_lost, track_started;
    bool ignore_result, store_errors_even_if_ignored;
    bool send_sent_event;
    char *task_routes; /* JSON: an object, or an array of objects */
    char *task_serializer, *task_compression;
    int64_t default_priority; /* -1: none */
    int64_t default_delivery_mode;
    bool inherit_parent_priority, allow_error_cb_on_chord_header;
    char *default_rate_limit, *annotations; /* NULL: none; annotations: JSON */

    /* worker_ */
    int64_t concurrency; /* 0: one per CPU */
    int64_t prefetch_multiplier;
    int64_t max_tasks_per_child;    /* 0: no limit */
    double soft_shutdown_timeout_s; /* 0: none */
    bool soft_shutdown_on_idle;
    int64_t max_memory_per_child_kib, eta_task_limit; /* 0: no limit */
    char *state_db, *autoscale_text;                  /* NULL: none */
    double proc_alive_timeout_s;                      /* 0: none */
    double lost_wait_s;
    bool disable_rate_limits, disable_prefetch, deduplicate, pool_restarts;
    bool prefetch_count_reduction, cancel_on_connection_loss;
    int64_t optimization; /* read, and like Celery's since 4.0 without effect */
    char *pool;           /* as given: Celery's names of pools */
    bool send_task_events, enable_remote_control;
    char *log_format, *task_log_format;
    int64_t log_color; /* enum config_color */
    bool redirect_stdouts;
    int64_t redirect_stdouts_level; /* enum log_level */

    /* control_ and event_ */
    char *control_exchange, *event_exchange, *event_queue_prefix, *event_serializer;
    double control_queue_ttl_s, control_queue_expires_s; /* 0: none */
    double event_queue_ttl_s, event_queue_expires_s;
    bool control_queue_exclusive, control_queue_durable;
    bool event_queue_exclusive, event_queue_durable;

    /* petiole's own */
    int64_t message_max_bytes;
    int64_t worker_lost_limit;  /* 0: none */
    char *unknown_tasks;        /* requeue, reject or queue:NAME */
    double unknown_task_wait_s; /* before an unknown task is a dead letter */
    bool keep_final_states;
    int64_t hard_memory_per_child_kib; /* 0: none */
    char *http;                        /* HOST:PORT; NULL: none */
    char *http_hosts;                  /* names it may be asked by; NULL: none more */
    bool metrics_compat;               /* celery-exporter's families, too */

    /* Derived by config_load. */
    struct endpoint broker, backend;
    bool has_backend;
    struct queue_table queues;
    int64_t autoscale_max, autoscale_min; /* 0 and 0: no autoscale */
    struct attributes attributes;         /* of a task whose row says nothing */
    struct { /* where settings land that change nothing here; their rows say so */
        int64_t number;
        double seconds;
        bool flag;
        char *json;
    } ignored;
    char *plugin_settings; /* the file's "plugins" object as JSON text */
    int file_mode_mask;    /* of --umask; -1: not given */
    /* What is honoured only in part, one line each; the worker logs them at start. */
    char warnings[CONFIG_WARNINGS_MAX];
    /* What the worker was started with, for a restart in place. */
    int argc;
    char **argv;
    int first_folder; /* a descriptor of where it was before --workdir; 0: none */
};

enum config_color { CONFIG_COLOR_AUTO, CONFIG_COLOR_NEVER, CONFIG_COLOR_ALWAYS };
enum config_log_shape { CONFIG_LOG_CELERY, CONFIG_LOG_JSON };

/* What a field holds, and how the text of an option or variable says it. */
enum config_type {
    CONFIG_TEXT,    /* char *: as it is; a list of the file is joined by commas */
    CONFIG_INT,     /* int64_t: "4" */
    CONFIG_BYTES,   /* int64_t: "134217728", "128M" */
    CONFIG_SECONDS, /* double: "1.5"; null or "none" is 0 */
    CONFIG_BOOL,    /* bool: true, false, 1, 0, yes, no, on, off */
    CONFIG_MAYBE,   /* int64_t, an enum config_maybe: a bool, or null or "none" */
    CONFIG_CHOICE,  /* enum as int64_t: its place among `choices` */
    CONFIG_LEVEL,   /* int64_t, an enum log_level: "INFO" */
    CONFIG_JSON,    /* char *: the value's compact JSON text; NULL: not given */
    /* No field: names that Celery has and a native worker does not need. Their values
     * are not read; a null, and what `default_text` says, pass without a word. */
    CONFIG_IGNORED, /* it makes no difference */
    CONFIG_WARNED,  /* it makes one: a warning, which ends in `help` */
    CONFIG_REFUSED, /* it would change what tasks do: an error, which ends in `help` */
};

/* The kinds of value that a CONFIG_JSON row takes. */
enum config_kind {
    CONFIG_OBJECT = 1,
    CONFIG_ARRAY = 2,
    CONFIG_STRING = 4,
    CONFIG_NUMBER = 8,
    CONFIG_BOOLEAN = 16,
};

struct json_object;

struct config_option {
    /* Celery's setting, or NULL: command line only. "s3_*" is any that begins so. */
    const char *key;
    const char *old; /* names of Celery 3, lower case, separated by spaces, which
                      * celery_KEY, celery_X for task_X and celeryd_X for worker_X do
                      * not tell already */
    char letter;     /* -c, or 0 */
    bool is_flag;    /* a CONFIG_BOOL whose option takes no value and means true */
    const char *option, *also; /* --purge, and another name for it: --discard */
    const char *metavar;
    const char *env; /* separated by spaces; the first that is set counts */
    enum config_type type;
    size_t offset;            /* in struct config */
    const char *default_text; /* NULL: nothing, 0, false */
    /* Of numbers; of seconds in milliseconds, where a max of 0 is CONFIG_SECONDS_MAX.
     * null and "none" mean 0 where the min is 0. */
    int64_t min, max;
    const char *choices; /* of CONFIG_CHOICE, separated by spaces */
    char joiner;         /* of a list given for a CONFIG_TEXT; 0: a comma */
    unsigned kinds;      /* of CONFIG_JSON: enum config_kind */
    /* Of CONFIG_JSON, beyond the kinds; may be NULL. Returns 0, or a negative errno
     * with one line in *e that says what is wrong; the setting's name is put before it.
     */
    int (*check)(struct json_object *value, struct error *e);
    const char *help; /* one line, with neither capital nor full stop */
};

/* The rows in the order of the tables above; NULL after the last. */
const struct config_option *config_option_at(size_t i);

/* The row of an option's word, "-c2" or "--concurrency=2"; NULL if there is none. */
const struct config_option *config_option_of(const char *word);
/* Has the value of that option to stand in the next word? */
bool config_value_follows(const struct config_option *o, const char *word);

/* One more line in c->warnings; what does not fit is left out. */
void config_warn(struct config *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Expands %h %n %d %i %I %p %% for the node name@host: of a file's name, and with
 * p NULL of a node's. Returns 0, or -EINVAL with what is wrong in *e. */
int config_expand(const char *format, const char *name, const char *host, const char *p,
                  char *out, size_t size, struct error *e);

/* Reads all four sources; argv[0] is the command's name, and argv must outlive *c. Goes
 * to --workdir before it reads the file. On failure one line in *e.
 * The strings live until config_finish. */
int config_load(struct config *c, int argc, char **argv, struct error *e);
/* What a worker needs beyond what other commands do: a plugin. */
int config_check_worker(const struct config *c, struct error *e);
void config_finish(struct config *c);
/* The name of a result_serializer. */
const char *config_serializer(int64_t place);
/* Has the row an option that does something? */
bool config_is_option(const struct config_option *o);
/* The groups in which options are shown, by their titles; NULL after the last. */
const char *config_group(size_t g);
size_t config_group_of(const struct config_option *o);
/* The table, for people, within 80 columns: options, all or what most people need; and
 * the settings that have none. */
void config_print_options(FILE *to, bool all);
void config_print_settings(FILE *to);

#endif
