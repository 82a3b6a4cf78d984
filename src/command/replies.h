/* SPDX-License-Identifier: Apache-2.0 */
/* replies - what nodes replied to one request: printed as it comes, or kept and printed
 * as JSON at the end; and who replied. */
#ifndef PETIOLE_REPLIES_H
#define PETIOLE_REPLIES_H

#include "../bus/bus.h"
#include "reply.h"

struct replies {
    const char *command; /* "petiole inspect": stands before errors */
    bool json;
    bool by_node; /* json: an object, one member for each node; else a list */
    bool counts;  /* the number of nodes comes last */
    struct reply_style style;
    struct arena *arena;
    /* replies_begin's own. */
    ptl_value *kept;  /* json: what is to be printed */
    ptl_value *nodes; /* who replied, each once */
    bool failed;      /* something is missing */
};

void replies_begin(struct replies *r);
/* A bus_replied_fn; ctx is the struct replies. */
void replies_take(void *ctx, const struct bus_message *m);
/* Prints what comes last. Returns the exit code: EXIT_NO_REPLY if nobody replied. */
int replies_conclude(struct replies *r);

#endif
