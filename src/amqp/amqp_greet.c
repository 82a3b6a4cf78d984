/* SPDX-License-Identifier: Apache-2.0 */
/* The first words: who we are, how much fits into a frame, which virtual host. */
#include "amqp.h"

#include <stdio.h>

static const char header[8] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};

void amqp_greet(struct amqp *a)
{
    a->step = 0;
    a->ready_since_ms = uv_now(a->link.loop); /* of the greeting, until it is READY */
    wr_put(&a->link.out, (struct str){header, sizeof(header)});
    link_flush(&a->link);
}

/* ---- Start --------------------------------------------------------------------- */

static const amqp_field_value_t *field(const amqp_table_t *t, const char *name)
{
    for (int i = 0; i < t->num_entries; i++)
        if (str_is(amqp_str(t->entries[i].key), name))
            return &t->entries[i].value;
    return NULL;
}

static void copy_text(const amqp_table_t *t, const char *name, char *out, size_t size)
{
    const amqp_field_value_t *v = field(t, name);
    struct str s =
        v && v->kind == AMQP_FIELD_KIND_UTF8 ? amqp_str(v->value.bytes) : STR("");
    snprintf(out, size, "%.*s", (int)(s.n < size ? s.n : size - 1), s.p);
}

static bool can(const amqp_table_t *capabilities, const char *name)
{
    const amqp_field_value_t *v = field(capabilities, name);
    return v && v->kind == AMQP_FIELD_KIND_BOOLEAN && v->value.boolean;
}

static void read_server(struct amqp *a, const amqp_table_t *t)
{
    struct amqp_server *s = &a->server;
    const amqp_field_value_t *capabilities = field(t, "capabilities");
    *s = (struct amqp_server){0};
    copy_text(t, "product", s->product, sizeof(s->product));
    copy_text(t, "version", s->version, sizeof(s->version));
    if (sscanf(s->version, "%u.%u", &s->major, &s->minor) != 2)
        s->major = s->minor = 0;
    if (!capabilities || capabilities->kind != AMQP_FIELD_KIND_TABLE)
        return;
    s->confirms = can(&capabilities->value.table, "publisher_confirms");
    s->cancels_consumers = can(&capabilities->value.table, "consumer_cancel_notify");
    s->blocks = can(&capabilities->value.table, "connection.blocked");
}

/* One of the words, which spaces part. */
static bool offers(struct str mechanisms, struct str wanted)
{
    while (mechanisms.n > 0) {
        const char *space = memchr(mechanisms.p, ' ', mechanisms.n);
        size_t n = space ? (size_t)(space - mechanisms.p) : mechanisms.n;
        if (str_eq((struct str){mechanisms.p, n}, wanted))
            return true;
        n += space != NULL;
        mechanisms = (struct str){mechanisms.p + n, mechanisms.n - n};
    }
    return false;
}

static amqp_table_entry_t text_entry(const char *key, struct str text)
{
    return (amqp_table_entry_t){amqp_cstring_bytes(key),
                                {.kind = AMQP_FIELD_KIND_UTF8,
                                 .value.bytes = amqp_bytes_of(text)}};
}

