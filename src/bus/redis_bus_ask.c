/* SPDX-License-Identifier: Apache-2.0 */
/* A request to workers, and their replies: a queue of one's own is bound, the request
 * published, and one connection waits at the queue's list until the time is over or all
 * have answered. However it ends, the queue goes. */
#include "../../protocol/json.h"
#include "bus_message.h"
#include "redis_bus.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- the end ------------------------------------------------------------------ */

static void open_asker(struct redis_bus *b);

void redis_bus_asker_stopped(void *ctx)
{
    struct redis_bus *b = ctx;
    redis_finish(&b->asker);
    b->asker_lives = false;
    if (b->closing)
        redis_bus_closed_one(b);
    else if (b->ask.active && b->ask.wants_replies)
        open_asker(b);
}

void redis_bus_ask_end(struct redis_bus *b, const char *why)
{
    struct redis_bus_ask ask = b->ask;
    if (!ask.active)
        return;
    b->ask.active = false;
    uv_timer_stop(&b->ask_timer);
    if (ask.wants_replies)
        redis_bus_unbind_reply(b);
    if (b->asker_lives)
        redis_stop(&b->asker, redis_bus_asker_stopped);
    ask.done(ask.ctx, why);
}

static void on_time(uv_timer_t *timer)
{
    redis_bus_ask_end(timer->data, NULL);
}

/* ---- replies ------------------------------------------------------------------ */

static void check_complete(struct redis_bus *b)
{
    if (b->ask.active && b->ask.limit > 0 && b->ask.replies >= b->ask.limit)
        redis_bus_ask_end(b, NULL);
}

static void take(struct redis_bus *b, struct str text)
{
    struct bus_message m;
    const char *why;
    arena_reset(&b->arena);
    if (!bus_message_read(&b->arena, text, BUS_OBJECT, &m, &why)) {
        b->base.stats.malformed++;
        redis_bus_complain(b, "a reply is left: %s", why);
        return;
    }
    if (!str_is(value_as_str(value_get(m.headers, "ticket")), b->ask.ticket))
        return; /* to an earlier request */
    b->ask.replies++;
    b->ask.replied(b->ask.ctx, &m);
}

static void wait_for_one(struct redis_bus *b);

static void on_popped(void *ctx, const redisReply *reply)
{
    struct redis_bus *b = ctx;
    if (!reply || !b->ask.active)
        return;
    if (redis_is_error(reply)) {
        redis_bus_ask_end(b, reply->str);
        return;
    }
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->str)
        take(b, (struct str){reply->element[1]->str, reply->element[1]->len});
    check_complete(b);
    if (b->ask.active)
        wait_for_one(b);
}

static void wait_for_one(struct redis_bus *b)
{
    char key[REDIS_KEY_BYTES], seconds[32];
    uint64_t now = uv_now(b->loop);
    uint64_t left_ms = b->ask.deadline_ms > now ? b->ask.deadline_ms - now : 0;
    snprintf(seconds, sizeof(seconds), "%.3f", (double)(left_ms + 50) / 1000);
    redis_keys_list(&b->keys, str_of(b->reply_queue), redis_keys_step(&b->keys, 0),
                    key);
    redis_words(&b->asker, on_popped, b, "BRPOP", key, seconds, NULL);
    link_flush(&b->asker.link);
}

static void asker_ready(void *ctx)
{
    struct redis_bus *b = ctx;
    if (b->ask.active)
        wait_for_one(b);
}

/* It connects again by itself, until the time is over. */
static void asker_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    (void)ctx;
    log_line(LOG_DEBUG, "waiting for replies: %s, attempt %u in %.1f s", why, attempts,
             retry_s);
}

static const struct redis_events asker_events = {asker_ready, asker_down, NULL};

static void open_asker(struct redis_bus *b)
{
    const uint64_t now = uv_now(b->loop);
    const struct redis_options options = {
        .waits_ms = b->ask.deadline_ms > now ? b->ask.deadline_ms - now : 0,
        .max_reply_bytes = 2 * BUS_MESSAGE_MAX,
        .quick_greeting = true,
        .leader = &b->writer,
    };
    b->asker_lives = true;
    redis_init(&b->asker, b->loop, &b->config->broker, &options, &asker_events, b);
    redis_follow(&b->asker);
}

/* ---- the request -------------------------------------------------------------- */

static void on_published(void *ctx, const redisReply *reply)
{
    struct redis_bus *b = ctx;
    if (--b->asks_in_flight > 0 || !b->ask.active)
        return; /* an earlier one's, whose time was over */
    if (!reply)
        redis_bus_ask_end(b, "the connection was lost");
    else if (redis_is_error(reply))
        redis_bus_ask_end(b, reply->str);
    else if (!b->ask.wants_replies || (b->ask.counts_hearers && reply->integer <= 0))
        redis_bus_ask_end(b, NULL);
    else if (b->ask.counts_hearers)
        b->ask.limit = (size_t)reply->integer;
    check_complete(b);
}

