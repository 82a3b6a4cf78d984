/* SPDX-License-Identifier: Apache-2.0 */
/* send - ptl_send: a task's own tasks. */
#include "options.h"
#include "text.h"

const char *ptl_send_options(ptl_task *t, const char *name, const ptl_options *options)
{
    ptl_options o;
    struct options_map map;
    struct str id;

    if (ptl_failed(t) || !task_read_options(t, &o, options) ||
        !task_check_options(t, &o))
        return NULL;
    if (!name || !*name || !text_is_valid(str_of(name)))
        return task_fail(t, "ValueError", "ptl_send() needs the name of a task");
    struct canvas_call call = {.task = str_of(name),
                               .args = o.args,
                               .kwargs = o.kwargs,
                               .options = options_as_map(&o, &map)};
    if (!task_publish(t, &call, &id))
        return NULL;
    if (!(o.flags & PTL_SEND_NO_TRAIL))
        task_add_child(t, id);
    return id.p;
}

const char *ptl_send(ptl_task *t, const char *name, ...)
{
    ptl_options o = {.size = sizeof(o)};
    va_list ap;

    if (ptl_failed(t))
        return NULL;
    va_start(ap, name);
    o.args = task_list_of(t, ap);
    va_end(ap);
    return o.args ? ptl_send_options(t, name, &o) : NULL;
}
