/* SPDX-License-Identifier: Apache-2.0 */
/* message_content - what message_body needs to have a body decoded. */
#ifndef PROTOCOL_MESSAGE_CONTENT_H
#define PROTOCOL_MESSAGE_CONTENT_H

#include "message.h"

struct content {
    struct arena *arena;
    const struct content_rules *rules;
    const char **why; /* receives the line that goes with a fault */
};

enum message_fault content_read(struct content *c, const struct envelope *e,
                                struct str compression, const ptl_value **root);

enum message_fault content_fault(struct content *c, enum message_fault code,
                                 const char *fmt, ...) PTL_PRINTF(3, 4);
enum message_fault content_too_large(struct content *c);

#endif
