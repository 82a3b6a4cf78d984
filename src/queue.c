/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#define QUEUES_MAX 1024 /* in task_queues; those taken from: CONFIG_QUEUES_MAX */

/* ---- one queue ---------------------------------------------------------------- */

/* It stands in JSON, in Lua patterns and in the names of lists. */
static int check_name(const char *name, const char *what, struct error *e)
{
    if (strlen(name) > QUEUE_NAME_MAX)
        return error_set(e, EINVAL, "a%s '%.30s...' is longer than %d bytes", what,
                         name, QUEUE_NAME_MAX);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || strchr("\"\\\x7f", *p))
            return error_set(e, EINVAL,
                             "the name of a%s may not hold quotes, backslashes or "
                             "control characters",
                             what);
    return 0;
}

static void free_queue(struct queue *q)
{
    free(q->name);
    free(q->exchange);
    free(q->exchange_type);
    free(q->routing_key);
}

static const char *first(const char *a, const char *b)
{
    return a && a[0] ? a : b;
}

int queue_check(const struct queue *q, struct error *e)
{
    if (!q->name || !q->name[0])
        return error_set(e, EINVAL, "it names no queue");
    if (check_name(q->name, " queue", e) < 0 ||
        check_name(q->exchange, "n exchange", e) < 0 ||
        check_name(q->routing_key, " routing key", e) < 0)
        return -EINVAL;
    if (strcmp(q->exchange_type, "direct") == 0 ||
        strcmp(q->exchange_type, "topic") == 0)
        return 0;
    return error_set(e, EINVAL,
                     "queue '%.60s': exchange type '%.30s' cannot be taken from: "
                     "use direct or topic%s",
                     q->name, q->exchange_type,
                     strcmp(q->exchange_type, "fanout") == 0
                         ? " (broadcast tasks need a Python worker)"
                         : "");
}

static char *plain(const char *text)
{
    return (char *)(uintptr_t)text;
}

static int add(struct queue_table *t, const char *name, const char *exchange,
               const char *type, const char *routing_key, int64_t expires_ms,
               struct error *e)
{
    if (!name)
        return error_set(e, EINVAL, "it names no queue");
    int r = queue_check(&(struct queue){plain(name), plain(exchange), plain(type),
                                        plain(routing_key), expires_ms},
                        e);
    if (r < 0)
        return r;
    if (queue_find(t, name))
        return error_set(e, EINVAL, "queue '%.60s' stands there twice", name);
    if (t->n == QUEUES_MAX)
        return error_set(e, EINVAL, "more than %d queues", QUEUES_MAX);
    struct queue *all = realloc(t->all, (t->n + 1) * sizeof(*all));
    if (!all)
        return error_set(e, ENOMEM, "out of memory");
    t->all = all;
    struct queue q = {strdup(name), strdup(exchange), strdup(type), strdup(routing_key),
                      expires_ms};
    if (!q.name || !q.exchange || !q.exchange_type || !q.routing_key) {
        free_queue(&q);
        return error_set(e, ENOMEM, "out of memory");
    }
    t->all[t->n++] = q;
    return 0;
}

const struct queue *queue_find(const struct queue_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->all[i].name, name) == 0)
            return &t->all[i];
    return NULL;
}

/* ---- task_queues -------------------------------------------------------------- */

struct defaults {
    const char *exchange, *type, *routing_key;
};

static struct defaults defaults_of(const struct config *c)
{
    return (struct defaults){first(c->default_exchange, c->default_queue),
                             first(c->default_exchange_type, "direct"),
                             first(c->default_routing_key, c->default_queue)};
}

