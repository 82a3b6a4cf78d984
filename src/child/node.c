/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include "../../protocol/json.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* A list of names, each ended by NUL, as pointers with a NULL behind them. */
static const char *const *split(struct arena *a, struct str names)
{
    struct str copy = arena_copy(a, names);
    const char **list = arena_zalloc(a, (names.n + 1) * sizeof(*list));
    size_t n = 0;

    if (!copy.p || !list)
        return NULL;
    for (const char *p = copy.p; p < copy.p + copy.n; p += strlen(p) + 1)
        list[n++] = p;
    return list;
}

static const char *make_origin(struct arena *a)
{
    char host[HOST_NAME_MAX + 1] = "localhost", origin[HOST_NAME_MAX + 32];

    gethostname(host, sizeof(host) - 1);
    snprintf(origin, sizeof(origin), "gen%d@%s", (int)getpid(), host);
    return arena_strdup(a, origin);
}

/* What STARTED stores as its result. */
static struct str make_started(struct arena *a, const struct node *n)
{
    struct str copy;
    struct wr w;

    wr_init(&w, (size_t)1 << 20);
    wr_printf(&w, "{\"pid\": %u, \"hostname\": ", n->pid);
    json_write_str(&w, str_of(n->hostname));
    wr_text(&w, "}");
    copy = w.bad ? (struct str){NULL, 0} : arena_copy(a, wr_str(&w));
    wr_finish(&w);
    return copy;
}

const char *node_init(struct node *n, struct arena *a, const struct frame_hello *f)
{
    *n = (struct node){
        .hostname = arena_copy(a, f->hostname).p,
        .origin = make_origin(a),
        .accept = split(a, f->accept_content),
        .plugins = split(a, f->plugins),
        .pid = (uint32_t)getpid(),
        .log_level = f->log_level,
        .message_max_bytes = f->message_max_bytes,
        .result_extended = f->result_extended,
        .track_started = f->track_started,
    };
    if (n->hostname)
        n->started = make_started(a, n);
    if (a->failed || !n->started.p)
        return "no memory to start with";
    return settings_init(&n->settings, f->settings);
}

void node_finish(struct node *n)
{
    settings_finish(&n->settings);
}
