/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"
#include "../clock.h"

#define LOGGED_MAX 512 /* characters of what a request says */

static void complain(const char *what)
{
    log_line(LOG_ERROR, "Control command error: %s", what);
}

/* ---- the command -------------------------------------------------------------- */

/* KeyError('x'), as a dict of commands answers what is none of its keys. */
static void raise_unknown(struct control_call *c, const ptl_value *method)
{
    struct wr repr;
    if (value_kind(method) == PTL_LIST || value_kind(method) == PTL_MAP) {
        control_raise(c, "TypeError", "unhashable type: '%s'",
                      value_kind(method) == PTL_LIST ? "list" : "dict");
        return;
    }
    wr_init(&repr, 8 * LOGGED_MAX);
    pyrepr_cut(&repr, method, LOGGED_MAX);
    log_line(LOG_ERROR, "pidbox command error: KeyError(%.*s)", STR_ARG(wr_str(&repr)));
    control_error(c, "KeyError(%.*s)", STR_ARG(wr_str(&repr)));
    wr_finish(&repr);
}

static void run(struct control_call *c, const ptl_value *method)
{
    const struct control_command *command = control_find(value_as_str(method));
    if (!command)
        raise_unknown(c, method);
    else if (control_bind(c, command))
        command->run(c);
    if (c->reply->bad)
        control_error(c, "MemoryError('the reply is larger than %zu bytes')",
                      c->reply->max);
    if (c->reply->len == c->begun)
        wr_text(c->reply, "null");
}

/* ---- the reply ---------------------------------------------------------------- */

static void send_reply(struct control_call *c, const ptl_value *request)
{
    struct worker *w = c->worker;
    const ptl_value *to = value_get(request, "reply_to");
    struct bus_reply reply = {
        .exchange = value_as_str(value_get(to, "exchange")),
        .routing_key = value_as_str(value_get(to, "routing_key")),
        .ticket = value_as_str(value_get(request, "ticket")),
        .clock = clock_forward(&w->clock),
        .body = wr_str(c->reply),
    };
    if (c->reply->bad)
        complain("no memory for the reply");
    else if (!reply.exchange.p || !reply.routing_key.p)
        complain("reply_to lacks exchange or routing_key");
    else if (w->bus)
        w->bus->ops->reply(w->bus, &reply);
}

/* {"w1@h1": its value} */
static void answer(struct worker *w, const struct bus_message *m,
                   const ptl_value *arguments)
{
    struct wr reply;
    struct control_call c = {.worker = w,
                             .arena = m->arena,
                             .arguments = arguments,
                             .reply = &reply};
    wr_init(&reply, CONTROL_REPLY_MAX);
    wr_text(&reply, "{");
    json_write_str(&reply, str_of(w->config->hostname));
    wr_text(&reply, ": ");
    c.begun = reply.len;
    run(&c, value_get(m->body, "method"));
    wr_text(&reply, "}");
    if (!c.silent && value_truth(value_get(m->body, "reply_to")))
        send_reply(&c, m->body);
    wr_finish(&reply);
}

/* ---- the request -------------------------------------------------------------- */

static void put_cut(struct wr *out, const ptl_value *v)
{
    if (value_kind(v) == PTL_STR)
        wr_put(out,
               (struct str){v->u.s.p, v->u.s.n < LOGGED_MAX ? v->u.s.n : LOGGED_MAX});
    else
        pyrepr_cut(out, v, LOGGED_MAX);
}

/* pidbox received method ping(a=1) [reply_to:{…} ticket:…] */
static void log_request(const ptl_value *request, const ptl_value *arguments)
{
    struct wr line;
    wr_init(&line, (size_t)64 << 10);
    put_cut(&line, value_get(request, "method"));
    wr_text(&line, "(");
    for (size_t i = 0; i < value_len(arguments) && line.len < LOGGED_MAX; i++) {
        const struct value_pair *pair = &arguments->u.map.pairs[i];
        wr_printf(&line, "%s%.*s=", i ? ", " : "",
                  pair->key.n < LOGGED_MAX ? (int)pair->key.n : LOGGED_MAX,
                  pair->key.p);
        pyrepr_cut(&line, pair->value, LOGGED_MAX);
    }
    wr_text(&line, ") [reply_to:");
    put_cut(&line, value_get(request, "reply_to"));
    wr_text(&line, " ticket:");
    put_cut(&line, value_get(request, "ticket"));
    wr_text(&line, "]");
    log_line(LOG_DEBUG, "pidbox received method %.*s", STR_ARG(wr_str(&line)));
    wr_finish(&line);
}

static void dispatch(struct worker *w, const struct bus_message *m)
{
    const ptl_value *arguments = value_get(m->body, "arguments");
    if (!value_truth(arguments))
        arguments = value_map(m->arena, 0);
    if (value_kind(arguments) != PTL_MAP || !value_get(m->body, "method")) {
        complain("a request has a method, and an object as arguments");
        return;
    }
    if (log_wants(LOG_DEBUG))
        log_request(m->body, arguments);
    answer(w, m, arguments);
}

void control_heard(struct worker *w, const struct bus_message *m)
{
    int64_t seen = value_as_int(value_get(m->headers, "clock"), 0);
    const char *why = NULL;
    clock_adjust(&w->clock, seen > 0 ? (uint64_t)seen : 0);
    enum control_concern concern =
        control_concerns(m->arena, m->body, w->config->hostname, &why);
    if (concern == CONTROL_BAD)
        complain(why);
    else if (concern == CONTROL_US)
        dispatch(w, m);
}
