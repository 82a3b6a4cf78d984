/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: where to, when again, and its end. */
#include "amqp.h"

#include <stdio.h>

#define MAX_UNSENT_BYTES ((size_t)1 << 30)
#define TICK_MS 250
#define GOODBYE_MS 1000

static void connect_now(struct amqp *a);

/* ---- losses -------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct amqp *a = handle->data;
    a->state = AMQP_STOPPED;
    if (a->stopped)
        a->stopped(a->ctx);
}

static void close_timer(struct amqp *a)
{
    if (!uv_is_closing((uv_handle_t *)&a->timer)) /* a listener stopped us */
        uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}

static void destroy_reader(struct amqp *a)
{
    if (a->reader)
        a->library->destroy_connection(a->reader);
    a->reader = NULL;
}

static void lost(struct amqp *a, const char *why)
{
    uint64_t lived_ms =
        a->state == AMQP_READY ? uv_now(a->link.loop) - a->ready_since_ms : 0;
    snprintf(a->why, sizeof(a->why), "%s", why);
    a->state = AMQP_DOWN;
    a->is_blocked = false;
    uv_timer_stop(&a->timer);
    destroy_reader(a);
    amqp_channels_lost(a);
    if (a->stopping) {
        close_timer(a);
        return;
    }
    double delay_s = reconnect_after_s(&a->reconnect, lived_ms);
    uv_timer_start(&a->timer, on_retry, (uint64_t)(delay_s * 1000), 0);
    a->events->down(a->ctx, a->why, delay_s, a->reconnect.attempts);
}

/* ---- events of the link -------------------------------------------------------- */

static void on_opened(void *ctx)
{
    amqp_greet(ctx);
}

static void on_received(void *ctx, struct str bytes)
{
    amqp_received(ctx, bytes);
}

/* RabbitMQ hangs up without a word where a client does not say that it understands a
 * refusal; and on one that speaks plainly to a port for TLS. */
static void on_closed(void *ctx, const char *why)
{
    struct amqp *a = ctx;
    char text[sizeof(a->why)];
    bool unheard = a->state == AMQP_GREETING && a->heard_ms == 0 && a->link.hung_up;
    snprintf(text, sizeof(text), "%.300s%s", why,
             unheard && !a->url->is_tls
                 ? " (does this port want TLS? then write amqps://)"
                 : "");
    lost(a, text);
}

static const struct link_events link_events = {on_opened, on_received, on_closed};

void amqp_become_ready(struct amqp *a)
{
    a->state = AMQP_READY;
    a->reconnect.was_up = true;
    a->ready_since_ms = uv_now(a->link.loop);
    a->events->ready(a->ctx);
}

/* ---- where to ------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
    amqp_tick(timer->data);
}

static void connect_now(struct amqp *a)
{
    a->url = &a->endpoint->urls[a->reconnect.next];
    a->state = AMQP_GREETING;
    a->heard_ms = a->said_ms = 0;
    a->refusal[0] = '\0';
    a->frame_max = AMQP_FRAME_MIN_SIZE;
    a->reader = a->library->new_connection();
    if (!a->reader) {
        lost(a, "out of memory for a connection");
        return;
    }
    link_open(&a->link, a->url, NULL,
              (uint64_t)(a->url->options.socket_connect_timeout_s * 1000));
    uv_timer_start(&a->timer, on_tick, TICK_MS, TICK_MS);
}

/* ---- beginning and end --------------------------------------------------------- */

void amqp_init(struct amqp *a, uv_loop_t *loop, const struct endpoint *endpoint,
               const struct amqp_library *library, const struct amqp_options *options,
               const struct amqp_events *events, void *ctx)
{
    *a = (struct amqp){.endpoint = endpoint,
                       .url = &endpoint->urls[0],
                       .library = library,
                       .options = options,
                       .events = events,
                       .ctx = ctx,
                       .reconnect = {.nurls = endpoint->nurls,
                                     .shuffle = endpoint->shuffle}};
    list_init(&a->channels);
    link_init(&a->link, loop, &link_events, a, MAX_UNSENT_BYTES);
    uv_timer_init(loop, &a->timer);
    a->timer.data = a;
}

void amqp_start(struct amqp *a)
{
    connect_now(a);
}

static void on_goodbye_late(uv_timer_t *timer)
{
    struct amqp *a = timer->data;
    link_close(&a->link, "stopped");
}

static void say_goodbye(struct amqp *a)
{
    amqp_connection_close_t bye = {.reply_code = AMQP_REPLY_SUCCESS,
                                   .reply_text = amqp_cstring_bytes("stopped")};
    amqp_write_method(a, 0, AMQP_CONNECTION_CLOSE_METHOD, &bye);
    uv_timer_start(&a->timer, on_goodbye_late, GOODBYE_MS, 0);
}

void amqp_stop(struct amqp *a, void (*stopped)(void *ctx))
{
    if (a->stopping)
        return;
    a->stopping = true;
    a->stopped = stopped;
    if (a->state == AMQP_READY && a->link.state == LINK_OPEN)
        say_goodbye(a);
    else if (a->link.state != LINK_DOWN)
        link_close(&a->link, "stopped");
    else
        close_timer(a);
}

void amqp_finish(struct amqp *a)
{
    destroy_reader(a);
    link_finish(&a->link);
}
