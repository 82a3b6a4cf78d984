/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include "../../protocol/json.h"
#include "../../protocol/pack.h"
#include "../../protocol/uuid.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
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

/* Celery's thread_oid; nobody takes it apart. */
static const char *make_reply_to(struct arena *a)
{
    char text[UUID_TEXT];
    uint8_t random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* the kernel promises so few bytes */
    uuid_format(text, random);
    return arena_strdup(a, text);
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

static bool accepts(const struct node *n, const char *name)
{
    return serializer_accepts(n->accept, serializer_content_type(str_of(name)));
}

static const char *trust(struct node *n, struct arena *a, struct str security)
{
    struct security s;
    char why[SERIALIZERS_WHY_MAX];

    if (!security_read(a, security, &s))
        return "no memory to start with";
    return serializers_trust(n->serializers, &s, why) ? NULL : arena_strdup(a, why);
}

/* As kombu, which stops at a name that no serializer has. A MIME type may be any. */
static const char *check_names(const struct node *n, struct arena *a)
{
    char why[200];

    for (const char *const *name = n->accept; *name; name++) {
        if (strchr(*name, '/') ||
            !str_is(serializer_content_type(str_of(*name)), *name))
            continue;
        snprintf(why, sizeof(why),
                 "accept_content has '%.60s', which is no serializer: json, msgpack, "
                 "yaml and auth are",
                 *name);
        return arena_strdup(a, why);
    }
    return NULL;
}

/* What would be refused message by message is better said at the start. */
static const char *start_serializers(struct node *n, struct arena *a,
                                     const struct frame_hello *f)
{
    const char *why;

    n->serializers = arena_zalloc(a, sizeof(*n->serializers));
    n->results.serializer = arena_copy(a, f->result_serializer).p;
    n->results.compression = arena_copy(a, f->result_compression).p;
    if (!n->serializers || !n->results.serializer || !n->results.compression ||
        !n->accept)
        return "no memory to start with";
    serializers_init(n->serializers);
    if ((why = check_names(n, a)))
        return why;
    if (*n->results.compression && !pack_content_type(str_of(n->results.compression)))
        return "result_compression is none of those that this build of petiole writes: "
               "zlib, bzip2, xz, zstd";
    if ((accepts(n, "yaml") || strcmp(n->results.serializer, "yaml") == 0) &&
        !serializers_have("yaml"))
        return "accept_content or result_serializer has yaml, which this build of "
               "petiole does not have: install libyaml's development files, and build "
               "it again";
    if (f->security.n)
        return trust(n, a, f->security);
    if (accepts(n, "auth"))
        return "accept_content has auth, but security_cert_store is not set: name the "
               "certificates of those who may sign";
    return NULL;
}

const char *node_init(struct node *n, struct arena *a, const struct frame_hello *f)
{
    *n = (struct node){
        .hostname = arena_copy(a, f->hostname).p,
        .origin = make_origin(a),
        .reply_to = make_reply_to(a),
        .accept = split(a, f->accept_content),
        .plugins = split(a, f->plugins),
        .pid = (uint32_t)getpid(),
        .log_level = f->log_level,
        .message_max_bytes = f->message_max_bytes,
        .result_extended = f->result_extended,
        .attributes = f->attributes,
        .measures_memory = f->measures_memory,
    };
    const char *why;

    if ((why = start_serializers(n, a, f)))
        return why;
    if (n->hostname)
        n->started = make_started(a, n);
    if (a->failed || !n->started.p)
        return "no memory to start with";
    if ((why = routes_init(&n->routes, a, f->publishing)))
        return why;
    return settings_init(&n->settings, f->settings);
}

void node_finish(struct node *n)
{
    settings_finish(&n->settings);
    if (n->serializers)
        serializers_finish(n->serializers);
}
