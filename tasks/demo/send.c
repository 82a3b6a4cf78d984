/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that send tasks. */
#include "demo.h"

#include <string.h>

static const char *text(const ptl_value *options, const char *key)
{
    return ptl_str(ptl_get(options, key), NULL);
}

/* Celery's names; what is missing reads as zero, which is "not given". */
static ptl_options read_options(const ptl_value *map)
{
    const ptl_value *priority = ptl_get(map, "priority");
    const ptl_value *ignore = ptl_get(map, "ignore_result");
    const ptl_value *add = ptl_get(map, "add_to_parent");
    ptl_options o = {
        .size = sizeof(o),
        .headers = ptl_get(map, "headers"),
        .task_id = text(map, "task_id"),
        .queue = text(map, "queue"),
        .exchange = text(map, "exchange"),
        .routing_key = text(map, "routing_key"),
        .countdown_s = ptl_float(ptl_get(map, "countdown")),
        .expires_s = ptl_float(ptl_get(map, "expires")),
        .time_limit_s = ptl_float(ptl_get(map, "time_limit")),
        .soft_time_limit_s = ptl_float(ptl_get(map, "soft_time_limit")),
        .shadow = text(map, "shadow"),
        .argsrepr = text(map, "argsrepr"),
        .kwargsrepr = text(map, "kwargsrepr"),
        .serializer = text(map, "serializer"),
        .compression = text(map, "compression"),
        .group_id = text(map, "group_id"),
        .priority = (int32_t)ptl_int(priority),
    };

    if (priority && o.priority == 0)
        o.priority = PTL_PRIORITY_0;
    if (ignore)
        o.flags |= ptl_bool(ignore) ? PTL_SEND_IGNORE_RESULT : PTL_SEND_KEEP_RESULT;
    if (add && !ptl_bool(add))
        o.flags |= PTL_SEND_NO_TRAIL;
    return o;
}

ptl_value *demo_send(ptl_task *t)
{
    const char *task = ptl_arg_str(t, "task");
    ptl_options o = read_options(ptl_arg_value(t, "options"));

    o.args = ptl_arg_given(t, "args") ? ptl_arg_list(t, "args") : NULL;
    o.kwargs = ptl_arg_given(t, "kwargs") ? ptl_arg_map(t, "kwargs") : NULL;
    return ptl_new_str(t, ptl_send_options(t, task, &o));
}

/* Sends demo.add(i, i) for each i below n. */
ptl_value *demo_fan_out(ptl_task *t)
{
    int64_t n = ptl_arg_int(t, "n"), i;

    for (i = 0; i < n && !ptl_failed(t) && !ptl_cancelled(t); i++)
        ptl_send(t, "demo.add", ptl_new_int(t, i), ptl_new_int(t, i), NULL);
    return ptl_new_int(t, i);
}
