/* SPDX-License-Identifier: Apache-2.0 */
/* bus_message - what stands on a channel: kombu's envelope around a JSON text. */
#ifndef PETIOLE_BUS_MESSAGE_H
#define PETIOLE_BUS_MESSAGE_H

#include "bus.h"

#include "../../protocol/buf.h"

enum bus_body { BUS_OBJECT, BUS_OBJECTS /* or one */ };

/* Takes a message apart. False with a static sentence in *why. The text must outlive
 * what is read. */
bool bus_message_read(struct arena *a, struct str text, enum bus_body expected,
                      struct bus_message *m, const char **why);

/* One to be written; each key has its place, as Python writes it. */
struct bus_envelope {
    struct str body, headers; /* JSON texts */
    int delivery_mode;
    struct str exchange, routing_key;
    const char *tag;
};

/* w is bad if there is no room. */
void bus_message_write(struct wr *w, const struct bus_envelope *e);

#endif
