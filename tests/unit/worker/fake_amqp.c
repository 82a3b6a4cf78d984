/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_amqp.h"

#include "../protocol/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- saying -------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    free(req);
}

static void write_piece(struct fake_amqp *f, const char *bytes, size_t n)
{
    struct piece {
        uv_write_t req;
        char bytes[];
    } *p = malloc(sizeof(*p) + n);
    memcpy(p->bytes, bytes, n);
    uv_buf_t buf = uv_buf_init(p->bytes, (unsigned)n);
    if (uv_write(&p->req, (uv_stream_t *)&f->client, &buf, 1, on_written) < 0)
        free(p);
}

void fake_amqp_bytes(struct fake_amqp *f, struct str bytes)
{
    size_t tear = f->tear_bytes && f->tear_bytes < bytes.n ? f->tear_bytes : bytes.n;
    for (size_t i = 0; f->has_client && i < bytes.n; i += tear)
        write_piece(f, bytes.p + i, bytes.n - i < tear ? bytes.n - i : tear);
}

static void put_number(struct wr *w, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        wr_u8(w, (uint8_t)(v >> (8 * bytes)));
}

void fake_amqp_frame(struct fake_amqp *f, uint8_t type, uint16_t channel,
                     struct str payload)
{
    struct wr w;
    wr_init(&w, 1 << 24);
    wr_u8(&w, type);
    put_number(&w, channel, 2);
    put_number(&w, payload.n, 4);
    wr_put(&w, payload);
    wr_u8(&w, 0xCE);
    fake_amqp_bytes(f, wr_str(&w));
    wr_finish(&w);
}

void fake_amqp_method(struct fake_amqp *f, uint16_t channel, amqp_method_number_t id,
                      void *method)
{
    char room[8192];
    for (unsigned i = 0; i < 4; i++)
        room[i] = (char)(id >> (24 - 8 * i));
    int n = amqp_encode_method(id, method, (amqp_bytes_t){sizeof(room) - 4, room + 4});
    assert_true(n >= 0);
    fake_amqp_frame(f, AMQP_FRAME_METHOD, channel, (struct str){room, 4 + (size_t)n});
}

void fake_amqp_header(struct fake_amqp *f, uint16_t channel, uint64_t size)
{
    char room[1024];
    amqp_basic_properties_t p = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG,
                                 .content_type =
                                     amqp_cstring_bytes("application/json")};
    int n = amqp_encode_properties(AMQP_BASIC_CLASS, &p,
                                   (amqp_bytes_t){sizeof(room), room});
    struct wr w;
    wr_init(&w, sizeof(room) + 16);
    put_number(&w, AMQP_BASIC_CLASS, 2);
    put_number(&w, 0, 2);
    put_number(&w, size, 8);
    wr_put(&w, (struct str){room, (size_t)n});
    fake_amqp_frame(f, AMQP_FRAME_HEADER, channel, wr_str(&w));
    wr_finish(&w);
}

void fake_amqp_deliver(struct fake_amqp *f, uint16_t channel, struct str body,
                       size_t part)
{
    amqp_basic_deliver_t d = {.consumer_tag = amqp_cstring_bytes("me"),
                              .delivery_tag = 7,
                              .redelivered = 1,
                              .exchange = amqp_cstring_bytes(""),
                              .routing_key = amqp_cstring_bytes("celery")};
    fake_amqp_method(f, channel, AMQP_BASIC_DELIVER_METHOD, &d);
    fake_amqp_header(f, channel, body.n);
    for (size_t i = 0; i < body.n; i += part)
        fake_amqp_frame(f, AMQP_FRAME_BODY, channel,
                        (struct str){body.p + i,
                                     body.n - i < part ? body.n - i : part});
}

/* ---- answering ----------------------------------------------------------------- */

static amqp_table_entry_t text_entry(const char *key, const char *text)
{
    return (amqp_table_entry_t){amqp_cstring_bytes(key),
                                {.kind = AMQP_FIELD_KIND_UTF8,
                                 .value.bytes = amqp_cstring_bytes(text)}};
}

static void say_start(struct fake_amqp *f)
{
    amqp_table_entry_t can[] = {
        {amqp_cstring_bytes("publisher_confirms"),
         {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}}};
    amqp_table_entry_t about[] = {text_entry("product", "RabbitMQ"),
                                  text_entry("version", "3.10.8"),
                                  {amqp_cstring_bytes("capabilities"),
                                   {.kind = AMQP_FIELD_KIND_TABLE,
                                    .value.table = {1, can}}}};
    amqp_connection_start_t start = {.version_minor = 9,
                                     .server_properties = {3, about},
                                     .mechanisms = amqp_cstring_bytes("AMQPLAIN PLAIN"),
                                     .locales = amqp_cstring_bytes("en_US")};
    fake_amqp_method(f, 0, AMQP_CONNECTION_START_METHOD, &start);
}

