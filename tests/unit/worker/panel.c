/* SPDX-License-Identifier: Apache-2.0 */
#include "panel.h"

#include "../../../protocol/json.h"
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
}

void panel_finish(struct panel *p)
{
    log_finish();
    loop_finish(&p->w.loop);
    events_finish(&p->w.events);
    for (unsigned i = 0; i < RQ_STATES; i++)
        while (!list_empty(&p->w.requests[i]))
            request_destroy(list_entry(p->w.requests[i].next, struct request, link));
    arena_finish(&p->w.scratch);
    arena_finish(&p->arena);
    free(p->body);
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
