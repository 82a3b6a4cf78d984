/* SPDX-License-Identifier: Apache-2.0 */
/* guide - the examples of docs/handlers.md, compiled. */
#include <petiole/task.h>

static ptl_value *resize(ptl_task *t)
{
    const char *path = ptl_arg_str(t, "path");
    int64_t width = ptl_arg_int(t, "width");
    double quality = ptl_arg_float_or(t, "quality", 0.8);

    if (ptl_failed(t))
        return NULL;
    if (width < 1)
        return ptl_fail(t, "ValueError", "width must be at least 1, not %lld",
                        (long long)width);
    return ptl_new_map(t, "path", ptl_new_str(t, path), "quality",
                       ptl_new_float(t, quality), NULL);
}

static ptl_value *pay(ptl_task *t)
{
    return ptl_retry_with(t, .exc = "ConnectionError",
                          .message = "no route to the bank", .countdown_s = 5,
                          .max_retries = 10, .queue = "slow");
}

static ptl_value *fetch(ptl_task *t)
{
    const char *id =
        ptl_send(t, "images.resize", ptl_arg_value(t, "url"), ptl_new_int(t, 80), NULL);

    ptl_send_with(t, "images.resize",
                  .args = ptl_new_list_of(t, ptl_arg_value(t, "url"), NULL),
                  .kwargs = ptl_new_map(t, "width", ptl_new_int(t, 80), NULL),
                  .queue = "images", .countdown_s = 10, .expires_s = 3600,
                  .priority = 5);
    return ptl_new_str(t, id);
}

static ptl_value *where(ptl_task *t)
{
    const ptl_value *info = ptl_request(t, "delivery_info");
    const char *queue = ptl_str(ptl_get(info, "routing_key"), NULL);

    return ptl_new_str(t, queue);
}

static const ptl_def tasks[] = {
    {.name = "images.resize",
     .params = "path width quality?",
     .run = resize,
     .summary = "A smaller copy of an image",
     .hard_limit_ms = 60000,
     .flags = PTL_ACKS_LATE},
    {.name = "images.fetch",
     .params = "url",
     .run = fetch,
     .autoretry_for = "ConnectionError TimeoutError",
     .dont_autoretry_for = "ConnectionRefusedError",
     .retry_backoff_s = 1,
     .retry_backoff_max_s = 60,
     .max_retries = 5},
    {.name = "images.pay", .run = pay, .throws = "KeyError Missing"},
    {.name = "images.where", .run = where},
};
PTL_MODULE("images", tasks);
