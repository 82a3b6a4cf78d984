/* SPDX-License-Identifier: Apache-2.0 */
/* amqp_envelope - a message of AMQP in the form in which the worker keeps messages,
 * that of kombu's other transports, and back.
 *
 *     delivery ──amqp_envelope_write──▶ text ──▶ request, child, dead letter, retry
 *     publish  ◀──amqp_envelope_read─── text ◀── follow-ups, ptl_send
 *
 * So nothing behind the broker knows which broker it was. The body is only turned into
 * base64 and back. */
#ifndef PETIOLE_AMQP_ENVELOPE_H
#define PETIOLE_AMQP_ENVELOPE_H

#include "amqp.h"

#include "../../protocol/envelope.h"

/* Appends the text. False without memory, or for headers nested too deeply. */
bool amqp_envelope_write(struct wr *out, struct arena *a,
                         const struct amqp_delivery *d);

struct amqp_message {
    amqp_basic_properties_t properties;
    struct str body;
};

/* What is to be published: texts are borrowed from `text` or the arena. On failure *why
 * is a static sentence. */
bool amqp_envelope_read(struct arena *a, struct str text, struct amqp_message *m,
                        const char **why);

#endif
