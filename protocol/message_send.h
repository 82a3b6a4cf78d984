/* SPDX-License-Identifier: Apache-2.0 */
/* message_send - the message that Celery's apply_async publishes, byte for byte.
 *
 * Headers, properties and envelope stand in the order in which Celery 5.7 and kombu
 * write them (celery.app.amqp.AMQP.as_task_v2, kombu's virtual transport). A caller's
 * own headers follow, or take the place of a header of the same name; of properties
 * only `correlation_id` can be another. */
#ifndef PROTOCOL_MESSAGE_SEND_H
#define PROTOCOL_MESSAGE_SEND_H

#include "buf.h"
#include "value.h"

enum message_ignore { MESSAGE_IGNORE_NULL, MESSAGE_IGNORE_FALSE, MESSAGE_IGNORE_TRUE };

struct message_send {
    struct str task, id;
    struct str shadow, group, root_id, parent_id; /* .p NULL: null */
    struct str argsrepr, kwargsrepr, origin, reply_to;
    struct str eta, expires; /* ISO 8601; .p NULL: null */
    int64_t expiration_ms;   /* of the property `expiration`, if has_expiration */
    bool has_expiration;
    int64_t group_index; /* -1: null */
    int64_t retries, priority, delivery_mode;
    int64_t nesting;                          /* replaced_task_nesting */
    const ptl_value *hard_limit, *soft_limit; /* numbers; NULL: null */
    enum message_ignore ignore_result;
    const ptl_value *stamped_headers; /* a list of names, or NULL */
    const ptl_value *stamps;          /* a map of them, or NULL */
    const ptl_value *headers;         /* the caller's own, a map or NULL */
    const ptl_value *properties;      /* likewise */
    struct str body; /* encoded, and compressed if `compression` says so */
    struct str content_type, content_encoding;
    struct str compression; /* its MIME type; .n 0: none */
    struct str exchange, routing_key, delivery_tag;
};

/* w is bad if there is no room. */
void message_write(struct wr *w, const struct message_send *m);
/* One of the headers that Celery itself gives every message of version 2. */
bool message_header_is_celerys(struct str key);
/* The body as JSON: [args, kwargs, {"callbacks": null, …}]. NULL is () or {}; `embed`
 * NULL writes the four nulls. */
void message_write_body(struct wr *w, const ptl_value *args, const ptl_value *kwargs,
                        const ptl_value *embed);

#endif
