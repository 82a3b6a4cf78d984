/* SPDX-License-Identifier: Apache-2.0 */
/* event - what a handler tells monitors: Task.send_event. */
#include "../../protocol/json.h"
#include "task.h"
#include "text.h"

#define TYPE_MAX_BYTES 100

static bool is_the_events_own(struct str name)
{
    static const char *const names[] = {"hostname", "utcoffset", "pid", "clock",
                                        "uuid",     "timestamp", "type"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

/* A part of it becomes a routing key, on Redis a channel's name. */
static bool is_type(struct str type)
{
    for (size_t i = 0; i < type.n; i++)
        if ((unsigned char)type.p[i] <= ' ' || type.p[i] == 0x7f)
            return false;
    return type.n > 0 && type.n <= TYPE_MAX_BYTES && text_is_valid(type);
}

static bool check(ptl_task *t, struct str type, const ptl_value *fields)
{
    if (!is_type(type))
        return task_fail(t, "ValueError",
                         "ptl_send_event() needs a type like \"task-progress\"");
    if (fields && value_kind(fields) != PTL_MAP)
        return task_fail(t, "TypeError", "ptl_send_event() needs a map of fields");
    for (size_t i = 0; fields && i < value_len(fields); i++)
        if (is_the_events_own(fields->u.map.pairs[i].key))
            return task_fail(t, "TypeError",
                             "send_event() got multiple values for keyword argument "
                             "'" STR_FMT "'",
                             STR_ARG(fields->u.map.pairs[i].key));
    return true;
}

void ptl_send_event(ptl_task *t, const char *type, const ptl_value *fields)
{
    struct frame_event e = {.job = t->job, .type = str_of(type)};
    struct wr w;

    if (!check(t, e.type, fields) || !t->sink->event)
        return;
    wr_init(&w, t->node->message_max_bytes);
    if (fields)
        json_write(&w, fields);
    if (w.bad)
        task_fail(t, "kombu.exceptions.EncodeError",
                  "event %s needs more bytes than the setting message_max_bytes allows",
                  type);
    else {
        e.fields = fields ? (struct str){w.p + 1, w.len - 2} : STR("");
        t->sink->event(t, &e);
    }
    wr_finish(&w);
}
