/* SPDX-License-Identifier: Apache-2.0 */
/* envelope - a message as kombu's Redis transport stores it in a list.
 *
 *     {"body": "<base64>", "content-encoding": "utf-8",
 *      "content-type": "application/json", "headers": {…},
 *      "properties": {"correlation_id", "reply_to", "delivery_mode", "priority",
 *                     "delivery_info": {"exchange", "routing_key", "redelivered"?},
 *                     "body_encoding": "base64", "delivery_tag"}}
 *
 * A Python consumer dies of a message without `properties`, `delivery_info` or
 * `delivery_tag`; this one reads them as empty. The body is never decoded here: the
 * worker's parent must do no work that grows with it. */
#ifndef PROTOCOL_ENVELOPE_H
#define PROTOCOL_ENVELOPE_H

#include "buf.h"
#include "value.h"

struct envelope {
    struct str body; /* still base64, if body_base64 says so; borrowed from the text */
    bool body_base64;
    struct str content_type, content_encoding;
    const ptl_value *headers;    /* a map, never NULL */
    const ptl_value *properties; /* a map, never NULL */
    const ptl_value *root;       /* the whole object */
    struct str exchange, routing_key, delivery_tag, correlation_id, reply_to;
    int64_t priority; /* 0 when absent */
    bool redelivered;
};

/* On failure *why is a static sentence: "not JSON", "not an object", "no body", …
 * The text must outlive the envelope. */
bool envelope_read(struct arena *a, struct str text, struct envelope *e,
                   const char **why);

/* The body as bytes: base64 undone when body_base64 is set. .p is NULL if it is not
 * base64 (arena.failed tells memory from bad text). */
struct str envelope_body(struct arena *a, const struct envelope *e);

/* The text with headers.redelivered and properties.delivery_info.redelivered set
 * true, every other byte's meaning kept: what kombu writes when it restores. */
bool envelope_mark_redelivered(struct arena *a, struct str text, struct wr *out);

/* The same, with the header that counts how often the message has cost a worker's
 * child its life. Python workers pass it by. */
#define ENVELOPE_LOST_HEADER "x-petiole-lost"
/* And the one that says that it is to run again although its state is stored and final:
 * its time limit ended it, and it is not acknowledged for that. */
#define ENVELOPE_RERUN_HEADER "x-petiole-rerun"
bool envelope_mark_lost(struct arena *a, struct str text, int64_t lost, bool rerun,
                        struct wr *out);

/* The text with these headers, every other byte's meaning kept. */
bool envelope_write_headers(struct wr *w, struct arena *a, const struct envelope *e,
                            const ptl_value *headers);

/* A new envelope around a body that is base64 text already. */
void envelope_write(struct wr *w, struct str body_base64, const ptl_value *headers,
                    const ptl_value *properties, struct str content_type,
                    struct str content_encoding);

#endif
