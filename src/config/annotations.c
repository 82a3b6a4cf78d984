/* SPDX-License-Identifier: Apache-2.0 */
/* What follows for tasks: the settings that are a task's attributes where neither its
 * row nor task_annotations say otherwise, and whether these make sense. */
#include "annotations.h"

#include "../../protocol/json.h"
#include "../nearest.h"
#include "../rate.h"

#include <errno.h>
#include <json-c/json.h>

#define ANNOTATIONS_MAX_BYTES ((size_t)64 << 20)

static int check_attribute(struct str task, struct str name, const ptl_value *value,
                           struct error *e)
{
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)(name.n < 60 ? name.n : 60), name.p);
    struct nearest nearest = nearest_to(text);
    for (size_t i = 0; attributes_name(i); i++) {
        const char *should = NULL;
        nearest_try(&nearest, attributes_name(i));
        if (!str_is(name, attributes_name(i)))
            continue;
        should = attributes_check(i, value);
        return should ? error_set(e, EINVAL, "task '%.*s': %s must be %s", (int)task.n,
                                  task.p, text, should)
                      : 0;
    }
    const char *meant = nearest_found(&nearest);
    return error_set(e, EINVAL,
                     "task '%.*s': a worker here obeys no attribute '%s'%s%s%s",
                     (int)task.n, task.p, text, meant ? ": did you mean '" : "",
                     meant ? meant : "", meant ? "'?" : "");
}

static int check_task(struct str task, const ptl_value *attributes, struct error *e)
{
    if (value_kind(attributes) != PTL_MAP)
        return error_set(e, EINVAL, "task '%.*s' needs an object of attributes",
                         (int)task.n, task.p);
    int r = 0;
    for (size_t i = 0; r == 0 && i < value_len(attributes); i++)
        r = check_attribute(task, attributes->u.map.pairs[i].key,
                            attributes->u.map.pairs[i].value, e);
    return r;
}

int config_check_annotations(struct json_object *value, struct error *e)
{
    struct json_error fault;
    struct arena a;
    arena_init(&a, ANNOTATIONS_MAX_BYTES);
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    const ptl_value *map = json_read(&a, str_of(text), 0, NULL, &fault);
    int r = 0;
    if (!map)
        r = error_set(e, EINVAL, "it cannot be read: %s", fault.what);
    for (size_t i = 0; map && r == 0 && i < value_len(map); i++)
        r = check_task(map->u.map.pairs[i].key, map->u.map.pairs[i].value, e);
    arena_finish(&a);
    return r;
}

/* task_acks_on_failure and task_acks_on_timeout: null leaves it to the setting that
 * they are the halves of. */
static bool half(int64_t own, bool both)
{
    return own == CONFIG_UNSET ? both : own == CONFIG_TRUE;
}

int config_derive_attributes(struct config *c, struct error *e)
{
    c->attributes = (struct attributes){
        .acks_late = c->acks_late,
        .acks_on_failure = half(c->acks_on_failure, c->acks_on_failure_or_timeout),
        .acks_on_timeout = half(c->acks_on_timeout, c->acks_on_failure_or_timeout),
        .reject_on_worker_lost = c->reject_on_worker_lost,
        .ignore_result = c->ignore_result,
        .store_errors_even_if_ignored = c->store_errors_even_if_ignored,
        .track_started = c->track_started,
        .send_events = true,
        .time_limit_s = c->time_limit_s,
        .soft_time_limit_s = c->soft_time_limit_s,
        .default_retry_delay_s = ATTRIBUTES_RETRY_DELAY_S,
        .max_retries = ATTRIBUTES_MAX_RETRIES,
    };
    const char *rate = c->default_rate_limit;
    if (rate && !attributes_set_rate(&c->attributes, rate))
        return error_set(
            e, EINVAL,
            "setting 'task_default_rate_limit' must be like '10/s', '5/m', "
            "'100/h' or a number, not '%.40s'",
            rate);
    return 0;
}
