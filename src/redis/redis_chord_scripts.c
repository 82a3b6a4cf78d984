/* SPDX-License-Identifier: Apache-2.0 */
/* What is done for chords in one step, in Lua, on the keys that Celery has for them:
 *
 *     celery-taskset-meta-<group>     the nested shape of a complex header
 *     celery-taskset-meta-<group>.s   how many parts there will be
 *                               .t    how many more, of add_to_chord
 *                               .j    the parts: a sorted set by index, or a list
 *                               .d    which parts are there: <task id>:<index>
 *                               .c    who joins it: a token, "done" afterwards
 *
 * Celery before 5.7 knows neither .d nor .c: what its workers add stands in .j alone,
 * and a task that is delivered twice with two results stands there twice.
 *
 * Our token is "petiole:<task id>" of the part that found the chord complete, and
 * "petiole-sending:<task id>" once the body is about to be published. The first lapses
 * after seconds, as Celery's does. The second outlives its worker: what that worker
 * held is delivered again, and the same part gets its claim back; no other part then
 * publishes the body a second time. */
#include "redis_chord_scripts.h"

/* A part's task id, as its text begins in JSON, msgpack or YAML; else the text. Also
 * whether it says SUCCESS. */
#define LUA_PART                                                                       \
    "local function read(text)\n"                                                      \
    "  local id, state = text:match('^%[1, ?\"([^\"]*)\", ?\"([^\"]*)\"')\n"           \
    "  if not id and text:byte(1) == 148 and text:byte(2) == 1 then\n"                 \
    "    local c, at = text:byte(3), 4\n"                                              \
    "    if c == 217 then c, at = text:byte(4), 5 else c = (c or 0) % 32 end\n"        \
    "    id, state = text:sub(at, at + c - 1), text:sub(at + c + 1, at + c + 7)\n"     \
    "  end\n"                                                                          \
    "  if not id then id, state = text:match('^%- 1\\n%- (%S+)\\n%- (%S+)\\n') end\n"  \
    "  return id or text, state == 'SUCCESS'\n"                                        \
    "end\n"

/* KEYS group .j .t .s .d .c
 * ARGV task id, index, text, ordered, seconds to live, and of the group, of a claim,
 *      token, token of one that is sending
 * → state, ms of another's claim */
static const char part[] = LUA_PART
    "local group, j, t, s, d, c = unpack(KEYS)\n"
    "local id, index, text, ordered = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'\n"
    "local ttl, group_ttl = tonumber(ARGV[5]), tonumber(ARGV[6])\n"
    "local claim_ttl, token, sending = ARGV[7], ARGV[8], ARGV[9]\n"
    "local call = redis.call\n"

    "local claim = call('GET', c)\n"
    "if claim == 'done' or claim and claim ~= sending and\n"
    "    claim:sub(1, 16) == 'petiole-sending:' then return {3, 0} end\n"

    "local function count() return call(ordered and 'ZCARD' or 'LLEN', j) end\n"
    /* Somebody who knows no .d may have added it already. */
    "local function is_there()\n"
    "  if count() <= call('SCARD', d) then return false end\n"
    "  if not ordered then return tonumber(redis.pcall('LPOS', j, text)) end\n"
    "  for _, other in ipairs(call('ZRANGEBYSCORE', j, index, index)) do\n"
    "    if read(other) == id then return true end\n"
    "  end\n"
    "end\n"
    "if call('SISMEMBER', d, id .. ':' .. index) == 0 then\n"
    "  if not is_there() then\n"
    "    if ordered then call('ZADD', j, index, text) else call('RPUSH', j, text) end\n"
    "  end\n"
    "  call('SADD', d, id .. ':' .. index)\n"
    "end\n"
    "if ttl > 0 then\n"
    "  for _, key in ipairs({j, t, s, d}) do call('EXPIRE', key, ttl) end\n"
    "  if group_ttl > 0 then call('EXPIRE', group, group_ttl) end\n"
    "end\n"

    "local size = call('GET', s)\n"
    "if not size then return {0, 0} end\n"
    "local total = tonumber(size)\n"
    "if not total then\n"
    "  return redis.error_reply('REFUSED the size of the chord is no number') end\n"
    "total = total + (tonumber(call('GET', t)) or 0)\n"

    /* Takes out what was added twice: a success stays, else what came first. */
    "local function drop(text)\n"
    "  if ordered then call('ZREM', j, text) else call('LREM', j, -1, text) end\n"
    "end\n"
    "local function drop_doubles()\n"
    "  local seen, n = {}, 0\n"
    "  local all = ordered and call('ZRANGE', j, 0, -1, 'WITHSCORES') or\n"
    "              call('LRANGE', j, 0, -1)\n"
    "  for i = 1, #all, ordered and 2 or 1 do\n"
    "    local whose, success = read(all[i])\n"
    "    if ordered then whose = whose .. ':' .. all[i + 1] end\n"
    "    local before = seen[whose]\n"
    "    if not before then\n"
    "      seen[whose], n = {all[i], success}, n + 1\n"
    "    elseif success and not before[2] then\n"
    "      drop(before[1])\n"
    "      seen[whose] = {all[i], success}\n"
    "    else\n"
    "      drop(all[i])\n"
    "    end\n"
    "  end\n"
    "  return n\n"
    "end\n"
    "local n = count()\n"
    "if n >= total and n > call('SCARD', d) then n = drop_doubles() end\n"
    "if n < total then return {0, 0} end\n"

    "if not claim or claim == token or claim == sending then\n"
    "  call('SET', c, token, 'EX', claim_ttl)\n"
    "  return {1, 0}\n"
    "end\n"
    "return {2, math.max(call('PTTL', c), 0)}\n";

