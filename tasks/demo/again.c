/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that fail, or try again, in ways that only some need. */
#include "demo.h"

static const char *text(const ptl_value *options, const char *key)
{
    return ptl_str(ptl_get(options, key), NULL);
}

/* Python tells None from 0; zero here means the row's delay. */
static double countdown_s(const ptl_value *countdown)
{
    if (!countdown)
        return 0;
    return ptl_float(countdown) > 0 ? ptl_float(countdown) : PTL_NOW;
}

/* Task.retry's options by their names, as often as `times` says. */
ptl_value *demo_retry_with(ptl_task *t)
{
    const ptl_value *o = ptl_arg_map(t, "options");

    if (ptl_failed(t))
        return NULL;
    if (ptl_retries(t) >= ptl_arg_int_or(t, "times", 1))
        return ptl_new_int(t, ptl_retries(t));
    return ptl_retry_with(t, .exc = text(o, "exc"), .message = text(o, "message"),
                          .countdown_s = countdown_s(ptl_get(o, "countdown")),
                          .max_retries = (int32_t)ptl_int(ptl_get(o, "max_retries")),
                          .args = ptl_get(o, "args"), .kwargs = ptl_get(o, "kwargs"),
                          .queue = text(o, "queue"), .shadow = text(o, "shadow"),
                          .headers = ptl_get(o, "headers"),
                          .priority = (int32_t)ptl_int(ptl_get(o, "priority")),
                          .expires_s = ptl_float(ptl_get(o, "expires")),
                          .time_limit_s = ptl_float(ptl_get(o, "time_limit")),
                          .soft_time_limit_s =
                              ptl_float(ptl_get(o, "soft_time_limit")));
}

/* An exception with any number of arguments of any type. */
ptl_value *demo_fail_with(ptl_task *t)
{
    const char *kind = ptl_arg_str(t, "kind");
    const ptl_value *args = ptl_arg_list(t, "args");

    if (ptl_failed(t))
        return NULL;
    switch (ptl_len(args)) {
    case 0:
        return ptl_fail_with(t, kind, NULL);
    case 1:
        return ptl_fail_with(t, kind, ptl_at(args, 0), NULL);
    case 2:
        return ptl_fail_with(t, kind, ptl_at(args, 0), ptl_at(args, 1), NULL);
    default:
        return ptl_fail_with(t, kind, ptl_at(args, 0), ptl_at(args, 1), ptl_at(args, 2),
                             NULL);
    }
}

ptl_value *demo_reject_for(ptl_task *t)
{
    return ptl_reject_for(t, false, "%s", ptl_arg_str_or(t, "reason", "none"));
}
