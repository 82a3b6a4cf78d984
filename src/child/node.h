/* SPDX-License-Identifier: Apache-2.0 */
/* node - what is the same for all tasks of a process: what HELLO said. */
#ifndef PETIOLE_NODE_H
#define PETIOLE_NODE_H

#include "../frame.h"
#include "setting.h"

struct node {
    const char *hostname; /* "celery@host" */
    const char *origin;   /* "gen123@host" */
    struct str started;   /* {"pid": 1, "hostname": "…"} */
    struct settings settings;
    const char *const *accept;  /* content types, NULL at the end */
    const char *const *plugins; /* paths, NULL at the end */
    uint32_t pid;
    uint32_t log_level;
    uint64_t message_max_bytes;
    bool result_extended;
    bool track_started;
};

/* Copies what it keeps into the arena. NULL, or a static sentence saying why not. */
const char *node_init(struct node *n, struct arena *a, const struct frame_hello *f);
void node_finish(struct node *n);

#endif
