/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of results: result_. */
#include "endpoints.h"
#include "table.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

static int check_seconds(struct json_object *value, struct error *e)
{
    const double s = json_object_get_double(value);
    if (s >= 0 && s <= CONFIG_SECONDS_MAX)
        return 0;
    return error_set(e, EINVAL, "must be a number of seconds from 0 to %.15g",
                     CONFIG_SECONDS_MAX);
}

/* clang-format off */
ROWS(result,
    {.key = "result_backend", .option = "result-backend", .metavar = "URL",
     .env = "CELERY_RESULT_BACKEND RESULT_BACKEND", .type = CONFIG_TEXT, .offset = AT(result_backend),
     .joiner = ';', .help = "where results are stored; none: they are not"},
    {.key = "result_backend_always_retry", .type = CONFIG_BOOL, .offset = AT(ignored.flag),
     .help = "without effect: petiole always does"},
    {.key = "result_backend_max_retries", .type = CONFIG_JSON, .offset = AT(ignored.json),
     .kinds = CONFIG_NUMBER | CONFIG_STRING, .check = config_check_endless,
     .help = "only \"inf\", Celery's default: a result is never given up"},
    {.key = "result_backend_base_sleep_between_retries_ms", .type = CONFIG_INT,
     .offset = AT(result_base_sleep_ms), .default_text = "10", .min = 1, .max = INT_MAX,
     .help = "delay before a result is tried again, doubled each time"},
    {.key = "result_backend_max_sleep_between_retries_ms", .type = CONFIG_INT,
     .offset = AT(result_max_sleep_ms), .default_text = "10000", .min = 1, .max = INT_MAX,
     .help = "the longest such delay"},
    {.key = "result_expires", .old = "task_result_expires", .type = CONFIG_SECONDS,
     .offset = AT(result_expires_s), .default_text = "86400",
     .help = "seconds a result is kept; null: for ever"},
    {.key = "result_serializer", .old = "task_result_serializer", .type = CONFIG_CHOICE,
     .offset = AT(result_serializer), .default_text = "json",
     .choices = CONFIG_RESULT_SERIALIZERS,
     .help = "how results are written"},
    {.key = "result_compression", .type = CONFIG_TEXT, .offset = AT(result_compression),
     .help = "zlib, bzip2, xz or zstd; only Celery 5.7 reads such results"},
    {.key = "result_extended", .type = CONFIG_BOOL, .offset = AT(result_extended),
     .default_text = "false",
     .help = "store name, arguments, worker and queue too"},
    {.key = "result_chord_expires", .type = CONFIG_JSON, .kinds = CONFIG_NUMBER,
     .offset = AT(result_chord_expires), .check = check_seconds,
     .help = "seconds the parts of a chord are kept; 0: for ever; null: as result_expires"},
    {.key = "result_chord_join_timeout", .type = CONFIG_SECONDS,
     .offset = AT(result_chord_join_timeout_s), .default_text = "3",
     .help = "seconds that joining a chord may take; after twice that, another part may try"},
    {.key = "result_chord_retry_interval", .type = CONFIG_SECONDS,
     .offset = AT(result_chord_retry_interval_s), .default_text = "1",
     .help = "seconds between two looks of celery.chord_unlock"},
);
/* clang-format on */
