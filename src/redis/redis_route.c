/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_route.h"

#include "../queue.h"

#include <ctype.h>
#include <stdio.h>

bool redis_route_of(const struct redis_keys *k, const struct broker_address *to,
                    struct redis_route *out)
{
    unsigned step = redis_keys_step(k, to->priority);
    if (to->exchange.n > QUEUE_NAME_MAX || to->routing_key.n > QUEUE_NAME_MAX ||
        to->exchange.n + to->routing_key.n == 0)
        return false;
    *out = (struct redis_route){.bound = to->exchange.n > 0,
                                .routing_key = to->routing_key};
    redis_keys_suffix(k, step, out->suffix);
    if (out->bound)
        redis_keys_join(out->key, k->binding, to->exchange);
    else
        redis_keys_list(k, to->routing_key, step, out->key);
    return true;
}

void redis_route_args(struct redis *r, const struct redis_keys *k,
                      const struct redis_route *route, const char *deadletter_queue)
{
    redis_arg_text(r, route->bound ? "1" : "");
    redis_arg_text(r, k->prefix);
    redis_arg_text(r, k->sep);
    redis_arg(r, route->routing_key);
    redis_arg_text(r, route->suffix);
    redis_arg_text(r, deadletter_queue ? deadletter_queue : "");
}

static bool leads_to(const struct redis_keys *k, const struct redis_route *route,
                     const struct queue *q)
{
    char binding[REDIS_KEY_BYTES];
    if (!route->bound)
        return str_is(route->routing_key, q->name);
    redis_keys_join(binding, k->binding, str_of(q->exchange));
    return strcmp(binding, route->key) == 0 &&
           str_is(route->routing_key, q->routing_key);
}

void redis_route_expire(struct redis *r, const struct redis_keys *k,
                        const struct queue_table *queues,
                        const struct redis_route *route)
{
    char list[REDIS_KEY_BYTES];
    for (size_t i = 0; i < queues->n; i++) {
        const struct queue *q = &queues->all[i];
        if (q->expires_ms == 0 || !leads_to(k, route, q))
            continue;
        for (size_t s = 0; s < k->nsteps; s++) {
            redis_keys_list(k, str_of(q->name), k->steps[s], list);
            redis_begin(r, 3, NULL, NULL);
            redis_arg_text(r, "PEXPIRE");
            redis_arg_text(r, list);
            redis_arg_int(r, q->expires_ms);
        }
    }
}

static void put(char *out, size_t room, size_t *n, const char *text)
{
    for (; *text; text++, ++*n)
        if (*n < room)
            out[*n] = *text;
}

/* A word that is `*` or `#` alone stands for any; inside a word they are what they
 * are to a regular expression. Letters beyond ASCII are left as kombu leaves them. */
size_t redis_route_pattern(struct str binding_key, char *out, size_t room)
{
    size_t n = 0;
    put(out, room, &n, "^");
    for (size_t i = 0; i < binding_key.n; i++) {
        char c = binding_key.p[i], one[3] = {'\\', c, 0};
        bool alone = (i == 0 || binding_key.p[i - 1] == '.') &&
                     (i + 1 == binding_key.n || binding_key.p[i + 1] == '.');
        bool plain = isalnum((unsigned char)c) || (c & 0x80) || c == '*' || c == '#';
        if (alone && c == '*')
            put(out, room, &n, "[^\\.]+");
        else if (alone && c == '#')
            put(out, room, &n, ".*?");
        else
            put(out, room, &n, plain ? one + 1 : one);
    }
    put(out, room, &n, "$");
    if (n < room)
        out[n] = '\0';
    return n < room ? n : 0;
}
