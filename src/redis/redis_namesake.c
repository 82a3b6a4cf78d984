/* SPDX-License-Identifier: Apache-2.0 */
/* Two workers of one node name: each answers for the other, as Celery warns. What they
 * hold is not confused, since their leases go by an id made at each start. */
#include "redis_broker.h"

#include <json-c/json.h>

static void on_alive(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != 1)
        return;
    log_line(LOG_WARNING,
             "A node with the same name is already using this broker: %s. Maybe you "
             "forgot to shutdown the other node or did not do so properly? Or if you "
             "meant to start multiple nodes on the same host please make sure you give "
             "each node a unique node name!",
             b->config->hostname);
}

static bool has_our_name(const struct redis_broker *b, const char *text)
{
    json_object *node = json_tokener_parse(text), *name = NULL;
    bool same = json_object_object_get_ex(node, "hostname", &name) &&
                json_object_is_type(name, json_type_string) &&
                strcmp(json_object_get_string(name), b->config->hostname) == 0;
    json_object_put(node);
    return same;
}

/* Is it alive, or only not yet restored? */
static void ask_alive(struct redis_broker *b, const char *id)
{
    char key[REDIS_KEY_BYTES];
    redis_keys_join(key, b->keys.node, str_of(id));
    redis_words(&b->redis, on_alive, b, "EXISTS", key, NULL);
}

static void on_nodes(void *ctx, const redisReply *reply)
{
    struct redis_broker *b = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return; /* asked again once there is a connection */
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *id = reply->element[i], *node = reply->element[i + 1];
        if (id->type != REDIS_REPLY_STRING || node->type != REDIS_REPLY_STRING)
            continue;
        if (strcmp(id->str, b->id) != 0 && has_our_name(b, node->str))
            ask_alive(b, id->str);
    }
}

void redis_namesake_look(struct redis_broker *b)
{
    redis_words(&b->redis, on_nodes, b, "HGETALL", b->keys.nodes, NULL);
}
