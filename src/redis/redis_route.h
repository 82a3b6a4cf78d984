/* SPDX-License-Identifier: Apache-2.0 */
/* redis_route - to which lists a message goes, as kombu's virtual exchanges have it.
 *
 * Without an exchange the routing key names the queue. With one, a script looks at the
 * exchange's binding set in the same step in which it pushes: a member with a pattern
 * is of a topic exchange (`*` one word, `#` anything), one without must equal the key.
 * The list is the queue's at the message's priority step. */
#ifndef PETIOLE_REDIS_ROUTE_H
#define PETIOLE_REDIS_ROUTE_H

#include "../broker.h"
#include "redis.h"
#include "redis_keys.h"

struct redis_route {
    char key[REDIS_KEY_BYTES]; /* the list itself, or the exchange's binding set */
    bool bound;                /* the latter */
    char suffix[32];           /* of each list that the bindings name */
    struct str routing_key;    /* borrowed */
};

/* False if the names are too long to be any queue's. */
bool redis_route_of(const struct redis_keys *k, const struct broker_address *to,
                    struct redis_route *out);

/* What LUA_ROUTE's route() takes behind the key: six arguments. */
#define REDIS_ROUTE_ARGS 6
void redis_route_args(struct redis *r, const struct redis_keys *k,
                      const struct redis_route *route, const char *deadletter_queue);

/* After publishing: the lists of a queue with x-expires live that long again. */
struct queue_table;
void redis_route_expire(struct redis *r, const struct redis_keys *k,
                        const struct queue_table *queues,
                        const struct redis_route *route);

/* A binding key as the regular expression that kombu keeps of a topic exchange.
 * Returns its length, or 0 if it does not fit. */
size_t redis_route_pattern(struct str binding_key, char *out, size_t room);

/* Lua: route(key, i) returns the lists for the six arguments from ARGV[i] on. None are
 * bound: the queue of broker_transport_options.deadletter_queue if there is one, else
 * an empty table. An exchange without any binding set is taken for one that was lost
 * with its server's memory: the routing key then names the queue, as it does by
 * default. */
#define LUA_ROUTE                                                                      \
    "local function topic(binding, key)\n"                                             \
    "  local words = {}\n"                                                             \
    "  for word in (binding .. '.'):gmatch('([^.]*)%.') do\n"                          \
    "    words[#words + 1] = word == '*' and '[^.]+' or word == '#' and '.*'\n"        \
    "                        or word:gsub('%W', '%%%0')\n"                             \
    "  end\n"                                                                          \
    "  return key:find('^' .. table.concat(words, '%.') .. '$') ~= nil\n"              \
    "end\n"                                                                            \
    "local function route(key, i)\n"                                                   \
    "  local bound, prefix, sep, rk, suffix, dead = unpack(ARGV, i, i + 5)\n"          \
    "  if bound == '' then return {key} end\n"                                         \
    "  local members, lists = redis.call('SMEMBERS', key), {}\n"                       \
    "  if #members == 0 then return {prefix .. rk .. suffix} end\n"                    \
    "  for _, member in ipairs(members) do\n"                                          \
    "    local a, b = member:find(sep, 1, true)\n"                                     \
    "    local c, d = member:find(sep, (b or 0) + 1, true)\n"                          \
    "    if c then\n"                                                                  \
    "      local binding, queue = member:sub(1, a - 1), member:sub(d + 1)\n"           \
    "      local is_topic = c > b + 1\n"                                               \
    "      if queue ~= '' and (is_topic and topic(binding, rk) or\n"                   \
    "                          not is_topic and binding == rk) then\n"                 \
    "        lists[#lists + 1] = prefix .. queue .. suffix\n"                          \
    "      end\n"                                                                      \
    "    end\n"                                                                        \
    "  end\n"                                                                          \
    "  if #lists == 0 and dead ~= '' then lists[1] = prefix .. dead .. suffix end\n"   \
    "  return lists\n"                                                                 \
    "end\n"

#endif
