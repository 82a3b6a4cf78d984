/* SPDX-License-Identifier: Apache-2.0 */
#include "dead_letters.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE 50
#define HEAD_MAX "65536" /* no head is longer: nobody needs the message for a list */

/* KEYS dead   ARGV first index, how many, most bytes → id, bytes, head … A letter of
 * another shape is decoded, and its message left out. */
static const char page_lua[] =
    "local out = {}\n"
    "for i = tonumber(ARGV[1]), tonumber(ARGV[1]) - tonumber(ARGV[2]) + 1, -1 do\n"
    "  local e = redis.call('LINDEX', KEYS[1], i)\n"
    "  if not e then break end\n"
    "  local at, head = e:find(', \"message\": ', 1, true), '{}'\n"
    "  if at and at <= tonumber(ARGV[3]) then\n"
    "    head = e:sub(1, at - 1) .. '}'\n"
    "  else\n"
    "    local ok, d = pcall(cjson.decode, e)\n"
    "    if ok and type(d) == 'table' then\n"
    "      d.message = nil\n"
    "      head = cjson.encode(d)\n"
    "    end\n"
    "  end\n"
    "  out[#out + 1] = redis.sha1hex(e):sub(1, 12)\n"
    "  out[#out + 1] = tostring(#e)\n"
    "  out[#out + 1] = head\n"
    "end\n"
    "return out\n";

/* remove(): by index there is no other way, and nothing else can be equal to the mark.
 */
#define LUA_LETTER                                                                     \
    "local e = redis.call('LINDEX', KEYS[1], ARGV[1])\n"                               \
    "if not e or redis.sha1hex(e):sub(1, 12) ~= ARGV[2] then return 0 end\n"           \
    "local function remove()\n"                                                        \
    "  local mark = 'removed ' .. ARGV[2]\n"                                           \
    "  redis.call('LSET', KEYS[1], ARGV[1], mark)\n"                                   \
    "  redis.call('LREM', KEYS[1], -1, mark)\n"                                        \
    "end\n"

static const char drop_lua[] = LUA_LETTER "remove()\nreturn 1\n";
static const char read_lua[] = LUA_LETTER "return e\n";

/* ARGV index, id, "RPUSH" | "LPUSH", queue or "", prefix, sep, step… */
static const char replay_lua[] = LUA_LETTER
    "local ok, d = pcall(cjson.decode, e)\n"
    "if not ok or type(d) ~= 'table' or type(d.message) ~= 'string' then return -1 "
    "end\n"
    "local function latin1(text)\n"
    "  return (text:gsub('([\\194\\195])([\\128-\\191])', function(a, b)\n"
    "    return a == '\\194' and b or string.char(b:byte() + 64) end))\n"
    "end\n"
    "local text, queue = latin1(d.message), ARGV[4]\n"
    "if queue == '' and type(d.queue) == 'string' then queue = d.queue end\n"
    "if queue == '' then return -2 end\n"
    "local priority, list = 0, ARGV[5] .. queue\n"
    "local read, envelope = pcall(cjson.decode, text)\n"
    "if read and type(envelope) == 'table' and type(envelope.properties) == 'table' "
    "then\n"
    "  priority = tonumber(envelope.properties.priority) or 0\n"
    "end\n"
    "priority = math.max(0, math.min(9, priority))\n"
    "local step = ARGV[#ARGV]\n"
    "for i = 7, #ARGV do if tonumber(ARGV[i]) <= priority then step = ARGV[i] end end\n"
    "if step ~= '0' then list = list .. ARGV[6] .. step end\n"
    "redis.call(ARGV[3], list, text)\n"
    "remove()\n"
    "return 1\n";

/* ---- reading ------------------------------------------------------------------ */

static const redisReply *ask_page(struct client *c, long long index)
{
    client_begin_script(c, page_lua, 1, 4);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg_int(&c->redis, index);
    redis_arg_int(&c->redis, PAGE);
    redis_arg_text(&c->redis, HEAD_MAX);
    return client_answer(c);
}

static void free_page(struct dead_letter *page, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_object_put(page[i].head);
}

static size_t read_page(const redisReply *reply, long long index,
                        struct dead_letter page[PAGE])
{
    size_t n = reply->elements / 3 < PAGE ? reply->elements / 3 : PAGE;
    for (size_t i = 0; i < n; i++) {
        redisReply *const *part = &reply->element[3 * i];
        page[i] = (struct dead_letter){.index = index - (long long)i,
                                       .bytes = atoll(part[1]->str),
                                       .head = json_tokener_parse(part[2]->str)};
        snprintf(page[i].id, sizeof(page[i].id), "%s", part[0]->str);
    }
    return n;
}

bool dead_letters_each(struct client *c, dead_letter_fn *f, void *ctx)
{
    struct dead_letter page[PAGE];
    long long index = -1;
    enum dead_next next = DEAD_STAYS;
    for (size_t n = 1; n > 0 && next <= DEAD_GONE;) {
        const redisReply *reply = ask_page(c, index);
        if (!reply)
            return false;
        n = read_page(reply, index, page);
        long long gone = 0;
        for (size_t i = 0; i < n && next <= DEAD_GONE; i++) {
            page[i].index += gone; /* those before it are away */
            next = f(c, &page[i], ctx);
            gone += next == DEAD_GONE;
        }
        index -= (long long)n - gone;
        free_page(page, n);
    }
    return next != DEAD_FAILED;
}

const char *dead_letter_text(const struct dead_letter *d, const char *field)
{
    json_object *v = json_object_is_type(d->head, json_type_object)
                         ? json_object_object_get(d->head, field)
                         : NULL;
    const char *text = v ? json_object_get_string(v) : NULL;
    return text ? text : "";
}

const redisReply *dead_letter_read(struct client *c, const struct dead_letter *d)
{
    client_begin_script(c, read_lua, 1, 3);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg_int(&c->redis, d->index);
    redis_arg_text(&c->redis, d->id);
    const redisReply *reply = client_answer(c);
    return reply && reply->str ? reply : NULL;
}

/* ---- changing ----------------------------------------------------------------- */

static enum dead_outcome outcome_of(const redisReply *reply)
{
    if (!reply)
        return DEAD_REFUSED;
    switch (reply->integer) {
    case 1:
        return DEAD_DONE;
    case -1:
        return DEAD_NO_TEXT;
    case -2:
        return DEAD_NO_QUEUE;
    default:
        return DEAD_MOVED;
    }
}

enum dead_outcome dead_letter_replay(struct client *c, const struct dead_letter *d,
                                     const char *to, bool front)
{
    client_begin_script(c, replay_lua, 1, 7 + (unsigned)c->keys.nsteps);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg_int(&c->redis, d->index);
    redis_arg_text(&c->redis, d->id);
    redis_arg_text(&c->redis, front ? "RPUSH" : "LPUSH");
    redis_arg_text(&c->redis, to ? to : "");
    redis_arg_text(&c->redis, c->keys.prefix);
    redis_arg_text(&c->redis, c->keys.sep);
    for (size_t i = 0; i < c->keys.nsteps; i++)
        redis_arg_int(&c->redis, c->keys.steps[i]);
    return outcome_of(client_answer(c));
}

enum dead_outcome dead_letter_drop(struct client *c, const struct dead_letter *d)
{
    client_begin_script(c, drop_lua, 1, 3);
    redis_arg_text(&c->redis, c->keys.dead);
    redis_arg_int(&c->redis, d->index);
    redis_arg_text(&c->redis, d->id);
    return outcome_of(client_answer(c));
}
