/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_scripts.h"

/* A dead letter is a JSON object; bytes beyond ASCII, which may not be UTF-8, are
 * written as the Latin-1 characters of the same number. */
#define LUA_DEAD                                                                       \
    "local function dead(reason, queue, now, message)\n"                               \
    "  local text = cjson.encode({reason = reason, queue = queue,\n"                   \
    "                             time = tonumber(now), message = message})\n"         \
    "  return (text:gsub('[\\128-\\255]', function(c)\n"                               \
    "    return string.format('\\\\u00%02x', c:byte()) end))\n"                        \
    "end\n"

static const char fetch[] = LUA_DEAD
    "local want, prefix, counter = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])\n"
    "local largest, room = tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local now = redis.call('TIME')[1]\n"
    "local out = {}\n"
    "for k = 4, #KEYS do\n"
    "  if want <= 0 or room <= 0 then break end\n"
    "  local number, queue, tail = ARGV[3 * k - 6], ARGV[3 * k - 5], ARGV[3 * k - 4]\n"
    "  local items = redis.call('LRANGE', KEYS[k], -want, -1)\n"
    "  local zadd, hset, bad, taken = {}, {}, {}, 0\n"
    "  local function bury(reason, item)\n"
    "    bad[#bad + 1] = dead(reason, queue, now, item)\n"
    "    out[#out + 1] = 'dead ' .. reason\n"
    "    out[#out + 1] = queue\n"
    "  end\n"
    "  for j = #items, 1, -1 do\n"
    "    if room <= 0 then break end\n"
    "    local item = items[j]\n"
    "    taken = taken + 1\n"
    "    if #item > largest then\n"
    "      bury('larger than message_max_bytes', item)\n"
    "    elseif item:byte(1) ~= 123 or item:byte(-1) ~= 125 then\n"
    "      bury('not a JSON object', item)\n"
    "    else\n"
    "      local tag = prefix .. string.format('%016.0f', counter)\n"
    "      counter = counter + 1\n"
    "      zadd[#zadd + 1] = now\n"
    "      zadd[#zadd + 1] = tag\n"
    "      hset[#hset + 1] = tag\n"
    "      hset[#hset + 1] = '[' .. item .. tail\n"
    "      out[#out + 1] = number\n"
    "      out[#out + 1] = item\n"
    "      room = room - #item\n"
    "      want = want - 1\n"
    "    end\n"
    "  end\n"
    "  if #zadd > 0 then\n"
    "    redis.call('ZADD', KEYS[2], unpack(zadd))\n"
    "    redis.call('HSET', KEYS[1], unpack(hset))\n"
    "  end\n"
    "  if #bad > 0 then redis.call('LPUSH', KEYS[3], unpack(bad)) end\n"
    "  if taken > 0 then redis.call('LTRIM', KEYS[k], 0, -taken - 1) end\n"
    "end\n"
    "return out\n";

static const char move[] =
    "local held = redis.call('HGET', KEYS[1], ARGV[1])\n"
    "local lists = {ARGV[3]}\n"
    "if held and KEYS[3] then\n"
    "  local bindings = redis.call('SMEMBERS', KEYS[3])\n"
    "  lists = #bindings == 0 and {ARGV[6] .. ARGV[3]} or {}\n"
    "  for _, binding in ipairs(bindings) do\n"
    "    local key, queue = binding:match('^(.-)\\6\\22.-\\6\\22(.*)$')\n"
    "    if not key or key:find('[*#]') then return 2 end\n"
    "    if key == ARGV[6] then lists[#lists + 1] = queue .. ARGV[3] end\n"
    "  end\n"
    "  if #lists == 0 then return 2 end\n"
    "end\n"
    "if held then\n"
    "  local text = ARGV[4]\n"
    "  if text == '' then text = held:sub(2, -#ARGV[5] - 1) end\n"
    "  for _, list in ipairs(lists) do\n"
    "    redis.call(ARGV[2] == 'front' and 'RPUSH' or 'LPUSH', list, text)\n"
    "  end\n"
    "  redis.call('HDEL', KEYS[1], ARGV[1])\n"
    "end\n"
    "redis.call('ZREM', KEYS[2], ARGV[1])\n"
    "return held and 1 or 0\n";

static const char bury[] =
    LUA_DEAD "local held = redis.call('HGET', KEYS[1], ARGV[1])\n"
             "if held then\n"
             "  local text = held:sub(2, -#ARGV[2] - 1)\n"
             "  redis.call('LPUSH', KEYS[3], dead(ARGV[4], ARGV[3],\n"
             "             redis.call('TIME')[1], text))\n"
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

static const char absent[] =
    "local out = {}\n"
    "for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do\n"
    "  if redis.call('EXISTS', ARGV[1] .. id) == 0 then out[#out + 1] = id end\n"
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

void redis_scripts_init(struct redis_scripts *s)
{
    *s = (struct redis_scripts){
        .fetch = {.source = fetch},
        .move = {.source = move},
        .bury = {.source = bury},
        .renew = {.source = renew},
        .absent = {.source = absent},
        .unbox = {.source = unbox},
        .overdue = {.source = overdue},
        .unlock = {.source = unlock},
    };
}

void redis_scripts_list(struct redis_scripts *s,
                        struct redis_script *out[REDIS_SCRIPTS])
{
    struct redis_script *all[] = {&s->fetch,  &s->move,  &s->bury,    &s->renew,
                                  &s->absent, &s->unbox, &s->overdue, &s->unlock};
    _Static_assert(sizeof(all) / sizeof(all[0]) == REDIS_SCRIPTS, "list every script");
    for (size_t i = 0; i < REDIS_SCRIPTS; i++)
        out[i] = all[i];
}
