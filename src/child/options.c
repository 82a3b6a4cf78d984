/* SPDX-License-Identifier: Apache-2.0 */
/* options - struct ptl_options: read from plugins of any age, checked, and turned into
 * the options of apply_async by their names there. */
#include "options.h"

#include "text.h"

#include <math.h>

#define SECONDS_MAX 1e11 /* three thousand years: a timestamp holds it */

/* ---- Reading -------------------------------------------------------------------- */

/* A plugin's struct may be shorter than ours; a longer one must leave its news zero. */
bool task_read_options(struct ptl_task *t, ptl_options *to, const ptl_options *from)
{
    size_t known = from->size < sizeof(*to) ? from->size : sizeof(*to);

    memset(to, 0, sizeof(*to));
    memcpy(to, from, known);
    for (size_t i = known; i < from->size; i++)
        if (((const char *)from)[i])
            return task_fail(t, "RuntimeError",
                             "an option of ptl_send is newer than this worker: upgrade "
                             "petiole");
    return true;
}

/* Celery's own complaints, where it has any. */
static const char *bad_options(const ptl_options *o)
{
    if (o->args && value_kind(o->args) != PTL_LIST)
        return "task args must be a list or tuple";
    if (o->kwargs && value_kind(o->kwargs) != PTL_MAP)
        return "task keyword arguments must be a mapping";
    if (o->headers && value_kind(o->headers) != PTL_MAP)
        return "task headers must be a mapping";
    return NULL;
}

static bool is_span(double seconds)
{
    return isfinite(seconds) && fabs(seconds) < SECONDS_MAX;
}

bool task_check_options(struct ptl_task *t, const ptl_options *o)
{
    const char *const texts[] = {o->exc,        o->message,     o->task_id,
                                 o->queue,      o->exchange,    o->routing_key,
                                 o->shadow,     o->argsrepr,    o->kwargsrepr,
                                 o->serializer, o->compression, o->group_id};
    const char *why = bad_options(o);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!text_is_valid(str_of(texts[i])))
            why = "the name and the options of a task are UTF-8";
    if (why)
        return task_fail(t, "TypeError", "%s", why);
    if (o->time_limit_s > 0 && o->soft_time_limit_s > o->time_limit_s)
        why = "soft_time_limit must be less than or equal to time_limit";
    if (!is_span(o->countdown_s) || !is_span(o->expires_s) ||
        !is_span(o->time_limit_s) || !is_span(o->soft_time_limit_s))
        why = "countdown_s, expires_s or a time limit is out of range";
    if (why)
        task_fail(t, "ValueError", "%s", why);
    return !why;
}

/* ---- As a map ------------------------------------------------------------------- */

/* Null and empty are not the same to send_task, but to the plugins' authors they are.
 */
static void add(struct options_map *m, const char *name, ptl_value v)
{
    size_t n = m->map.u.map.n++;

    m->values[n] = v;
    m->pairs[n] = (struct value_pair){str_of(name), &m->values[n]};
}

static void add_text(struct options_map *m, const char *name, const char *text)
{
    if (text)
        add(m, name, (ptl_value){.kind = PTL_STR, .u.s = str_of(text)});
}

static void add_int(struct options_map *m, const char *name, int64_t i)
{
    add(m, name, (ptl_value){.kind = PTL_INT, .u.i = i});
}

/* As the int or float that a Python caller would have given. */
static void add_seconds(struct options_map *m, const char *name, double seconds)
{
    if (seconds < 1e15 && seconds == floor(seconds))
        add_int(m, name, (int64_t)seconds);
    else
        add(m, name, (ptl_value){.kind = PTL_FLOAT, .u.d = seconds});
}

static void add_time(struct options_map *m, const char *name, char text[TIMESTAMP_TEXT],
                     int64_t us)
{
    timestamp_format(text, us);
    add_text(m, name, text);
}

static void add_times(struct options_map *m, const ptl_options *o)
{
    if (o->countdown_s != 0)
        add_seconds(m, "countdown", o->countdown_s);
    else if (o->eta_us)
        add_time(m, "eta", m->eta, o->eta_us);
    if (o->expires_s != 0)
        add_seconds(m, "expires", o->expires_s);
    else if (o->expires_at_us)
        add_time(m, "expires", m->expires, o->expires_at_us);
    if (o->time_limit_s > 0)
        add_seconds(m, "time_limit", o->time_limit_s);
    if (o->soft_time_limit_s > 0)
        add_seconds(m, "soft_time_limit", o->soft_time_limit_s);
}

static void add_place(struct options_map *m, const ptl_options *o)
{
    add_text(m, "queue", o->queue);
    add_text(m, "exchange", o->exchange);
    add_text(m, "routing_key", o->routing_key);
    add_text(m, "serializer", o->serializer);
    add_text(m, "compression", o->compression);
    if (o->priority)
        add_int(m, "priority", o->priority == PTL_PRIORITY_0 ? 0 : o->priority);
    if (o->flags & PTL_SEND_TRANSIENT)
        add_int(m, "delivery_mode", 1);
}

const ptl_value *options_as_map(const ptl_options *o, struct options_map *m)
{
    m->map = (ptl_value){.kind = PTL_MAP};
    m->map.u.map.pairs = m->pairs;
    m->map.u.map.cap = OPTIONS_MAX;
    add_text(m, "task_id", o->task_id);
    add_text(m, "group_id", o->group_id);
    add_text(m, "shadow", o->shadow);
    add_text(m, "argsrepr", o->argsrepr);
    add_text(m, "kwargsrepr", o->kwargsrepr);
    if (o->flags & (PTL_SEND_IGNORE_RESULT | PTL_SEND_KEEP_RESULT))
        add(m, "ignore_result",
            (ptl_value){.kind = PTL_BOOL, .u.b = o->flags & PTL_SEND_IGNORE_RESULT});
    if (o->headers)
        add(m, "headers", *o->headers);
    add_times(m, o);
    add_place(m, o);
    return &m->map;
}