static amqp_table_entry_t true_entry(const char *key)
{
    return (amqp_table_entry_t){amqp_cstring_bytes(key),
                                {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

/* RabbitMQ's AMQPLAIN: a table's entries without its length. */
static struct str amqplain(const struct amqp *a, char *room, size_t size)
{
    const struct url *u = a->url;
    amqp_table_entry_t entries[] = {text_entry("LOGIN", str_of(u->user)),
                                    text_entry("PASSWORD", str_of(u->password))};
    amqp_table_t t = {2, entries};
    size_t end = 0;
    int r = a->library->encode_table((amqp_bytes_t){size, room}, &t, &end);
    return r < 0 || end < 4 ? STR("") : (struct str){room + 4, end - 4};
}

static struct str response(const struct amqp *a, char *room, size_t size)
{
    const struct url *u = a->url;
    if (strcmp(a->options->login_method, "EXTERNAL") == 0)
        return STR("");
    if (strcmp(a->options->login_method, "AMQPLAIN") == 0)
        return amqplain(a, room, size);
    int n = snprintf(room, size, "%c%s%c%s", 0, u->user, 0, u->password);
    return (struct str){room, n > 0 && (size_t)n < size ? (size_t)n : 0};
}

static void send_start_ok(struct amqp *a)
{
    char room[1024];
    amqp_table_entry_t capabilities[] = {true_entry("authentication_failure_close"),
                                         true_entry("basic.nack"),
                                         true_entry("connection.blocked"),
                                         true_entry("consumer_cancel_notify"),
                                         true_entry("publisher_confirms")};
    amqp_table_entry_t about[] = {
        text_entry("product", STR("petiole")),
        text_entry("version", STR(PTL_VERSION)),
        text_entry("connection_name", str_of(a->options->name)),
        {amqp_cstring_bytes("capabilities"),
         {.kind = AMQP_FIELD_KIND_TABLE,
          .value.table = {sizeof(capabilities) / sizeof(capabilities[0]),
                          capabilities}}}};
    amqp_connection_start_ok_t ok = {
        .client_properties = {sizeof(about) / sizeof(about[0]), about},
        .mechanism = amqp_cstring_bytes(a->options->login_method),
        .response = amqp_bytes_of(response(a, room, sizeof(room))),
        .locale = amqp_cstring_bytes("en_US")};
    amqp_write_method(a, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
    explicit_bzero(room, sizeof(room));
}

static void on_start(struct amqp *a, const amqp_connection_start_t *m)
{
    struct str wanted = str_of(a->options->login_method);
    read_server(a, &m->server_properties);
    if (!offers(amqp_str(m->mechanisms), wanted))
        link_close(&a->link, "the server does not offer the login method %.20s",
                   wanted.p);
    else
        send_start_ok(a);
}

/* ---- Tune, Open ---------------------------------------------------------------- */

static uint32_t lesser(uint32_t ours, uint32_t theirs)
{
    return theirs == 0 || ours < theirs ? ours : theirs;
}

/* 0 is "none" here, and the other side's word counts. */
static uint16_t agreed_heartbeat_s(double ours, uint16_t theirs)
{
    uint16_t whole = ours < 1            ? ours > 0
                     : ours > UINT16_MAX ? UINT16_MAX
                                         : (uint16_t)ours;
    return whole == 0 ? 0 : (uint16_t)lesser(whole, theirs);
}

static void on_tune(struct amqp *a, const amqp_connection_tune_t *m)
{
    amqp_connection_open_t open = {.virtual_host = amqp_cstring_bytes(a->url->vhost),
                                   .capabilities = amqp_empty_bytes,
                                   .insist = 1};
    a->frame_max = lesser(AMQP_FRAME_MAX, m->frame_max);
    a->channel_max = (uint16_t)lesser(AMQP_CHANNELS_MAX, m->channel_max);
    a->heartbeat_s = agreed_heartbeat_s(a->options->heartbeat_s, m->heartbeat);
    if (a->frame_max < AMQP_FRAME_MIN_SIZE) {
        link_close(&a->link, "the server's frames are too small: %u bytes",
                   a->frame_max);
        return;
    }
    if (a->library->tune(a->reader, a->channel_max, (int)a->frame_max, 0) < 0) {
        link_close(&a->link, "out of memory for frames of %u bytes", a->frame_max);
        return;
    }
    amqp_connection_tune_ok_t ok = {a->channel_max, a->frame_max, a->heartbeat_s};
    amqp_write_method(a, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
    amqp_write_method(a, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
}

void amqp_greeted(struct amqp *a, const amqp_method_t *m)
{
    static const amqp_method_number_t order[] = {AMQP_CONNECTION_START_METHOD,
                                                 AMQP_CONNECTION_TUNE_METHOD,
                                                 AMQP_CONNECTION_OPEN_OK_METHOD};
    if (m->id != order[a->step]) {
        link_close(&a->link, "the server greets in another order than AMQP 0-9-1");
        return;
    }
    a->step++;
    if (m->id == AMQP_CONNECTION_START_METHOD)
        on_start(a, m->decoded);
    else if (m->id == AMQP_CONNECTION_TUNE_METHOD)
        on_tune(a, m->decoded);
    else
        amqp_become_ready(a);
}
