/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "../loadable.h"
#include "../worker.h"
#include "answer.h"
#include "listen.h"
#include "server.h"

#include <errno.h>
#include <stdlib.h>

struct http {
    const struct server_ops *ops;
    struct server *server;
    uv_poll_t poll;
    uv_timer_t timer;
    bool open; /* the handles are */
    char name[LISTEN_NAME_BYTES];
};

static const struct loadable object = {.file = "http.so",
                                       .variable = "PETIOLE_HTTP_MODULE",
                                       .symbol = SERVER_SYMBOL,
                                       .abi = SERVER_ABI,
                                       .purpose = "HTTP",
                                       .feature = "http"};

/* ---- the worker's loop polls it ----------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void run(struct http *h)
{
    h->ops->run(h->server);
    int64_t ms = h->ops->wait_ms(h->server);
    if (ms < 0)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

/* Neither keeps a loop alive that has nothing else to do. */
static int watch(struct http *h, uv_loop_t *loop)
{
    int r = uv_poll_init(loop, &h->poll, h->ops->fd(h->server));
    if (r < 0)
        return r;
    h->open = true;
    uv_timer_init(loop, &h->timer);
    h->poll.data = h->timer.data = h;
    uv_unref((uv_handle_t *)&h->poll);
    uv_unref((uv_handle_t *)&h->timer);
    return 0;
}

/* ---- its life ----------------------------------------------------------------- */

static int prepare(struct http *h, struct worker *w, const char *address,
                   struct error *e)
{
    h->ops = loadable_open(&object, e);
    if (!h->ops)
        return -e->code;
    int fd = listen_on(address, h->name, e);
    if (fd < 0)
        return fd;
    h->server = h->ops->create(fd, answer_request, w, e);
    if (!h->server)
        return -e->code;
    int r = watch(h, &w->loop);
    if (r < 0)
        return error_set(e, -r, "cannot poll HTTP: %s", uv_strerror(r));
    return 0;
}

struct http *http_create(struct worker *w, const char *address, struct error *e)
{
    struct http *h = calloc(1, sizeof(*h));
    if (!h) {
        error_set(e, ENOMEM, "out of memory");
        return NULL;
    }
    if (prepare(h, w, address, e) == 0)
        return h;
    http_stop(h);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    http_destroy(h);
    return NULL;
}

void http_start(struct http *h)
{
    if (!h)
        return;
    log_line(LOG_INFO, "HTTP: probes, metrics and status at http://%s/", h->name);
    uv_poll_start(&h->poll, UV_READABLE, on_readable);
}

void http_stop(struct http *h)
{
    if (!h || !h->open)
        return;
    h->open = false;
    uv_close((uv_handle_t *)&h->poll, NULL);
    uv_close((uv_handle_t *)&h->timer, NULL);
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    if (h->server)
        h->ops->destroy(h->server);
    free(h);
}
