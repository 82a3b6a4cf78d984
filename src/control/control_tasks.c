/* SPDX-License-Identifier: Apache-2.0 */
/* What it can run, and where it takes that from. */
#include "control.h"

#include "../../protocol/json.h"

#define ITEMS_MAX 64 /* attributes for each task; more are passed over */

/* ---- registered ---------------------------------------------------------------- */

static void put_number(struct wr *out, double v)
{
    char text[32];
    json_format_float(text, v, false);
    size_t n = strlen(text);
    bool whole = n > 2 && strcmp(text + n - 2, ".0") == 0;
    wr_put(out, (struct str){text, whole ? n - 2 : n});
}

static const char *truth(bool b)
{
    return b ? "True" : "False";
}

/* Attributes that are True or False, or None, which is not shown. */
static const char *flag_of(const struct attributes *a, struct str name)
{
    const struct {
        const char *name;
        const char *text;
    } flags[] = {
        {"acks_late", truth(a->acks_late)},
        {"acks_on_failure_or_timeout", truth(a->acks_on_failure && a->acks_on_timeout)},
        {"ignore_result", truth(a->ignore_result)},
        {"reject_on_worker_lost", a->reject_on_worker_lost ? "True" : NULL},
        {"send_events", "True"},
        {"store_errors_even_if_ignored", truth(a->store_errors_even_if_ignored)},
        {"track_started", truth(a->track_started)},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (str_is(name, flags[i].name))
            return flags[i].text;
    return NULL;
}

static bool number_of(const struct attributes *a, struct str name, double *v)
{
    const struct {
        const char *name;
        double v;
        bool none;
    } numbers[] = {
        {"default_retry_delay", a->default_retry_delay_s, false},
        {"max_retries", (double)a->max_retries,
         a->max_retries == ATTRIBUTES_RETRY_FOREVER},
        {"soft_time_limit", a->soft_time_limit_s, a->soft_time_limit_s == 0},
        {"time_limit", a->time_limit_s, a->time_limit_s == 0},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (str_is(name, numbers[i].name) && !numbers[i].none) {
            *v = numbers[i].v;
            return true;
        }
    return false;
}

static const char *text_of(const struct config *c, const struct frame_row *row,
                           struct str name)
{
    if (str_is(name, "rate_limit"))
        return *row->attributes.rate_limit ? row->attributes.rate_limit : NULL;
    if (str_is(name, "serializer"))
        return c->task_serializer ? c->task_serializer : "json";
    return str_is(name, "compression") ? c->task_compression
                                       : flag_of(&row->attributes, name);
}

/* "max_retries=3", and a space before it if it is not the first; what is None, or no
 * attribute here, is not shown. */
static void put_attribute(struct wr *out, const struct config *c,
                          const struct frame_row *row, struct str name, bool first)
{
    const char *text = text_of(c, row, name);
    bool is_name = str_is(name, "name");
    double v = 0;
    if (!text && !is_name && !number_of(&row->attributes, name, &v))
        return;
    wr_printf(out, "%s" STR_FMT "=", first ? "" : " ", STR_ARG(name));
    if (is_name)
        wr_put(out, row->name);
    else if (text)
        wr_text(out, text);
    else
        put_number(out, v);
}

static bool stands_before(const ptl_value *items, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (str_eq(value_as_str(value_at(items, before)),
                   value_as_str(value_at(items, i))))
            return true;
    return false;
}

static void put_registered(struct wr *out, const struct config *c,
                           const struct frame_row *row, const ptl_value *items)
{
    struct wr info;
    size_t n = value_len(items);
    wr_init(&info, 4096);
    for (size_t i = 0; i < n && i < ITEMS_MAX; i++)
        if (!stands_before(items, i))
            put_attribute(&info, c, row, value_as_str(value_at(items, i)),
                          info.len == 0);
    wr_put(out, row->name);
    if (info.len)
        wr_printf(out, " [%.*s]", STR_ARG(wr_str(&info)));
    wr_finish(&info);
}

static bool is_builtin(struct str task)
{
    return task.n > 7 && memcmp(task.p, "celery.", 7) == 0;
}

static void registered(struct control_call *c)
{
    const ptl_value rate_limit = {.kind = PTL_STR, .u.s = STR("rate_limit")};
    const ptl_value *usual[] = {&rate_limit};
    const ptl_value usual_items = {.kind = PTL_LIST, .u.list = {usual, 1, 1}};
    const ptl_value *items = control_argument(c, "taskinfoitems");
    bool builtins = value_truth(control_argument(c, "builtins"));
    const struct table *t = pool_table(c->worker->pool);
    struct control_items names;
    struct wr line;
    wr_init(&line, 8192);
    control_items_begin(&names, c, '[');
    for (size_t i = 0; i < t->n; i++) {
        if ((is_builtin(t->rows[i].name) && !builtins) || !control_item_begin(&names))
            continue;
        wr_reset(&line);
        put_registered(&line, c->worker->config, &t->rows[i],
                       value_truth(items) ? items : &usual_items);
        json_write_str(c->reply, wr_str(&line));
        control_item_end(&names);
    }
    control_items_end(&names);
    wr_finish(&line);
}

/* ---- active_queues ------------------------------------------------------------- */

static void put_exchange(struct wr *out, const struct queue *q)
{
    wr_text(out, "{\"name\": ");
    json_write_str(out, str_of(q->exchange));
    wr_text(out, ", \"type\": ");
    json_write_str(out, str_of(q->exchange_type));
    wr_text(out, ", \"arguments\": null, \"durable\": true, \"passive\": false, "
                 "\"auto_delete\": false, \"delivery_mode\": null, \"no_declare\": "
                 "false}");
}

/* All the fields of kombu's Queue.as_dict: clients look some of them up unasked. */
static void put_queue(struct wr *out, const struct queue *q)
{
    wr_text(out, "{\"name\": ");
    json_write_str(out, str_of(q->name));
    wr_text(out, ", \"exchange\": ");
    put_exchange(out, q);
    wr_text(out, ", \"routing_key\": ");
    json_write_str(out, str_of(q->routing_key));
    if (q->expires_ms)
        wr_printf(out, ", \"queue_arguments\": {\"x-expires\": %lld}",
                  (long long)q->expires_ms);
    else
        wr_text(out, ", \"queue_arguments\": null");
    wr_text(
        out,
        ", \"binding_arguments\": null, \"consumer_arguments\": null, \"durable\": "
        "true, \"exclusive\": false, \"auto_delete\": false, \"no_ack\": false, "
        "\"alias\": null, \"bindings\": [], \"no_declare\": null, \"expires\": null, "
        "\"message_ttl\": null, \"max_length\": null, \"max_length_bytes\": null, "
        "\"max_priority\": null}");
}

/* Those of the start, until the broker tells of others. */
static const struct queue *consumed(const struct worker *w, size_t i)
{
    const struct queue_table *t = &w->config->queues;
    if (w->broker && w->broker->ops->consumed)
        return w->broker->ops->consumed(w->broker, i);
    return i < t->taken ? &t->all[i] : NULL;
}

static void active_queues(struct control_call *c)
{
    struct control_items queues;
    const struct queue *q;
    control_items_begin(&queues, c, '[');
    for (size_t i = 0; (q = consumed(c->worker, i)); i++) {
        if (!control_item_begin(&queues))
            continue;
        put_queue(c->reply, q);
        control_item_end(&queues);
    }
    control_items_end(&queues);
}

const struct control_command control_tasks_commands[] = {
    {.name = "registered",
     .alias = "dump_tasks",
     .arguments = "[taskinfoitems] [builtins] *",
     .run = registered},
    {.name = "active_queues", .arguments = "", .run = active_queues},
    {0},
};
