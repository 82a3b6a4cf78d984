/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_scripts.h"

#include "redis_dead.h"
#include "redis_route.h"

/* The usual case copies nothing: what LRANGE returned is what the worker gets. Tags are
 * counted from the oldest, so that ties in the index restore in their order. */
static const char fetch[] = LUA_DEAD
    "local want, prefix, counter = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])\n"
    "local largest, room, slice = tonumber(ARGV[4]), tonumber(ARGV[5]), "
    "tonumber(ARGV[6])\n"
    "local call, byte, now, out = redis.call, string.byte, nil, {}\n"
    "local function fault(item)\n"
    "  if #item > largest then return 'larger than message_max_bytes' end\n"
    "  if byte(item, 1) ~= 123 or byte(item, -1) ~= 125 then\n"
    "    return 'not a JSON object'\n"
    "  end\n"
    "end\n"
    "local function bury(place, tail, item)\n"
    "  local queue = tail:sub(8, -3)\n"
    "  call('LPUSH', KEYS[3], dead(fault(item), queue, now, item))\n"
    "  out[#out + 1] = place\n"
    "  out[#out + 1] = 'dead ' .. fault(item)\n"
    "end\n"
    "local function take(place, list, tail, n)\n"
    "  local items = redis.pcall('LRANGE', list, -n, -1)\n"
    "  if items.err then\n"
    "    out[#out + 1] = place\n"
    "    out[#out + 1] = 'error ' .. items.err\n"
    "    return 0\n"
    "  end\n"
    "  local first, bad, held, scores, at = #items + 1, false, {}, {}, 0\n"
    "  if #items == 0 then return 0 end\n"
    "  now = now or call('TIME')[1]\n"
    "  while first > 1 and room > 0 do\n"
    "    first = first - 1\n"
    "    local item = items[first]\n"
    "    if fault(item) then\n"
    "      bad = true\n"
    "      bury(place, tail, item)\n"
    "    else\n"
    "      local tag = prefix .. counter\n"
    "      counter = counter + 1\n"
    "      at = at + 2\n"
    "      scores[at - 1], scores[at] = now, tag\n"
    "      held[at - 1], held[at] = tag, '[' .. item .. tail\n"
    "      room = room - #item\n"
    "    end\n"
    "  end\n"
    "  if at > 0 then\n"
    "    call('ZADD', KEYS[2], unpack(scores))\n"
    "    call('HSET', KEYS[1], unpack(held))\n"
    "  end\n"
    "  call('LTRIM', list, 0, -(#items - first + 2))\n"
    "  local kept = items\n"
    "  if bad or first > 1 then\n"
    "    kept = {}\n"
    "    for i = first, #items do\n"
    "      if not fault(items[i]) then kept[#kept + 1] = items[i] end\n"
    "    end\n"
    "  end\n"
    "  out[#out + 1] = place\n"
    "  out[#out + 1] = kept\n"
    "  want = want - (#items - first + 1)\n"
    "  return #items\n"
    "end\n"
    "for k = 4, #KEYS do\n"
    "  local n\n"
    "  repeat\n"
    "    n = math.min(want, slice)\n"
    "  until n <= 0 or room <= 0 or take(k - 4, KEYS[k], ARGV[k + 3], n) < n\n"
    "  if n <= 0 or room <= 0 then break end\n"
    "end\n"
    "return out\n";

static const char move[] = LUA_ROUTE LUA_DEAD
    "local held = redis.call('HGET', KEYS[1], ARGV[1])\n"
    "if not held then\n"
    "  redis.call('ZREM', KEYS[2], ARGV[1])\n"
    "  return 0\n"
    "end\n"
    "local text, lists = ARGV[3], route(KEYS[3], 5)\n"
    "if text == '' then text = held:sub(2, -#ARGV[4] - 1) end\n"
    "for _, list in ipairs(lists) do\n"
    "  redis.call(ARGV[2] == 'front' and 'RPUSH' or 'LPUSH', list, text)\n"
    "end\n"
    "if #lists == 0 then\n"
    "  redis.call('LPUSH', KEYS[4], dead('no queue is bound to its exchange', "
    "ARGV[8],\n"
    "             redis.call('TIME')[1], text))\n"
    "end\n"
    "redis.call('HDEL', KEYS[1], ARGV[1])\n"
    "redis.call('ZREM', KEYS[2], ARGV[1])\n"
    "return #lists == 0 and 2 or 1\n";

/* All is published before the delivery goes: an error at once leaves it held, and a
 * later one makes a dead letter of that message, so that the others come once. */
static const char replace[] = LUA_ROUTE LUA_DEAD
    "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then\n"
    "  redis.call('ZREM', KEYS[2], ARGV[1])\n"
    "  return {}\n"
    "end\n"
    "local out, published = {1}, false\n"
    "local function bury(i, at, reason)\n"
    "  redis.call('LPUSH', KEYS[3], dead(reason, ARGV[at + 4],\n"
    "             redis.call('TIME')[1], ARGV[at]))\n"
    "  out[#out + 1], out[#out + 2] = i, reason\n"
    "end\n"
    "for i = 1, #KEYS - 3 do\n"
    "  local at = 7 * i - 5\n"
    "  local lists = route(KEYS[i + 3], at + 1)\n"
    "  for _, list in ipairs(lists) do\n"
    "    local r = redis.pcall('LPUSH', list, ARGV[at])\n"
    "    if type(r) == 'table' and not published then return r end\n"
    "    if type(r) == 'table' then bury(i, at, r.err) end\n"
    "    published = true\n"
    "  end\n"
    "  if #lists == 0 then bury(i, at, 'no queue is bound to its exchange') end\n"
    "end\n"
    "redis.call('HDEL', KEYS[1], ARGV[1])\n"
    "redis.call('ZREM', KEYS[2], ARGV[1])\n"
    "return out\n";