static void on_start_ok(struct fake_amqp *f, const amqp_connection_start_ok_t *m)
{
    amqp_connection_close_t no = {.reply_code = 403,
                                  .reply_text = amqp_cstring_bytes(
                                      "ACCESS_REFUSED - Login was refused")};
    amqp_connection_tune_t tune = {2047, AMQP_FRAME_MAX, f->heartbeat_s};
    assert_true(m->response.len < sizeof(f->response));
    memcpy(f->response, m->response.bytes, m->response.len);
    if (f->refuses)
        fake_amqp_method(f, 0, AMQP_CONNECTION_CLOSE_METHOD, &no);
    else
        fake_amqp_method(f, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
}

static void answer(struct fake_amqp *f, uint16_t channel, const amqp_method_t *m)
{
    amqp_connection_open_ok_t open_ok = {amqp_empty_bytes};
    amqp_channel_open_ok_t channel_ok = {amqp_empty_bytes};
    amqp_connection_close_ok_t bye = {0};
    amqp_basic_qos_ok_t qos_ok = {0};
    if (m->id == AMQP_CONNECTION_START_OK_METHOD) {
        amqp_tune_connection(f->reader, 2047, AMQP_FRAME_MAX, 0);
        on_start_ok(f, m->decoded);
    } else if (m->id == AMQP_CONNECTION_OPEN_METHOD) {
        const amqp_connection_open_t *open = m->decoded;
        snprintf(f->vhost, sizeof(f->vhost), "%.*s", (int)open->virtual_host.len,
                 (const char *)open->virtual_host.bytes);
        fake_amqp_method(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &open_ok);
    } else if (m->id == AMQP_CONNECTION_CLOSE_METHOD) {
        fake_amqp_method(f, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &bye);
    } else if (m->id == AMQP_CHANNEL_OPEN_METHOD) {
        fake_amqp_method(f, channel, AMQP_CHANNEL_OPEN_OK_METHOD, &channel_ok);
    } else if (m->id == AMQP_BASIC_QOS_METHOD && f->answers_questions) {
        fake_amqp_method(f, channel, AMQP_BASIC_QOS_OK_METHOD, &qos_ok);
    }
}

static void hear(struct fake_amqp *f, const amqp_frame_t *frame)
{
    bool is_silent = f->silent_after && ++f->frames > f->silent_after;
    f->heartbeats += frame->frame_type == AMQP_FRAME_HEARTBEAT;
    if (frame->frame_type == AMQP_FRAME_BODY)
        wr_put(&f->body, amqp_str(frame->payload.body_fragment));
    if (frame->frame_type == 'A' && !is_silent)
        say_start(f);
    if (frame->frame_type != AMQP_FRAME_METHOD)
        return;
    if (f->nheard < sizeof(f->heard) / sizeof(f->heard[0]))
        f->heard[f->nheard++] = frame->payload.method.id;
    if (!is_silent)
        answer(f, frame->channel, &frame->payload.method);
}

unsigned fake_amqp_count(const struct fake_amqp *f, amqp_method_number_t id)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->nheard; i++)
        n += f->heard[i] == id;
    return n;
}

/* ---- the socket ---------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct fake_amqp *f = handle->data;
    f->has_client = false;
}

void fake_amqp_hang_up(struct fake_amqp *f)
{
    if (f->has_client && !uv_is_closing((uv_handle_t *)&f->client))
        uv_close((uv_handle_t *)&f->client, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[64 << 10];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_amqp *f = stream->data;
    struct str bytes = {buf->base, n > 0 ? (size_t)n : 0};
    if (n < 0) {
        fake_amqp_hang_up(f);
        return;
    }
    while (bytes.n > 0 && !uv_is_closing((uv_handle_t *)stream)) {
        amqp_frame_t frame;
        int used = amqp_handle_input(f->reader, amqp_bytes_of(bytes), &frame);
        assert_true(used > 0);
        bytes = (struct str){bytes.p + used, bytes.n - (size_t)used};
        if (frame.frame_type != 0)
            hear(f, &frame);
        amqp_maybe_release_buffers(f->reader);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_amqp *f = listener->data;
    assert_int_equal(status, 0);
    assert_false(f->has_client);
    uv_pipe_init(f->loop, &f->client, 0);
    f->client.data = f;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&f->client), 0);
    f->has_client = true;
    f->connections++;
    f->frames = 0;
    if (f->reader)
        amqp_destroy_connection(f->reader);
    f->reader = amqp_new_connection();
    uv_read_start((uv_stream_t *)&f->client, on_alloc, on_read);
}

void fake_amqp_start(struct fake_amqp *f, uv_loop_t *loop)
{
    *f = (struct fake_amqp){.loop = loop, .heartbeat_s = 60, .answers_questions = true};
    wr_init(&f->body, 1 << 24);
    strcpy(f->folder, "/tmp/fake-amqp-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/s", f->folder);
    uv_pipe_init(loop, &f->listener, 0);
    f->listener.data = f;
    assert_int_equal(uv_pipe_bind(&f->listener, f->path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->listener, 8, on_connection), 0);
    connect_options_init(&f->url.options);
    f->url.is_socket = true;
    strcpy(f->url.scheme, "amqp");
    strcpy(f->url.host, f->path);
    strcpy(f->url.user, "guest");
    strcpy(f->url.password, "secret");
    strcpy(f->url.vhost, "/");
}

void fake_amqp_stop(struct fake_amqp *f)
{
    fake_amqp_hang_up(f);
    uv_close((uv_handle_t *)&f->listener, NULL);
}

void fake_amqp_finish(struct fake_amqp *f)
{
    if (f->reader)
        amqp_destroy_connection(f->reader);
    wr_finish(&f->body);
    rmdir(f->folder);
}
