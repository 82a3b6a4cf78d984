/* SPDX-License-Identifier: Apache-2.0 */
/* A message comes as a method, a header and any number of body frames. */
#include "amqp.h"

#include <stdlib.h>

/* Strings of the method are kept, since its frame is gone when the body has come. */
struct amqp_content {
    amqp_method_number_t id;
    struct wr names; /* consumer tag or text, exchange, routing key */
    size_t lengths[3];
    uint64_t tag;
    bool redelivered;
    uint16_t code;
    bool has_header;
    amqp_pool_t pool; /* of the properties */
    const amqp_basic_properties_t *properties;
    uint64_t size, came;
    struct wr body;
};

#define NAMES_MAX 1024 /* three short strings of 255 */
#define POOL_PAGE 4096

void amqp_content_forget(struct amqp_channel *c)
{
    struct amqp_content *m = c->content;
    c->content = NULL;
    if (!m)
        return;
    wr_finish(&m->names);
    wr_finish(&m->body);
    c->amqp->library->empty_pool(&m->pool);
    free(m);
}

static void keep_names(struct amqp_content *m, amqp_bytes_t first,
                       amqp_bytes_t exchange, amqp_bytes_t routing_key)
{
    const amqp_bytes_t names[3] = {first, exchange, routing_key};
    for (unsigned i = 0; i < 3; i++) {
        wr_put(&m->names, amqp_str(names[i]));
        m->lengths[i] = names[i].len;
    }
}

static void read_method(struct amqp_content *m, const amqp_method_t *method)
{
    m->id = method->id;
    if (method->id == AMQP_BASIC_DELIVER_METHOD) {
        const amqp_basic_deliver_t *d = method->decoded;
        keep_names(m, d->consumer_tag, d->exchange, d->routing_key);
        m->tag = d->delivery_tag;
        m->redelivered = d->redelivered;
    } else {
        const amqp_basic_return_t *r = method->decoded;
        keep_names(m, r->reply_text, r->exchange, r->routing_key);
        m->code = r->reply_code;
    }
}

void amqp_content_begin(struct amqp_channel *c, const amqp_method_t *method)
{
    struct amqp_content *m = calloc(1, sizeof(*m));
    if (c->content || !m) {
        amqp_fault(c->amqp, m ? "the server began a message within another"
                              : "out of memory for a message");
        free(m);
        return;
    }
    c->content = m;
    wr_init(&m->names, NAMES_MAX);
    wr_init(&m->body, c->max_body_bytes);
    c->amqp->library->init_pool(&m->pool, POOL_PAGE);
    read_method(m, method);
}

/* ---- the whole message ---------------------------------------------------------- */

static struct str name(const struct amqp_content *m, unsigned i)
{
    const char *p = m->names.p;
    for (unsigned k = 0; k < i; k++)
        p += m->lengths[k];
    return (struct str){p, m->lengths[i]};
}

/* Off the channel first: the listener may close it. */
static void tell(struct amqp_channel *c)
{
    struct amqp_content *m = c->content;
    struct amqp_channel gone = {.amqp = c->amqp, .content = m};
    bool returned = m->id == AMQP_BASIC_RETURN_METHOD;
    const struct amqp_delivery d = {.consumer_tag = returned ? STR("") : name(m, 0),
                                    .text = returned ? name(m, 0) : STR(""),
                                    .exchange = name(m, 1),
                                    .routing_key = name(m, 2),
                                    .tag = m->tag,
                                    .redelivered = m->redelivered,
                                    .code = m->code,
                                    .properties = m->properties,
                                    .body = wr_str(&m->body),
                                    .body_size = m->size};
    c->content = NULL;
    if (c->state != CHANNEL_CLOSING && returned && c->events->returned)
        c->events->returned(c->ctx, &d);
    else if (c->state != CHANNEL_CLOSING && !returned && c->events->delivered)
        c->events->delivered(c->ctx, &d);
    amqp_content_forget(&gone);
}

static void tell_if_whole(struct amqp_channel *c)
{
    struct amqp_content *m = c->content;
    if (m->came < m->size)
        return;
    if (m->names.bad || (m->body.bad && m->size <= c->max_body_bytes))
        amqp_fault(c->amqp, "out of memory for a message of %llu bytes",
                   (unsigned long long)m->size);
    else
        tell(c);
}

void amqp_content_header(struct amqp_channel *c, uint16_t class_id, uint64_t size,
                         amqp_bytes_t raw)
{
    struct amqp_content *m = c->content;
    void *decoded;
    if (!m || m->has_header || class_id != AMQP_BASIC_CLASS) {
        amqp_fault(c->amqp, "the server sent a header where none belongs");
        return;
    }
    int r = c->amqp->library->decode_properties(class_id, &m->pool, raw, &decoded);
    if (r < 0) {
        amqp_fault(c->amqp, "the properties of a message cannot be read: %s",
                   c->amqp->library->error_text(r));
        return;
    }
    m->has_header = true;
    m->properties = decoded;
    m->size = size;
    tell_if_whole(c);
}

/* One that is too large is not kept, but counted to its end. */
void amqp_content_body(struct amqp_channel *c, struct str part)
{
    struct amqp_content *m = c->content;
    if (!m || !m->has_header || part.n > m->size - m->came) {
        amqp_fault(c->amqp, m && m->has_header
                                ? "the server sent a body larger than announced"
                                : "the server sent a body where none belongs");
        return;
    }
    m->came += part.n;
    if (m->size <= c->max_body_bytes)
        wr_put(&m->body, part);
    tell_if_whole(c);
}
