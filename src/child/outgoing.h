/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing - a call on its way to be a message: what Celery's send_task does.
 *
 *     struct canvas_call ──▶ outgoing_fill (what) ──▶ outgoing_route (where)
 *                        ──▶ outgoing_pack (the body) ──▶ message_write ──▶ the sink
 *
 * Its options are those of apply_async, as a signature carries them. An option that is
 * null counts as one that is not given, except that it hides what the row of a task of
 * this worker would say. One that nobody knows becomes a property of the message. */
#ifndef PETIOLE_OUTGOING_H
#define PETIOLE_OUTGOING_H

#include "../../protocol/timestamp.h"
#include "../../protocol/uuid.h"
#include "task.h"

struct outgoing {
    struct ptl_task *t;
    const struct canvas_call *call;
    const struct module_row
        *row; /* of the task that is sent, or NULL: not one of ours */
    int64_t now_us;
    struct destination to;
    struct message_send m;
    char id[UUID_TEXT], tag[UUID_TEXT], eta[TIMESTAMP_TEXT], expires[TIMESTAMP_TEXT];
    ptl_value limits[2]; /* the row's */
    struct wr body, argsrepr, kwargsrepr, text;
};

/* Each: false with a failure flagged. */
bool outgoing_fill(struct outgoing *o);
bool outgoing_route(struct outgoing *o);
bool outgoing_pack(struct outgoing *o);

/* Readers of options; NULL and empty if it is not given, or null. */
const ptl_value *outgoing_option(const struct outgoing *o, const char *name);
struct str outgoing_text(const struct outgoing *o, const char *name);
/* Given, be it null. */
bool outgoing_has(const struct outgoing *o, const char *name);

#endif
