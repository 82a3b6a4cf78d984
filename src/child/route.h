/* SPDX-License-Identifier: Apache-2.0 */
/* route - where a task that is sent goes: task_routes, and the defaults behind it.
 *
 * As Celery's Router. A router of task_routes is a map from task names to destinations,
 * or a list of such pairs. A name counts before a pattern, a pattern in its order; one
 * with `*` is a glob (Python's fnmatch), one that begins with `re:` a regular
 * expression that matches from the name's start. A destination is a queue's name or a
 * map of queue, exchange, routing_key, priority, delivery_mode, serializer and
 * compression. The first router that knows the name decides; what the sender says for
 * itself wins over it.
 *
 * Patterns are compiled once, at start. libpcre2 is loaded only if there is one that
 * needs it. */
#ifndef PETIOLE_ROUTE_H
#define PETIOLE_ROUTE_H

#include "../../protocol/arena.h"
#include "../../protocol/value.h"

#include <stdint.h>

/* What a sender, a row or a route may say; empty or `none`: nothing. */
#define ROUTE_NONE INT64_MIN
struct destination {
    struct str queue, exchange, routing_key;
    struct str serializer, compression;
    int64_t priority, delivery_mode;
};
extern const struct destination destination_none;
/* Fills what `d` leaves open with what `weaker` says. */
void destination_merge(struct destination *d, const struct destination *weaker);

struct pattern;

struct route {
    const char *name;        /* a task's, or NULL if it is a pattern */
    struct pattern *pattern; /* a glob or a regular expression */
    struct destination to;
};

struct router {
    struct route *routes;
    size_t n;
};

/* What HELLO says of publishing, read once; it lives in the process' arena. */
struct routes {
    struct router *routers;
    size_t n;
    const char *default_queue;
    struct destination defaults; /* serializer, compression, delivery mode */
    int64_t task_priority;       /* task_default_priority, for tasks of this worker */
    bool inherit_priority;       /* task_inherit_parent_priority */
    bool ignore_result, store_errors;
    const ptl_value *queues; /* task_queues by name: {exchange, type, routing_key} */
    bool create_missing;
    bool link_error_on_header; /* task_allow_error_cb_on_chord_header */
    double chord_retry_interval_s;
};

/* `text` is an object of settings by their names. NULL, or one line saying why not. */
const char *routes_init(struct routes *r, struct arena *a, struct str text);
/* The destination of the first router that knows the task, or NULL. */
const struct destination *routes_find(const struct routes *r, const char *task);

#endif
