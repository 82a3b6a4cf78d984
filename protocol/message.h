/* SPDX-License-Identifier: Apache-2.0 */
/* message - a Celery task message, protocol version 2.
 *
 * The version is decided as Celery decides it: a header `task` means version 2. The
 * headers are read by the worker's parent, the body only by the child that runs it. */
#ifndef PROTOCOL_MESSAGE_H
#define PROTOCOL_MESSAGE_H

#include "envelope.h"

#include <stdint.h>

/* Why a message is no task; the worker's log text and settlement follow from it. */
enum message_fault {
    MESSAGE_OK,
    MESSAGE_NOT_A_TASK,   /* no `task` header: "Received and deleted unknown message" */
    MESSAGE_NO_ID,        /* a Python worker dies of these two … */
    MESSAGE_BAD_FIELD,    /* … `why` names the header and what it should be */
    MESSAGE_BAD_CONTENT,  /* content type refused; `why` is Celery's sentence */
    MESSAGE_UNDECODABLE,  /* body is no base64, JSON, or its compression is broken */
    MESSAGE_OUT_OF_MEMORY /* larger than the arena may grow */
};

struct message {
    struct str task, id, root_id, parent_id, group, shadow, origin;
    struct str name; /* what logs show: shadow, else task */
    struct str argsrepr, kwargsrepr;
    struct str compression; /* MIME type, empty if none */
    bool has_eta, has_expires, has_hard_limit, has_soft_limit;
    int64_t eta_us, expires_us;
    double hard_limit_s, soft_limit_s; /* header `timelimit`: [hard, soft] */
    int64_t retries;
    bool ignore_result, has_ignore_result;
    int64_t group_index; /* -1 when absent */
    const ptl_value *headers;
};

/* Reads the headers. `why` receives one line in the arena on a fault. */
enum message_fault message_read(struct arena *a, const struct envelope *e,
                                struct message *m, const char **why);

/* The decoded body: [args, kwargs, embed]. */
struct message_body {
    const ptl_value *args;   /* a list */
    const ptl_value *kwargs; /* a map */
    const ptl_value *embed;  /* a map or NULL */
};

/* Undoes base64 and compression, checks the content type against `accept` (names or
 * MIME types, NULL-terminated; {"json", NULL} is Celery's default) and decodes. At
 * most max_bytes are unpacked. */
enum message_fault message_read_body(struct arena *a, const struct envelope *e,
                                     const struct message *m, const char *const *accept,
                                     size_t max_bytes, struct message_body *b,
                                     const char **why);

/* True if the message asks for callbacks, errbacks, a chain or a chord. */
bool message_has_workflow(const struct message_body *b);

/* The retry that Celery's Task.retry would publish: same id, retries + 1, `eta`, own
 * id as parent, everything else kept, a new delivery tag. What a restore or a dead
 * letter exchange added stays behind. w is bad if there is no memory. */
struct message_retry {
    int64_t eta_us;
    const char *delivery_tag;
    const char *origin; /* property `origin`, as a Python worker leaks it; or NULL */
    int64_t now_us;     /* for property `expiration`; 0 leaves it as it is */
};
void message_write_retry(struct wr *w, struct arena *a, const struct envelope *e,
                         const struct message *m, const struct message_retry *r);

#endif
