/* SPDX-License-Identifier: Apache-2.0 */
/* Which queues are taken from. */
#include "control_parts.h"

#include "../queue.h"

#include <errno.h>

/* ---- add_consumer --------------------------------------------------------------- */

/* A C string of the argument, `otherwise` if it is missing or null; NULL: the reply
 * says what is wrong with it. */
static char *read_name(struct control_call *c, const char *name, const char *otherwise)
{
    const ptl_value *v = control_argument(c, name);
    struct str text = value_as_str(v);
    if (!v && otherwise)
        return (char *)(uintptr_t)otherwise;
    if (!text.p) {
        control_raise(c, "TypeError", "%s must be str, not %s", name,
                      control_type_name(v));
        return NULL;
    }
    if (memchr(text.p, 0, text.n)) {
        control_raise(c, "ValueError", "%s holds a NUL character", name);
        return NULL;
    }
    text = arena_copy(c->arena, text); /* with a NUL behind it */
    if (!text.p)
        control_raise(c, "MemoryError", "%s is too long", name);
    return (char *)(uintptr_t)text.p;
}

static bool is_consumed(const struct broker *b, const char *name)
{
    const struct queue *q;
    for (size_t i = 0; (q = b->ops->consumed(b, i)); i++)
        if (strcmp(q->name, name) == 0)
            return true;
    return false;
}

static bool describe(struct control_call *c, struct queue *q)
{
    return (q->name = read_name(c, "queue", NULL)) &&
           (q->exchange = read_name(c, "exchange", q->name)) &&
           (q->exchange_type = read_name(c, "exchange_type", "direct")) &&
           (q->routing_key = read_name(c, "routing_key", q->name));
}

static void consume(struct control_call *c, const struct queue *q)
{
    struct broker *b = c->worker->broker;
    bool before = is_consumed(b, q->name);
    int r = before ? 0 : b->ops->consume(b, q);
    if (r < 0) {
        log_line(LOG_ERROR, "Cannot consume from %s: %s", q->name,
                 r == -ENOSPC ? "it takes from as many queues as it can already"
                              : strerror(-r));
        control_error(c, "cannot consume from %s: %s", q->name,
                      r == -ENOSPC ? "this worker takes from as many queues as it can; "
                                     "cancel another one first"
                                   : strerror(-r));
        return;
    }
    if (!before)
        log_line(LOG_INFO, "Started consuming from %s", q->name);
    control_ok(c, "add consumer %s", q->name);
}

/* One of task_queues is taken from as it is described there, as by Celery. */
static void add_consumer(struct control_call *c)
{
    struct queue q = {0};
    struct error e;
    if (!describe(c, &q))
        return;
    const struct queue *known = queue_find(&c->worker->config->queues, q.name);
    if (known)
        consume(c, known);
    else if (queue_check(&q, &e) < 0)
        control_raise(c, "ValueError", "%s", e.msg);
    else
        consume(c, &q);
}

/* ---- cancel_consumer ------------------------------------------------------------ */

static void cancel_consumer(struct control_call *c)
{
    struct broker *b = c->worker->broker;
    const char *name = read_name(c, "queue", NULL);
    if (!name)
        return;
    log_line(LOG_INFO, "Canceling queue %s", name);
    b->ops->cancel(b, name);
    control_ok(c, "no longer consuming from %s", name);
}

const struct control_command control_consumer_commands[] = {
    {.name = "add_consumer",
     .arguments = "queue [exchange] [exchange_type] [routing_key] *",
     .run = add_consumer},
    {.name = "cancel_consumer", .arguments = "queue *", .run = cancel_consumer},
    {0},
};
