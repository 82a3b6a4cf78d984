/* SPDX-License-Identifier: Apache-2.0 */
/* What a server may send on an AMQP connection that is READY, with one channel open.
 * The first byte tells where the bytes are torn. */
#include "../../src/amqp/amqp_envelope.h"
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)1 << 24)
#define BODY_MAX 4096

static uv_loop_t loop;
extern const struct amqp_library petiole_amqp_v1; /* linked in, not loaded */
static const struct amqp_library *library;
static const struct amqp_options options = {60, "fuzz", "PLAIN"};
static struct endpoint endpoint;
static unsigned closed;

/* ---- what is told must be whole -------------------------------------------------- */

static void on_delivered(void *ctx, const struct amqp_delivery *d)
{
    struct arena a;
    struct wr text;
    struct amqp_message m;
    const char *why;
    (void)ctx;
    fuzz_check(d->body.n <= d->body_size, "a body larger than announced");
    fuzz_check(d->body.n <= BODY_MAX, "a body beyond the limit");
    arena_init(&a, MEMORY_MAX);
    wr_init(&text, MEMORY_MAX);
    if (amqp_envelope_write(&text, &a, d))
        fuzz_check(amqp_envelope_read(&a, wr_str(&text), &m, &why) || a.failed,
                   "a message that cannot be published as it came");
    wr_finish(&text);
    arena_finish(&a);
}

static void on_confirmed(void *ctx, uint64_t number, bool multiple, bool taken)
{
    (void)ctx, (void)number, (void)multiple, (void)taken;
}

static void on_cancelled(void *ctx, struct str tag)
{
    (void)ctx;
    fuzz_check(tag.n <= 255, "a consumer's tag that is no short string");
}

static void on_closed(void *ctx, uint16_t code, const char *why)
{
    (void)ctx, (void)code, (void)why;
    closed++;
}

static const struct amqp_channel_events channel_events = {on_delivered, on_delivered,
                                                          on_confirmed, on_cancelled,
                                                          on_closed};

static void on_ready(void *ctx)
{
    (void)ctx;
}

static void on_down(void *ctx, const char *why, double retry_s, unsigned attempts)
{
    (void)ctx, (void)why, (void)retry_s, (void)attempts;
}

static const struct amqp_events events = {.ready = on_ready, .down = on_down};

/* ---- a connection without a server ------------------------------------------------
 */

static void start(void)
{
    static struct url url = {.scheme = "amqp", .host = "nowhere", .vhost = "/"};
    struct error e;
    connect_options_init(&url.options);
    fuzz_check(uv_loop_init(&loop) == 0, "a loop");
    library = &petiole_amqp_v1;
    fuzz_check(endpoint_init_parsed(&endpoint, ENDPOINT_BROKER, &url, &e) == 0,
               "an endpoint");
}

/* Returns the other end, where nobody listens. */
static int pretend_ready(struct amqp *a)
{
    int ends[2];
    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a pair of sockets");
    amqp_init(a, &loop, &endpoint, library, &options, &events, NULL);
    uv_timer_init(&loop, &a->link.deadline);
    uv_prepare_init(&loop, &a->link.flush);
    uv_pipe_init(&loop, &a->link.u.pipe, 0);
    uv_pipe_open(&a->link.u.pipe, ends[0]);
    a->link.has_stream = true;
    a->link.url = a->url;
    a->link.state = LINK_OPEN;
    a->state = AMQP_READY;
    a->reader = library->new_connection();
    a->frame_max = AMQP_FRAME_MAX;
    a->channel_max = 8;
    return ends[1];
}

static void feed(struct amqp *a, const char *p, size_t n)
{
    if (n > 0 && a->link.state == LINK_OPEN)
        amqp_received(a, (struct str){p, n});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct amqp a;
    struct amqp_channel channel;
    const char *bytes = (const char *)data + 1;
    if (!library)
        start();
    if (size < 2)
        return 0;
    int other_end = pretend_ready(&a);
    amqp_channel_init(&channel, &a, &channel_events, NULL, BODY_MAX);
    fuzz_check(amqp_open_channel(&channel), "a channel");
    size_t torn = data[0] % (size - 1);
    closed = 0;
    feed(&a, bytes, torn);
    feed(&a, bytes + torn, size - 1 - torn);
    a.stopping = true;
    link_close(&a.link, "over");
    uv_run(&loop, UV_RUN_DEFAULT);
    fuzz_check(channel.state == CHANNEL_CLOSED && closed == 1,
               "a channel is told of its end once");
    amqp_finish(&a);
    close(other_end);
    return 0;
}
