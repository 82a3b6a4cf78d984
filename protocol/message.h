/* SPDX-License-Identifier: Apache-2.0 */
/* message - a Celery task message, of protocol version 2, 1, or both.
 *
 * The version is decided as Celery decides it: a header `task` means version 2, else a
 * body that is a mapping with `task` means version 1. A hybrid has the header and such
 * a body; its headers win. The headers are read by the worker's parent, the body only
 * by a child: it turns a version 1 message into a hybrid whose headers say everything
 * (message_complete_headers), and the parent goes on with that. */
#ifndef PROTOCOL_MESSAGE_H
#define PROTOCOL_MESSAGE_H

#include "envelope.h"
#include "serializer.h"

#include <stdint.h>

/* Why a message is no task; the worker's log text and settlement follow from it. */
enum message_fault {
    MESSAGE_OK,
    MESSAGE_NOT_A_TASK,   /* no `task`: "Received and deleted unknown message" */
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

/* Reads the headers. `why` receives one line in the arena on a fault. Without a header
 * `task` the fault is MESSAGE_NOT_A_TASK, and only headers and compression are filled:
 * the body may still make it one. */
enum message_fault message_read(struct arena *a, const struct envelope *e,
                                struct message *m, const char **why);

/* The decoded body: [args, kwargs, embed]. */
struct message_body {
    const ptl_value *args;   /* a list */
    const ptl_value *kwargs; /* a map */
    const ptl_value *embed;  /* a map or NULL */
    /* What a version 1 or hybrid message has in its place; else NULL. */
    const ptl_value *mapping;
};

struct content_rules {
    const char *const *accept; /* names or content types, NULL at the end */
    size_t max_bytes;          /* of the body, unpacked */
    const struct serializer_source *source; /* of yaml and auth; NULL: neither */
};

/* Undoes base64 and compression, checks the content type against the rules and decodes.
 * `m` is what message_read filled, with its `task` if it has one. */
enum message_fault message_read_body(struct arena *a, const struct envelope *e,
                                     const struct message *m,
                                     const struct content_rules *rules,
                                     struct message_body *b, const char **why);

/* The headers with what only a version 1 or hybrid body says, and with argsrepr and
 * kwargsrepr if nobody wrote them; NULL if nothing is missing. False without memory. */
bool message_complete_headers(struct arena *a, const struct envelope *e,
                              const struct message_body *b, const ptl_value **headers);

/* True if the message asks for callbacks, errbacks, a chain or a chord. */
bool message_has_workflow(const struct message_body *b);
/* Whether it might, by a look at the last bytes of its body: false only if those are
 * what Celery writes for a task that asks for nothing. The arena is for these bytes. */
bool message_may_have_workflow(struct arena *a, const struct envelope *e);

/* The retry that Celery's Task.retry would publish: same id, retries + 1, `eta`, own
 * id as parent, everything else kept, a new delivery tag. What a restore or a dead
 * letter exchange added stays behind. w is bad if there is no memory. */
struct message_retry {
    int64_t eta_us; /* 0: at once */
    const char *delivery_tag;
    const char *origin; /* property `origin`, as a Python worker leaks it; or NULL */
    int64_t now_us;     /* for property `expiration`; 0 leaves it as it is */
    /* If it is of version 1, or a hybrid, it is written anew as version 2, in JSON.
     * Else, and if NULL, the body goes on as it came: compressed, signed. */
    const struct message_body *body;
    bool new_body;      /* other arguments: `body` is written anew in any case */
    bool ignore_result; /* the task's own, where the message leaves it open */
    /* What takes the place of the headers and properties of these names; or NULL. */
    const ptl_value *headers, *properties;
};
void message_write_retry(struct wr *w, struct arena *a, const struct envelope *e,
                         const struct message *m, const struct message_retry *r);

#endif
