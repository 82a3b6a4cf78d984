/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing_route - where a message goes: options, row, task_routes, defaults. */
#include "outgoing.h"

static int64_t delivery_mode_of(const ptl_value *v)
{
    if (str_is(value_as_str(v), "transient"))
        return 1;
    if (str_is(value_as_str(v), "persistent"))
        return 2;
    return value_as_int(v, ROUTE_NONE);
}

static struct destination options_destination(const struct outgoing *o)
{
    return (struct destination){
        .queue = outgoing_text(o, "queue"),
        .exchange = outgoing_text(o, "exchange"),
        .routing_key = outgoing_text(o, "routing_key"),
        .serializer = outgoing_text(o, "serializer"),
        .compression = outgoing_text(o, "compression"),
        .priority = value_as_int(outgoing_option(o, "priority"), ROUTE_NONE),
        .delivery_mode = delivery_mode_of(outgoing_option(o, "delivery_mode")),
    };
}

/* A task of this worker has a row, as a Python task has attributes. */
static struct destination row_destination(const struct outgoing *o)
{
    struct destination d = destination_none;

    if (o->row && !outgoing_has(o, "queue"))
        d.queue = str_of(o->row->def.queue);
    if (o->row && !outgoing_has(o, "priority"))
        d.priority = o->row->def.priority ? o->row->def.priority
                                          : o->t->node->routes.task_priority;
    return d;
}

/* Only of what has no parent but the task that runs, as in send_task. */
static void inherit_priority(struct outgoing *o)
{
    bool is_placed = outgoing_text(o, "root_id").n && outgoing_text(o, "parent_id").n;

    if (o->t->node->routes.inherit_priority && o->to.priority == ROUTE_NONE &&
        !outgoing_has(o, "priority") && !is_placed)
        o->to.priority = o->t->envelope.priority;
}

/* An exchange counts only with a routing key, as for Celery; else it is the queue,
 * through the anonymous exchange or the one that task_queues gives it. */
static bool find_target(struct outgoing *o)
{
    const struct routes *r = &o->t->node->routes;
    const ptl_value *queue;

    if (o->to.exchange.n && o->to.routing_key.n) {
        o->m.exchange = o->to.exchange;
        o->m.routing_key = o->to.routing_key;
        return true;
    }
    queue = value_find(r->queues, o->to.queue);
    o->m.exchange = STR("");
    o->m.routing_key = o->to.queue;
    if (!queue && !r->create_missing && !str_is(o->to.queue, r->default_queue))
        return task_fail(o->t, "QueueNotFound",
                         "Queue '" STR_FMT "' missing from task_queues",
                         STR_ARG(o->to.queue));
    if (queue && !str_is(value_as_str(value_get(queue, "type")), "direct")) {
        o->m.exchange = value_as_str(value_get(queue, "exchange"));
        o->m.routing_key = o->to.routing_key.n
                               ? o->to.routing_key
                               : value_as_str(value_get(queue, "routing_key"));
    }
    return true;
}

static const struct destination *find_route(const struct outgoing *o)
{
    const struct routes *r = &o->t->node->routes;
    struct str name = o->call->route_name.n ? o->call->route_name : o->call->task;

    if (!r->n)
        return NULL;
    name = arena_copy(o->t->arena, name); /* with a NUL, for patterns */
    return name.p ? routes_find(r, name.p) : NULL;
}

bool outgoing_route(struct outgoing *o)
{
    const struct routes *r = &o->t->node->routes;
    const struct destination *found = find_route(o);
    struct destination row = row_destination(o);

    o->to = options_destination(o);
    destination_merge(&o->to, &row);
    if (found)
        destination_merge(&o->to, found);
    inherit_priority(o);
    destination_merge(&o->to, &r->defaults);
    if (!o->to.queue.n)
        o->to.queue = str_of(r->default_queue);
    o->m.priority = o->to.priority == ROUTE_NONE ? 0 : o->to.priority;
    o->m.delivery_mode = o->to.delivery_mode == ROUTE_NONE ? 2 : o->to.delivery_mode;
    return find_target(o);
}