static const char *text_of(json_object *o, const char *key)
{
    json_object *v = json_object_object_get(o, key);
    return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

/* queue_arguments' "x-expires" in ms, or `expires` in seconds. */
static int64_t expires_of(json_object *o)
{
    json_object *args = json_object_object_get(o, "queue_arguments");
    json_object *ms = json_object_is_type(args, json_type_object)
                          ? json_object_object_get(args, "x-expires")
                          : NULL;
    double s = json_object_get_double(json_object_object_get(o, "expires"));
    int64_t v = ms ? json_object_get_int64(ms) : (int64_t)(s * 1000);
    return v > 0 ? v : 0;
}

/* {"exchange": "x" or {"name", "type"}, "exchange_type", "routing_key" or
 * "binding_key", "queue_arguments": {"x-expires"}, …}: kombu's Queue.as_dict. */
static int add_described(struct queue_table *t, const struct defaults *d,
                         const char *name, json_object *o, bool keyed_by_name,
                         struct error *e)
{
    json_object *ex = json_object_object_get(o, "exchange");
    bool nested = json_object_is_type(ex, json_type_object);
    const char *exchange = nested ? text_of(ex, "name") : text_of(o, "exchange");
    const char *type =
        first(text_of(o, "exchange_type"), nested ? text_of(ex, "type") : NULL);
    const char *key = first(text_of(o, "routing_key"), text_of(o, "binding_key"));
    if (text_of(o, "name"))
        name = text_of(o, "name");
    json_object *bindings = json_object_object_get(o, "bindings");
    if (json_object_is_type(bindings, json_type_array) &&
        json_object_array_length(bindings) > 0)
        return error_set(e, EINVAL,
                         "queue '%.60s': several bindings are not understood; name one "
                         "exchange and routing_key",
                         first(name, "?"));
    return add(t, name, first(exchange, d->exchange),
               exchange && exchange[0] ? first(type, "direct") : d->type,
               first(key, keyed_by_name ? first(name, "") : d->routing_key),
               expires_of(o), e);
}

static int add_list(struct queue_table *t, const struct defaults *d, json_object *list,
                    struct error *e)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        int r;
        if (json_object_is_type(item, json_type_string))
            r = add(t, json_object_get_string(item), d->exchange, d->type,
                    json_object_get_string(item), 0, e);
        else if (json_object_is_type(item, json_type_object))
            r = add_described(t, d, NULL, item, false, e);
        else
            r = error_set(e, EINVAL, "a queue must be a name or an object");
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_map(struct queue_table *t, const struct defaults *d, json_object *map,
                   struct error *e)
{
    const struct json_object_iterator end = json_object_iter_end(map);
    struct json_object_iterator it = json_object_iter_begin(map);
    int r = 0;
    for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        r = add_described(t, d, json_object_iter_peek_name(&it),
                          json_object_iter_peek_value(&it), true, e);
    return r;
}

static int add_defined(struct queue_table *t, const struct config *c, struct error *e)
{
    const struct defaults d = defaults_of(c);
    json_object *defined = c->task_queues ? json_tokener_parse(c->task_queues) : NULL;
    int r = json_object_is_type(defined, json_type_array) ? add_list(t, &d, defined, e)
            : json_object_is_type(defined, json_type_object)
                ? add_map(t, &d, defined, e)
                : 0;
    json_object_put(defined);
    if (r < 0)
        return error_wrap(e, "setting 'task_queues'");
    if (t->n > 0)
        return 0;
    r = add(t, c->default_queue, d.exchange, d.type, d.routing_key, 0, e);
    return r < 0 ? error_wrap(e, "setting 'task_default_queue'") : 0;
}

/* ---- -Q and -X ---------------------------------------------------------------- */

/* Moves the queue, which stands at or behind the taken ones, to their end. */
static void take(struct queue_table *t, size_t at)
{
    struct queue q = t->all[at];
    memmove(&t->all[t->taken + 1], &t->all[t->taken],
            (at - t->taken) * sizeof(*t->all));
    t->all[t->taken++] = q;
}

static int select_one(struct queue_table *t, const struct config *c, const char *name,
                      struct error *e)
{
    const struct queue *q = queue_find(t, name);
    if (!q && !c->create_missing_queues)
        return error_set(e, EINVAL,
                         "Trying to select queue subset of '%.100s', but queue '%.60s' "
                         "isn't defined in the `task_queues` setting. If you want to "
                         "automatically declare unknown queues you can enable the "
                         "`task_create_missing_queues` setting.",
                         c->select_queues, name);
    if (!q && add(t, name, name, first(c->create_missing_queue_exchange_type, "direct"),
                  name, 0, e) < 0)
        return error_wrap(e, "option '-Q'");
    size_t at = q ? (size_t)(q - t->all) : t->n - 1;
    if (at >= t->taken) /* else it was named twice */
        take(t, at);
    return 0;
}

/* f for each name of a comma separated list. */
static int each_name(const char *list, struct queue_table *t, const struct config *c,
                     int (*f)(struct queue_table *, const struct config *, const char *,
                              struct error *),
                     struct error *e)
{
    char *copy = strdup(list), *save = NULL;
    int r = copy ? 0 : error_set(e, ENOMEM, "out of memory");
    for (char *n = copy ? strtok_r(copy, ", ", &save) : NULL; n && r == 0;
         n = strtok_r(NULL, ", ", &save))
        r = f(t, c, n, e);
    free(copy);
    return r;
}

/* Celery takes no offence at a name that is not there. */
static int exclude_one(struct queue_table *t, const struct config *c, const char *name,
                       struct error *e)
{
    const struct queue *q = queue_find(t, name);
    size_t at = q ? (size_t)(q - t->all) : t->n;
    (void)c;
    (void)e;
    if (at >= t->taken)
        return 0;
    struct queue gone = t->all[at];
    t->taken--;
    memmove(&t->all[at], &t->all[at + 1], (t->taken - at) * sizeof(*t->all));
    t->all[t->taken] = gone;
    return 0;
}

int queue_table_read(struct queue_table *t, const struct config *c, struct error *e)
{
    *t = (struct queue_table){0};
    int r = add_defined(t, c, e);
    if (r == 0 && first(c->select_queues, NULL))
        r = each_name(c->select_queues, t, c, select_one, e);
    if (r == 0 && first(c->select_queues, NULL) && t->taken == 0)
        return error_set(e, EINVAL, "option '-Q' names no queue");
    if (r == 0 && !first(c->select_queues, NULL))
        t->taken = t->n;
    if (r == 0 && first(c->exclude_queues, NULL))
        r = each_name(c->exclude_queues, t, c, exclude_one, e);
    if (r == 0 && t->taken == 0)
        r = error_set(e, EINVAL, "no queue is left to take from: see -Q and -X");
    if (r == 0 && t->taken > CONFIG_QUEUES_MAX)
        r = error_set(e, EINVAL,
                      "more than %d queues to take from: select some with -Q",
                      CONFIG_QUEUES_MAX);
    return r;
}

void queue_table_finish(struct queue_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free_queue(&t->all[i]);
    free(t->all);
    *t = (struct queue_table){0};
}