static void put_text_or_null(struct wr *w, const char *key, struct str s)
{
    wr_printf(w, ", \"%s\": ", key);
    if (s.n)
        json_write_str(w, s);
    else
        wr_put(w, STR("null"));
}

static void put_body(struct redis_bus *b, const struct bus_request *r, struct wr *w)
{
    wr_put(w, STR("{\"method\": "));
    json_write_str(w, r->method);
    wr_put(w, STR(", \"arguments\": "));
    wr_put(w, r->arguments.n ? r->arguments : STR("{}"));
    wr_put(w, STR(", \"destination\": "));
    wr_text(w, r->ndestination ? "" : "null");
    for (size_t i = 0; i < r->ndestination; i++) {
        wr_text(w, i ? ", " : "[");
        json_write_str(w, r->destination[i]);
    }
    wr_text(w, r->ndestination ? "]" : "");
    put_text_or_null(w, "pattern", r->pattern);
    put_text_or_null(w, "matcher", r->matcher);
    if (r->timeout_s > 0)
        wr_printf(w,
                  ", \"ticket\": \"%s\", \"reply_to\": {\"exchange\": \"%s\", "
                  "\"routing_key\": \"%s\"}",
                  b->ask.ticket, b->reply_exchange, b->oid);
    wr_put(w, STR("}"));
}

static void put_headers(const struct bus_request *r, struct wr *w)
{
    char expires[32] = "0";
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    if (r->timeout_s > 0)
        json_format_float(expires,
                          (double)now.tv_sec + (double)now.tv_usec / 1e6 + r->timeout_s,
                          true);
    wr_reset(w);
    wr_printf(w, "{\"clock\": %" PRIu64 ", \"expires\": %s}", r->clock, expires);
}

/* The message in b->text; false if there is no room for it. */
static bool write_request(struct redis_bus *b, const struct bus_request *r)
{
    char tag[UUID_TEXT];
    struct wr body;
    redis_bus_uuid(tag);
    wr_init(&body, BUS_MESSAGE_MAX);
    put_body(b, r, &body);
    put_headers(r, &b->headers);
    wr_reset(&b->text);
    bus_message_write(&b->text,
                      &(struct bus_envelope){wr_str(&body), wr_str(&b->headers), 2,
                                             str_of(b->exchange), STR(""), tag});
    bool fits =
        !body.bad && !b->headers.bad && !b->text.bad && b->text.len <= BUS_MESSAGE_MAX;
    wr_finish(&body);
    return fits;
}

static void publish(struct redis_bus *b, redis_reply_fn *published)
{
    redis_begin(&b->writer, 3, published, b);
    redis_arg_text(&b->writer, "PUBLISH");
    redis_arg_text(&b->writer, b->control_channel);
    redis_arg(&b->writer, wr_str(&b->text));
    link_flush(&b->writer.link);
}

static void begin(struct redis_bus *b, const struct bus_request *r)
{
    b->ask.active = true;
    if (b->ask.wants_replies) {
        b->ask.deadline_ms = uv_now(b->loop) + (uint64_t)(r->timeout_s * 1000);
        uv_timer_start(&b->ask_timer, on_time, (uint64_t)(r->timeout_s * 1000), 0);
        redis_bus_bind_reply(b);
    }
    if (b->ask.wants_replies && !b->asker_lives)
        open_asker(b);
    b->asks_in_flight++;
    publish(b, on_published);
}

void redis_bus_ask(struct bus *base, const struct bus_request *r,
                   bus_replied_fn *replied, bus_asked_fn *done, void *ctx)
{
    struct redis_bus *b = redis_bus_of(base);
    if (b->ask.active || b->stopping) {
        done(ctx, b->stopping ? "it is stopping" : "another request is on its way");
        return;
    }
    b->ask = (struct redis_bus_ask){
        .replied = replied,
        .done = done,
        .ctx = ctx,
        .wants_replies = r->timeout_s > 0,
        .counts_hearers = r->limit == 0 && r->ndestination == 0 && r->pattern.n == 0,
        .limit = r->limit ? r->limit : r->ndestination,
    };
    redis_bus_uuid(b->ask.ticket);
    if (!write_request(b, r))
        done(ctx, "it is larger than a message may be, or memory is short");
    else if (!redis_bus_has_room(b, b->text.len))
        done(ctx, "there is no connection to the broker");
    else
        begin(b, r);
}

/* ---- without replies ---------------------------------------------------------- */

static void on_told(void *ctx, const redisReply *reply)
{
    if (redis_is_error(reply))
        redis_bus_complain(ctx, "cannot send a request: %.200s%s", reply->str,
                           redis_error_hint(reply->str));
}

bool redis_bus_tell(struct bus *base, const struct bus_request *r)
{
    struct redis_bus *b = redis_bus_of(base);
    struct bus_request told = *r;
    told.timeout_s = 0;
    if (b->stopping || !write_request(b, &told) || !redis_bus_has_room(b, b->text.len))
        return false;
    publish(b, on_told);
    return true;
}