/* KEYS .c .s   ARGV token, token of one that is sending, seconds to live → as above */
static const char sending[] =
    "local claim = redis.call('GET', KEYS[1])\n"
    "local ours = claim == ARGV[1] or claim == ARGV[2]\n"
    "if ours or not claim and redis.call('EXISTS', KEYS[2]) == 1 then\n"
    "  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])\n"
    "  return {1, 0}\n"
    "end\n"
    "if not claim or claim == 'done' or claim:sub(1, 16) == 'petiole-sending:' then\n"
    "  return {3, 0}\n"
    "end\n"
    "return {2, math.max(redis.call('PTTL', KEYS[1]), 0)}\n";

/* KEYS .c .s .j .t .d
 * ARGV token, token of one that is sending, sent, seconds to live of "done" */
static const char end[] = "local claim = redis.call('GET', KEYS[1])\n"
                          "if claim ~= ARGV[1] and claim ~= ARGV[2] then return 0 end\n"
                          "redis.call('DEL', KEYS[2])\n"
                          "if ARGV[3] == '1' then\n"
                          "  redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])\n"
                          "  redis.call('SET', KEYS[1], 'done', 'EX', ARGV[4])\n"
                          "end\n"
                          "return 1\n";

/* KEYS .s .c   ARGV size, again, seconds to live */
static const char size[] =
    "if ARGV[2] == '0' then redis.call('DEL', KEYS[2])\n"
    "elseif redis.call('EXISTS', KEYS[2]) == 1 then return 0 end\n"
    "local old = tonumber(redis.call('GET', KEYS[1]))\n"
    "if not old or old < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) "
    "end\n"
    "if tonumber(ARGV[3]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[3]) end\n"
    "return 1\n";

/* KEYS .t marker   ARGV seconds to live. The marker keeps a second sending of the same
 * from counting it again; a minute is for a worker that dies before it takes it away.
 */
static const char grow[] =
    "if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end\n"
    "redis.call('INCR', KEYS[1])\n"
    "if tonumber(ARGV[1]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end\n"
    "redis.call('SET', KEYS[2], '1', 'EX', 60)\n"
    "return 1\n";

/* KEYS one for each string   ARGV bytes in all, bytes of one
 * → as many of the strings as fit, at least one; nil where there is none */
static const char strings[] =
    "local room, out = tonumber(ARGV[1]), {}\n"
    "for i, key in ipairs(KEYS) do\n"
    "  local n = redis.call('STRLEN', key)\n"
    "  if n > tonumber(ARGV[2]) then\n"
    "    return redis.error_reply('REFUSED ' .. key .. ' is larger than '\n"
    "                             .. 'message_max_bytes') end\n"
    "  if i > 1 and n > room then break end\n"
    "  room = room - n\n"
    "  out[i] = redis.call('GET', key)\n"
    "end\n"
    "return out\n";

/* KEYS .j   ARGV ordered, first, bytes in all, bytes of one
 * → how many there are, and as many of them from the first on as fit, at least one and
 *   256 at most */
static const char parts[] =
    "local command = ARGV[1] == '1' and 'ZRANGE' or 'LRANGE'\n"
    "local first, room = tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local n = redis.call(ARGV[1] == '1' and 'ZCARD' or 'LLEN', KEYS[1])\n"
    "local out = {n}\n"
    "for i = first, math.min(n, first + 256) - 1, 32 do\n"
    "  for _, text in ipairs(redis.call(command, KEYS[1], i, i + 31)) do\n"
    "    if #text > tonumber(ARGV[4]) then\n"
    "      return redis.error_reply('REFUSED a part of the chord is larger than '\n"
    "                               .. 'message_max_bytes') end\n"
    "    if #out > 1 and #text > room then return out end\n"
    "    room = room - #text\n"
    "    out[#out + 1] = text\n"
    "  end\n"
    "end\n"
    "return out\n";

void redis_chord_scripts_init(struct redis_chord_scripts *s)
{
    *s = (struct redis_chord_scripts){
        .part = {.source = part},
        .sending = {.source = sending},
        .end = {.source = end},
        .size = {.source = size},
        .grow = {.source = grow},
        .strings = {.source = strings},
        .parts = {.source = parts},
    };
}

void redis_chord_scripts_list(struct redis_chord_scripts *s,
                              struct redis_script *out[REDIS_CHORD_SCRIPTS])
{
    struct redis_script *all[] = {&s->part, &s->sending, &s->end,  &s->size,
                                  &s->grow, &s->strings, &s->parts};
    _Static_assert(sizeof(all) / sizeof(all[0]) == REDIS_CHORD_SCRIPTS,
                   "list every script");
    memcpy((void *)out, (const void *)all, sizeof(all));
}
