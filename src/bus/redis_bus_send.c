/* SPDX-License-Identifier: Apache-2.0 */
/* Events and replies. What cannot be sent now is dropped, and counted. */
#include "../../protocol/json.h"
#include "bus_message.h"
#include "redis_bus.h"

#include <inttypes.h>

#define UNANSWERED_MAX 65536u /* commands at the server */
#define REPLY_EXPIRES_MS 10000
#define BY_HAND "256" /* bindings that are looked through for one of another name */

/* KEYS bindings
 * ARGV the member that Celery's clients leave, its queue; routing key, separator; what
 *      stands before a queue's name in its key, and behind it; text; how a queue's name
 *      ends whose list has an end, and when in ms
 * → how many queues have it. In one step with the look at the bindings, so that no list
 *   is left behind of a client that has gone. */
const char redis_bus_reply_source[] =
    "local function push(queue)\n"
    "  local key = ARGV[5] .. queue .. ARGV[6]\n"
    "  redis.call('LPUSH', key, ARGV[7])\n"
    "  if string.sub(queue, -#ARGV[8]) == ARGV[8] then\n"
    "    redis.call('PEXPIRE', key, ARGV[9])\n"
    "  end\n"
    "end\n"
    "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then\n"
    "  push(ARGV[2])\n"
    "  return 1\n"
    "end\n"
    "if redis.call('SCARD', KEYS[1]) > " BY_HAND " then return 0 end\n"
    "local n, start = 0, ARGV[3] .. ARGV[4]\n"
    "for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do\n"
    "  if string.sub(member, 1, #start) == start then\n"
    "    local _, last = string.find(member, ARGV[4], #start + 1, true)\n"
    "    if last then\n"
    "      push(string.sub(member, last + 1))\n"
    "      n = n + 1\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return n\n";

bool redis_bus_has_room(const struct redis_bus *b, size_t n)
{
    const struct link *l = &b->writer.link;
    size_t unsent = l->out.len + (l->writing ? l->sent.len : 0);
    return b->writable && !b->closing && l->state == LINK_OPEN &&
           b->writer.pending < UNANSWERED_MAX && unsent <= BUS_UNSENT_MAX &&
           n <= BUS_UNSENT_MAX - unsent;
}

/* ---- events ------------------------------------------------------------------- */

static void on_event_sent(void *ctx, const redisReply *reply)
{
    if (redis_is_error(reply))
        redis_bus_complain(ctx, "cannot send events: %.200s%s", reply->str,
                           redis_error_hint(reply->str));
}

void redis_bus_send_event(struct bus *base, struct str routing_key, struct str body,
                          size_t n)
{
    struct redis_bus *b = redis_bus_of(base);
    char tag[UUID_TEXT], channel[REDIS_KEY_BYTES];
    struct str exchange = str_of(b->config->event_exchange);
    redis_bus_uuid(tag);
    wr_reset(&b->headers);
    wr_put(&b->headers, STR("{\"hostname\": "));
    json_write_str(&b->headers, str_of(b->config->hostname ? b->config->hostname : ""));
    wr_put(&b->headers, STR("}"));
    wr_reset(&b->text);
    bus_message_write(&b->text, &(struct bus_envelope){body, wr_str(&b->headers), 1,
                                                       exchange, routing_key, tag});
    if (b->headers.bad || b->text.bad || !redis_bus_has_room(b, b->text.len)) {
        base->stats.events_dropped += n;
        return;
    }
    redis_keys_channel(&b->keys, exchange, routing_key, channel);
    redis_begin(&b->writer, 3, on_event_sent, b);
    redis_arg_text(&b->writer, "PUBLISH");
    redis_arg_text(&b->writer, channel);
    redis_arg(&b->writer, wr_str(&b->text));
    base->stats.events_sent += n;
}

/* ---- replies ------------------------------------------------------------------ */

static void on_replied(void *ctx, const redisReply *reply)
{
    struct redis_bus *b = ctx;
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0) {
        b->base.stats.replies_sent++;
        return;
    }
    b->base.stats.replies_dropped++;
    if (redis_is_error(reply) && !redis_error_is(reply->str, "NOSCRIPT"))
        redis_bus_complain(b, "cannot reply: %.200s%s", reply->str,
                           redis_error_hint(reply->str));
}

static void put_headers(struct wr *w, const struct bus_reply *r)
{
    wr_reset(w);
    wr_put(w, STR("{\"ticket\": "));
    if (r->ticket.n)
        json_write_str(w, r->ticket);
    else
        wr_put(w, STR("null"));
    wr_printf(w, ", \"clock\": %" PRIu64 "}", r->clock);
}

static void push(struct redis_bus *b, const struct bus_reply *r)
{
    char bindings[REDIS_KEY_BYTES], member[REDIS_MEMBER_BYTES], suffix[32];
    char queue[REDIS_MEMBER_BYTES];
    const double expires_s = b->config->control_queue_expires_s;
    redis_keys_join(bindings, b->keys.binding, r->exchange);
    snprintf(queue, sizeof(queue), STR_FMT "." STR_FMT, STR_ARG(r->routing_key),
             STR_ARG(r->exchange));
    redis_keys_member(&b->keys, r->routing_key, STR(""), str_of(queue), member);
    redis_keys_suffix(&b->keys, redis_keys_step(&b->keys, 0), suffix);

    redis_begin_script(&b->writer, &b->reply_script, 1, 10, on_replied, b);
    redis_arg_text(&b->writer, bindings);
    redis_arg_text(&b->writer, member);
    redis_arg_text(&b->writer, queue);
    redis_arg(&b->writer, r->routing_key);
    redis_arg_text(&b->writer, b->keys.sep);
    redis_arg_text(&b->writer, b->keys.prefix);
    redis_arg_text(&b->writer, suffix);
    redis_arg(&b->writer, wr_str(&b->text));
    /* Only what is certainly a reply queue: tasks must not vanish. */
    redis_arg_text(&b->writer, b->reply_exchange);
    redis_arg_int(&b->writer,
                  expires_s > 0 ? (int64_t)(expires_s * 1000) : REPLY_EXPIRES_MS);
}

void redis_bus_reply(struct bus *base, const struct bus_reply *r)
{
    struct redis_bus *b = redis_bus_of(base);
    char tag[UUID_TEXT];
    redis_bus_uuid(tag);
    put_headers(&b->headers, r);
    wr_reset(&b->text);
    bus_message_write(&b->text,
                      &(struct bus_envelope){r->body, wr_str(&b->headers), 1,
                                             r->exchange, r->routing_key, tag});
    bool named = r->exchange.n > 0 && r->exchange.n < REDIS_BUS_NAME_MAX &&
                 r->routing_key.n < REDIS_BUS_NAME_MAX;
    if (!named || b->headers.bad || b->text.bad ||
        !redis_bus_has_room(b, b->text.len + b->headers.len)) {
        base->stats.replies_dropped++;
        return;
    }
    push(b, r);
}
