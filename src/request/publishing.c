/* SPDX-License-Identifier: Apache-2.0 */
#include "publishing.h"

#include "../../protocol/json.h"

static void put_json(struct wr *w, const char *name, const char *json)
{
    if (w->len > 1)
        wr_put(w, STR(", "));
    json_write_str(w, str_of(name));
    wr_put(w, STR(": "));
    wr_text(w, json ? json : "null");
}

static void put_text(struct wr *w, const char *name, const char *text)
{
    put_json(w, name, text ? "" : "null");
    if (text)
        json_write_str(w, str_of(text));
}

static void put_int(struct wr *w, const char *name, int64_t i)
{
    put_json(w, name, "");
    wr_printf(w, "%lld", (long long)i);
}

/* {"name": {"exchange", "type", "routing_key"}} */
static void put_queues(struct wr *w, const struct queue_table *t)
{
    put_json(w, "task_queues", "{");
    for (size_t i = 0; i < t->n; i++) {
        const struct queue *q = &t->all[i];
        wr_put(w, i ? STR(", ") : STR(""));
        json_write_str(w, str_of(q->name));
        wr_put(w, STR(": {\"exchange\": "));
        json_write_str(w, str_of(q->exchange));
        wr_put(w, STR(", \"type\": "));
        json_write_str(w, str_of(q->exchange_type));
        wr_put(w, STR(", \"routing_key\": "));
        json_write_str(w, str_of(q->routing_key));
        wr_put(w, STR("}"));
    }
    wr_put(w, STR("}"));
}

void publishing_write(struct wr *w, const struct config *c)
{
    wr_put(w, STR("{"));
    put_json(w, "task_routes", c->task_routes);
    put_text(w, "task_default_queue", c->default_queue);
    put_json(w, "task_create_missing_queues",
             c->create_missing_queues ? "true" : "false");
    put_queues(w, &c->queues);
    put_text(w, "task_serializer", c->task_serializer);
    put_text(w, "task_compression", c->task_compression);
    put_int(w, "task_default_delivery_mode", c->default_delivery_mode);
    if (c->default_priority >= 0)
        put_int(w, "task_default_priority", c->default_priority);
    put_json(w, "task_inherit_parent_priority",
             c->inherit_parent_priority ? "true" : "false");
    put_json(w, "task_ignore_result", c->ignore_result ? "true" : "false");
    put_json(w, "task_store_errors_even_if_ignored",
             c->store_errors_even_if_ignored ? "true" : "false");
    put_json(w, "task_allow_error_cb_on_chord_header",
             c->allow_error_cb_on_chord_header ? "true" : "false");
    put_json(w, "result_chord_retry_interval", "");
    wr_printf(w, "%.17g", c->result_chord_retry_interval_s);
    wr_put(w, STR("}"));
}
