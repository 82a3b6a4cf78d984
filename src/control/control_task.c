/* SPDX-License-Identifier: Apache-2.0 */
/* A task as clients see it: celery/worker/request.py's Request.info.
 *
 * The message is read anew from the bytes that were taken: nothing is kept for clients
 * that may never ask. Nobody may make the loop wait by asking for large ones, either:
 * hence the limits of control.h. */
#include "control.h"

#include "../../protocol/json.h"
#include "../../protocol/message.h"

#define ENVELOPE_MAX ((size_t)1 << 20) /* longer ones are not even parsed */

struct shown {
    struct envelope envelope;
    struct message message;
    struct message_body body;
    bool has_message, has_body;
};

static void read_body(struct arena *a, struct shown *s)
{
    static const char *const accept[] = {"json", "msgpack", NULL};
    const struct content_rules rules = {.accept = accept,
                                        .max_bytes = CONTROL_BODY_MAX};
    const char *why;
    s->has_body = message_read_body(a, &s->envelope, &s->message, &rules, &s->body,
                                    &why) == MESSAGE_OK;
}

static void read_message(struct control_call *c, const struct request *rq, bool safe,
                         struct shown *s)
{
    struct arena *a = &c->worker->scratch;
    const char *why;
    *s = (struct shown){0};
    if (rq->raw.n > ENVELOPE_MAX || c->read_bytes + rq->raw.n > CONTROL_READ_MAX)
        return;
    c->read_bytes += rq->raw.n;
    arena_reset(a);
    if (!envelope_read(a, rq->raw, &s->envelope, &why))
        return;
    s->has_message = message_read(a, &s->envelope, &s->message, &why) == MESSAGE_OK;
    if (s->has_message && !safe && rq->raw.n <= CONTROL_BODY_MAX)
        read_body(a, s);
}

static void put_text(struct wr *out, const char *key, struct str value)
{
    wr_printf(out, "\"%s\": ", key);
    json_write_str(out, value);
    wr_text(out, ", ");
}

/* As a value, else as its sender printed it, else by the size of the message. */
static void put_given(struct wr *out, const char *key, const struct request *rq,
                      const struct shown *s, const ptl_value *value, struct str repr)
{
    char size[64];
    if (s->has_body && value) {
        wr_printf(out, "\"%s\": ", key);
        json_write(out, value);
        wr_text(out, ", ");
        return;
    }
    snprintf(size, sizeof(size), "<in a message of %zu bytes>", rq->raw.n);
    put_text(out, key, s->has_message ? repr : str_of(size));
}

static void put_delivery(struct wr *out, const struct request *rq,
                         const struct shown *s)
{
    wr_text(out, "\"delivery_info\": {");
    put_text(out, "exchange", s->envelope.exchange);
    put_text(out, "routing_key",
             s->envelope.routing_key.p ? s->envelope.routing_key : rq->queue);
    wr_printf(out, "\"priority\": %lld, \"redelivered\": %s}, ",
              (long long)s->envelope.priority, rq->redelivered ? "true" : "false");
}

/* When and where it runs: null before. */
static void put_run(struct wr *out, const struct request *rq)
{
    char began[32];
    bool acknowledged = rq->settled || rq->delivery.settling;
    if (rq->began_us)
        json_format_float(began, (double)rq->began_us / 1e6, true);
    wr_printf(out, "\"time_start\": %s, \"acknowledged\": %s, ",
              rq->began_us ? began : "null", acknowledged ? "true" : "false");
}

void control_put_task(struct control_call *c, const struct request *rq, bool safe)
{
    struct wr *out = c->reply;
    struct shown s;
    read_message(c, rq, safe, &s);
    wr_text(out, "{");
    put_text(out, "id", rq->id);
    put_text(out, "name", rq->name);
    put_given(out, "args", rq, &s, s.body.args, s.message.argsrepr);
    put_given(out, "kwargs", rq, &s, s.body.kwargs, s.message.kwargsrepr);
    put_text(out, "type", rq->task);
    put_text(out, "hostname", str_of(c->worker->config->hostname));
    put_run(out, rq);
    put_delivery(out, rq, &s);
    if (rq->began_us)
        wr_printf(out, "\"worker_pid\": %u}", rq->pid);
    else
        wr_text(out, "\"worker_pid\": null}");
}