/* The marker is set last: Lua does not roll back, and a marker without its message
 * would be a loss. An hour is for a worker that dies before it has taken it away. */
static const char publish[] = LUA_ROUTE LUA_DEAD
    "if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return 1 end\n"
    "local lists = route(KEYS[1], 2)\n"
    "for _, list in ipairs(lists) do redis.call('LPUSH', list, ARGV[1]) end\n"
    "if #lists == 0 then\n"
    "  redis.call('LPUSH', KEYS[2], dead('no queue is bound to its exchange', "
    "ARGV[5],\n"
    "             redis.call('TIME')[1], ARGV[1]))\n"
    "end\n"
    "if KEYS[3] then redis.call('SET', KEYS[3], '1', 'EX', 3600) end\n"
    "return #lists == 0 and 2 or 1\n";

static const char bury[] =
    LUA_DEAD "local held = redis.call('HGET', KEYS[1], ARGV[1])\n"
             "if held then\n"
             "  local text = ARGV[2] == '' and held or held:sub(2, -#ARGV[2] - 1)\n"
             "  redis.call('LPUSH', KEYS[3], dead(ARGV[4], ARGV[3],\n"
             "             redis.call('TIME')[1], text, ARGV[5], ARGV[6]))\n"
             "  redis.call('HDEL', KEYS[1], ARGV[1])\n"
             "end\n"
             "redis.call('ZREM', KEYS[2], ARGV[1])\n"
             "return held and 1 or 0\n";

static const char renew[] =
    "local now = tonumber(redis.call('TIME')[1])\n"
    "local tags, zadd, gone = {}, {}, {}\n"
    "for i = 1, #ARGV, 2 do tags[#tags + 1] = ARGV[i] end\n"
    "local scores = redis.call('ZMSCORE', KEYS[1], unpack(tags))\n"
    "for i = 1, #tags do\n"
    "  if scores[i] then\n"
    "    zadd[#zadd + 1] = math.max(now, tonumber(ARGV[2 * i]))\n"
    "    zadd[#zadd + 1] = tags[i]\n"
    "  else\n"
    "    gone[#gone + 1] = tags[i]\n"
    "  end\n"
    "end\n"
    "if #zadd > 0 then redis.call('ZADD', KEYS[1], 'XX', unpack(zadd)) end\n"
    "return gone\n";

/* Usually all are there, which one command tells: every worker asks each second. */
static const char absent[] =
    "local ids, keys, out = redis.call('HKEYS', KEYS[1]), {}, {}\n"
    "for i, id in ipairs(ids) do keys[i] = ARGV[1] .. id end\n"
    "if #ids > 0 and #ids < 4000 and redis.call('EXISTS', unpack(keys)) == #ids then\n"
    "  return out\n"
    "end\n"
    "for i, id in ipairs(ids) do\n"
    "  if redis.call('EXISTS', keys[i]) == 0 then out[#out + 1] = id end\n"
    "end\n"
    "return out\n";

/* An inbox is filled at its left: its newest message goes back first, so that its
 * oldest ends up first to be taken. */
static const char unbox[] =
    "local n = 0\n"
    "while redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') do n = n + 1 end\n"
    "return n\n";

static const char overdue[] =
    "local now = tonumber(redis.call('TIME')[1])\n"
    "return redis.call('ZREVRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[1]), 0,\n"
    "                  'LIMIT', 0, ARGV[2])\n";

static const char unlock[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "redis.call('DEL', KEYS[1])\n"
    "return 1\n";

/* kombu's own two, word for word but for their arguments. */
static const char bind_for_a_while[] =
    "redis.call('SADD', KEYS[1], ARGV[1])\n"
    "local now = redis.call('TIME')\n"
    "local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)\n"
    "redis.call('ZADD', KEYS[2], 'GT', ms + tonumber(ARGV[3]), ARGV[2])\n";

static const char sweep_bindings[] =
    "local now = redis.call('TIME')\n"
    "local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)\n"
    "local overdue =\n"
    "  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, 100)\n"
    "for _, exchange in ipairs(overdue) do\n"
    "  if redis.call('EXISTS', ARGV[2] .. exchange) == 0 then\n"
    "    redis.call('DEL', ARGV[1] .. exchange)\n"
    "  end\n"
    "  redis.call('ZREM', KEYS[1], exchange)\n"
    "end\n"
    "return #overdue\n";

void redis_scripts_init(struct redis_scripts *s)
{
    *s = (struct redis_scripts){
        .fetch = {.source = fetch},
        .move = {.source = move},
        .replace = {.source = replace},
        .publish = {.source = publish},
        .bury = {.source = bury},
        .renew = {.source = renew},
        .absent = {.source = absent},
        .unbox = {.source = unbox},
        .overdue = {.source = overdue},
        .unlock = {.source = unlock},
        .bind = {.source = bind_for_a_while},
        .sweep_bindings = {.source = sweep_bindings},
    };
}

void redis_scripts_list(struct redis_scripts *s,
                        struct redis_script *out[REDIS_SCRIPTS])
{
    struct redis_script *all[] = {&s->fetch,   &s->move,           &s->bury,
                                  &s->renew,   &s->absent,         &s->unbox,
                                  &s->overdue, &s->unlock,         &s->publish,
                                  &s->bind,    &s->sweep_bindings, &s->replace};
    _Static_assert(sizeof(all) / sizeof(all[0]) == REDIS_SCRIPTS, "list every script");
    for (size_t i = 0; i < REDIS_SCRIPTS; i++)
        out[i] = all[i];
}
