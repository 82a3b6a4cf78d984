/* SPDX-License-Identifier: Apache-2.0 */
/* node - what is the same for all tasks of a process: what HELLO said. */
#ifndef PETIOLE_NODE_H
#define PETIOLE_NODE_H

#include "../pool/frame.h"
#include "../serializers.h"
#include "route.h"
#include "setting.h"

struct node {
    const char *hostname; /* "celery@host" */
    const char *origin;   /* "gen123@host" */
    const char *reply_to; /* what rpc:// clients would answer to: a UUID */
    struct str started;   /* {"pid": 1, "hostname": "…"} */
    struct settings settings;
    struct routes routes;
    const char *const *accept;  /* content types, NULL at the end */
    const char *const *plugins; /* paths, NULL at the end */
    struct serializers_result results;
    struct serializers *serializers; /* loads what it is asked for */
    uint32_t pid;
    uint32_t log_level;
    uint64_t message_max_bytes;
    bool result_extended;
    bool measures_memory;         /* after each task */
    struct attributes attributes; /* of a task whose row says nothing */
};

/* Copies what it keeps into the arena. NULL, or a static sentence saying why not. */
const char *node_init(struct node *n, struct arena *a, const struct frame_hello *f);
void node_finish(struct node *n);

#endif
