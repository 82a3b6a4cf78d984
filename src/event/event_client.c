/* SPDX-License-Identifier: Apache-2.0 */
/* What Python's side sends past the worker's dispatcher: handlers' own events, and
 * those of tasks that are sent. Each goes by itself, with -E or without. */
#include "event.h"

#include "../worker.h"

#include "../../protocol/message.h"

#define HOST_MAX 256
#define SENT_FACTOR 16 /* as large as the scratch arena */

void event_task_custom(void *ctx, struct request *rq, const struct frame_event *f,
                       uint32_t pid)
{
    struct worker *w = ctx;
    struct wr body;
    if (!events_tell(&w->events))
        return;
    struct event_head h = events_head(&w->events);
    h.pid = pid;
    wr_init(&body, EVENT_MAX_BYTES);
    event_write_other(&body, &h, f->type, rq->id, f->fields);
    events_publish(&w->events, f->type, &body);
    wr_finish(&body);
}

/* ---- task-sent ---------------------------------------------------------------- */

/* celery.utils.nodenames.anon_nodename */
static void name_client(char name[HOST_MAX + 20])
{
    char host[HOST_MAX];
    size_t size = sizeof(host);
    if (uv_os_gethostname(host, &size) < 0)
        host[0] = '\0';
    snprintf(name, HOST_MAX + 20, "gen%d@%s", (int)uv_os_getpid(), host);
}

static struct str queue_of(const struct worker *w, const struct broker_address *to)
{
    const struct queue_table *t = &w->config->queues;
    if (to->exchange.n == 0)
        return to->routing_key;
    for (size_t i = 0; i < t->n; i++)
        if (str_is(to->exchange, t->all[i].exchange) &&
            str_is(to->routing_key, t->all[i].routing_key))
            return str_of(t->all[i].name);
    return (struct str){0};
}

static struct str header(const struct message *m, const char *name)
{
    return value_as_str(value_get(m->headers, name));
}

static void tell_sent(struct worker *w, const struct message *m,
                      const struct broker_address *to)
{
    char client[HOST_MAX + 20];
    struct wr body;
    const struct event_task e = {.uuid = m->id,
                                 .name = m->task,
                                 .args = m->argsrepr,
                                 .kwargs = m->kwargsrepr,
                                 .root_id = header(m, "root_id"),
                                 .parent_id = header(m, "parent_id"),
                                 .retries = m->retries,
                                 .eta = header(m, "eta"),
                                 .expires = header(m, "expires"),
                                 .queue = queue_of(w, to),
                                 .exchange = to->exchange,
                                 .routing_key = to->routing_key};
    struct event_head h = events_head(&w->events);
    name_client(client);
    h.hostname = str_of(client);
    wr_init(&body, EVENT_MAX_BYTES);
    event_write_sent(&body, &h, &e);
    events_publish(&w->events, STR("task-sent"), &body);
    wr_finish(&body);
}

void event_task_sent(struct worker *w, struct str message,
                     const struct broker_address *to)
{
    struct envelope e;
    struct message m;
    struct arena a; /* the caller may be using the scratch one */
    const char *why;
    if (!w->config->send_sent_event || !events_tell(&w->events))
        return;
    arena_init(&a, SENT_FACTOR * (size_t)w->config->message_max_bytes);
    if (envelope_read(&a, message, &e, &why) &&
        message_read(&a, &e, &m, &why) == MESSAGE_OK) {
        metrics_count_task(w->metrics, METRICS_SENT, m.task, queue_of(w, to), STR(""));
        tell_sent(w, &m, to);
    }
    arena_finish(&a);
}
