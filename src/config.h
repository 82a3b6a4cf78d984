/* SPDX-License-Identifier: Apache-2.0 */
/* config - every setting once: its Celery name, its option, its type, its default.
 *
 * Sources, weakest first: defaults, the JSON file of --config, the environment, the
 * command line. An unknown name is an error that suggests the nearest known one. The
 * table in config_table.c is also what --help prints. */
#ifndef PETIOLE_CONFIG_H
#define PETIOLE_CONFIG_H

#include "error.h"
#include "log.h"
#include "url.h"

#include <stdio.h>

#define CONFIG_QUEUES_MAX 64

struct config {
    char *plugins; /* as given to -A: names and paths, comma separated */
    char *broker_url, *result_backend;
    char *queues;
    char *hostname;
    char *accept_content;
    char *config_file;
    int64_t concurrency; /* 0: one per CPU */
    int64_t prefetch_multiplier;
    int64_t max_tasks_per_child; /* 0: no limit */
    int64_t visibility_timeout_s;
    int64_t connection_max_retries; /* 0: for ever */
    int64_t message_max_bytes;
    int64_t worker_lost_limit;              /* 0: none */
    double time_limit_s, soft_time_limit_s; /* 0: none */
    double connection_timeout_s;
    double unknown_task_wait_s; /* before an unknown task is a dead letter */
    double result_expires_s;    /* 0: never */
    bool acks_late, reject_on_worker_lost, track_started;
    bool acks_on_failure_or_timeout;
    bool result_extended, retry_on_startup, keep_final_states;
    int64_t log_level;

    /* Derived by config_load. */
    struct url broker, backend;
    bool has_backend;
    const char *queue_names[CONFIG_QUEUES_MAX];
    size_t nqueues;
    char *plugin_settings; /* the file's "plugins" object as JSON text */
};

enum config_type {
    CONFIG_TEXT,
    CONFIG_INT,     /* "4" */
    CONFIG_BYTES,   /* "134217728", "128M" */
    CONFIG_SECONDS, /* "1.5"; null or "none" is 0 */
    CONFIG_BOOL,    /* true, false, 1, 0, yes, no, on, off */
    CONFIG_LEVEL,   /* "INFO" */
};

struct config_option {
    const char *key; /* Celery's setting, or NULL: command line only */
    char letter;     /* -c, or 0 */
    const char *option, *metavar;
    const char *env;
    enum config_type type;
    size_t offset; /* in struct config */
    const char *default_text;
    int64_t min, max; /* of numbers */
    const char *help;
};

extern const struct config_option config_options[];
extern const size_t config_noptions;

/* Reads all four sources; argv[0] is the command's name. On failure one line in *e.
 * The strings live until config_finish. */
int config_load(struct config *c, int argc, char **argv, struct error *e);
void config_finish(struct config *c);
/* The table, for people, within 80 columns. */
void config_print_help(FILE *to);

#endif
