/* SPDX-License-Identifier: Apache-2.0 */
#include "panel.h"

#include "../../../protocol/json.h"
#include "../../../protocol/message.h"
#include "../protocol/cmocka_all.h"
#include "loop.h"

#include <stdio.h>
#include <stdlib.h>

static void keep_reply(struct bus *b, const struct bus_reply *r)
{
    struct panel *p = (struct panel *)(void *)((char *)b - offsetof(struct panel, bus));
    p->replies++;
    p->clock = r->clock;
    free(p->body);
    p->body = strndup(r->body.p, r->body.n);
    snprintf(p->routing_key, sizeof(p->routing_key), "%.*s/%.*s", STR_ARG(r->exchange),
             STR_ARG(r->routing_key));
    snprintf(p->ticket, sizeof(p->ticket), "%.*s", STR_ARG(r->ticket));
}

static const struct bus_ops bus_ops = {.reply = keep_reply};
static const struct pool_events pool_events = {0};

void panel_start(struct panel *p)
{
    *p = (struct panel){.bus.ops = &bus_ops, .bus.up = true};
    p->config.hostname = (char *)(uintptr_t) "w1@h1";
    p->config.message_max_bytes = 1 << 20;
    p->w.config = &p->config;
    p->w.bus = &p->bus;
    for (unsigned i = 0; i < RQ_STATES; i++)
        list_init(&p->w.requests[i]);
    loop_start(&p->w.loop);
    log_init(&p->w.loop, (enum log_level)99);
    arena_init(&p->w.scratch, 16 << 20);
    arena_init(&p->arena, 64 << 20);
    events_init(&p->w.events, &p->w);
    revoke_init(&p->w.revoke);
    p->w.pool = pool_create(&p->w.loop, &p->config, 0, STR(""), &pool_events, &p->w);
    assert_non_null(p->w.pool);
}

void panel_finish(struct panel *p)
{
    log_finish();
    loop_finish(&p->w.loop);
    events_finish(&p->w.events);
    for (unsigned i = 0; i < RQ_STATES; i++)
        while (!list_empty(&p->w.requests[i]))
            request_destroy(list_entry(p->w.requests[i].next, struct request, link));
    pool_destroy(p->w.pool);
    revoke_finish(&p->w.revoke);
    free(p->w.accepted);
    arena_finish(&p->w.scratch);
    arena_finish(&p->arena);
    free(p->body);
}

void panel_know(struct panel *p, const struct frame_row *rows, uint32_t n)
{
    struct wr w;
    struct frame_ready ready;
    wr_init(&w, 1 << 16);
    size_t begun = frame_begin_ready(&w, 1, n);
    for (uint32_t i = 0; i < n; i++)
        frame_put_row(&w, &rows[i]);
    frame_end(&w, begun);
    assert_true(frame_get_ready((struct rd){.p = w.p + 5, .left = w.len - 5}, &ready));
    assert_true(table_read((struct table *)(uintptr_t)pool_table(p->w.pool), &ready));
    wr_finish(&w);
    p->w.accepted = calloc(n, sizeof(*p->w.accepted));
}

struct request *panel_take(struct panel *p, const char *text)
{
    struct envelope e;
    struct message m;
    const char *why = NULL;
    arena_reset(&p->arena);
    assert_true(envelope_read(&p->arena, str_of(text), &e, &why));
    assert_int_equal(message_read(&p->arena, &e, &m, &why), MESSAGE_OK);
    return request_create(&p->w, &m, STR("celery"), str_of(text));
}

unsigned panel_hear(struct panel *p, const char *request)
{
    struct json_error e;
    unsigned before = p->replies;
    arena_reset(&p->arena);
    const ptl_value *body = json_read(&p->arena, str_of(request), JSON_COPY_STRINGS,
                                      &json_default_limits, &e);
    assert_non_null(body);
    struct bus_message m = {.arena = &p->arena,
                            .headers = value_map(&p->arena, 0),
                            .body = body};
    control_heard(&p->w, &m);
    return p->replies - before;
}

unsigned panel_call(struct panel *p, const char *method, const char *arguments)
{
    struct wr text;
    wr_init(&text, 8 << 20);
    wr_printf(&text,
              "{\"method\": \"%s\", \"arguments\": %s, \"destination\": null, "
              "\"pattern\": null, \"matcher\": null, \"ticket\": \"t1\", \"reply_to\": "
              "{\"exchange\": \"reply.celery.pidbox\", \"routing_key\": \"oid\"}}",
              method, arguments);
    wr_u8(&text, 0);
    assert_false(text.bad);
    unsigned replies = panel_hear(p, text.p);
    wr_finish(&text);
    return replies;
}

const ptl_value *panel_reply(struct panel *p)
{
    struct json_error e;
    assert_non_null(p->body);
    const ptl_value *reply = json_read(&p->arena, str_of(p->body), JSON_COPY_STRINGS,
                                       &json_default_limits, &e);
    assert_non_null(reply);
    assert_int_equal(value_len(reply), 1);
    assert_non_null(value_get(reply, p->config.hostname));
    return value_get(reply, p->config.hostname);
}
