/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to workers, and a page with what they reply. */
#include "monitor.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"

#define REPLY_SECONDS 1
#define ARGUMENTS_BYTES 65536

/* ---- replies
 * ------------------------------------------------------------------------- */

/* {"ok": "…"}, {"error": "…"}, or whatever came. */
static void put_reply(struct wr *w, const ptl_value *reply)
{
    const ptl_value *text = value_get(reply, "error");
    if (!text)
        text = value_get(reply, "ok");
    if (value_kind(text) == PTL_STR)
        wr_put(w, text->u.s);
    else
        pyrepr_cut(w, reply, 4096);
}

static void on_reply(void *ctx, const struct bus_message *message)
{
    struct monitor *m = ctx;
    const ptl_value *body = message->body;
    for (size_t i = 0; value_kind(body) == PTL_MAP && i < body->u.map.n; i++) {
        wr_put(&m->page.text, body->u.map.pairs[i].key);
        wr_text(&m->page.text, ": ");
        put_reply(&m->page.text, body->u.map.pairs[i].value);
        wr_text(&m->page.text, "\n");
        m->nreplies++;
    }
    if (!m->quits)
        monitor_draw(m);
}

static void on_done(void *ctx, const char *why)
{
    struct monitor *m = ctx;
    m->asking = false;
    if (why)
        wr_printf(&m->page.text, "not asked: %s\n", why);
    else if (m->nreplies == 0)
        wr_printf(&m->page.text, "nobody replied within %d s\n", REPLY_SECONDS);
    if (!m->quits)
        monitor_draw(m);
}

/* ---- requests
 * ------------------------------------------------------------------------ */

static void ask(struct monitor *m, const char *method, const struct wr *arguments)
{
    const struct bus_request request = {.method = str_of(method),
                                        .arguments = wr_str(arguments),
                                        .timeout_s = REPLY_SECONDS};
    m->asking = true;
    m->nreplies = 0;
    m->bus->ops->ask(m->bus, &request, on_reply, on_done, m);
}

static bool may_ask(struct monitor *m)
{
    if (m->asking)
        monitor_note(m, "the replies to the last request are still waited for");
    else if (!m->bus || !m->bus->up)
        monitor_note(m, "there is no connection");
    return !m->asking && m->bus && m->bus->up;
}

void monitor_revoke(struct monitor *m, const struct seen_task *t)
{
    struct wr arguments;
    if (!may_ask(m))
        return;
    monitor_page(m, "Revoke", t);
    wr_init(&arguments, ARGUMENTS_BYTES);
    wr_text(&arguments, "{\"task_id\": ");
    json_write_str(&arguments, t->fields[SEEN_UUID]);
    wr_text(&arguments, ", \"terminate\": false, \"signal\": \"SIGTERM\"}");
    ask(m, "revoke", &arguments);
    wr_finish(&arguments);
}

void monitor_limit(struct monitor *m, const struct seen_task *t)
{
    struct wr arguments;
    if (!may_ask(m))
        return;
    monitor_page(m, "Rate limit of the tasks of", t);
    wr_init(&arguments, ARGUMENTS_BYTES);
    wr_text(&arguments, "{\"task_name\": ");
    json_write_str(&arguments, t->fields[SEEN_NAME]);
    wr_text(&arguments, ", \"rate_limit\": ");
    json_write_str(&arguments, str_of(m->typed));
    wr_text(&arguments, "}");
    ask(m, "rate_limit", &arguments);
    wr_finish(&arguments);
}

void monitor_enable(struct monitor *m)
{
    struct wr arguments;
    if (!may_ask(m))
        return;
    monitor_page(m, "Events of tasks", NULL);
    wr_init(&arguments, ARGUMENTS_BYTES);
    wr_text(&arguments, "{}");
    ask(m, "enable_events", &arguments);
    wr_finish(&arguments);
}
