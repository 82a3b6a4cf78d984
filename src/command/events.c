/* SPDX-License-Identifier: Apache-2.0 */
/* petiole events - what workers tell of themselves and their tasks, as a view or as
 * lines. */
#include "../config.h"
#include "../monitor/dump.h"
#include "../monitor/monitor.h"
#include "command.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct events {
    bool dumps, json;
    const char *camera;
    struct config config;
    uv_loop_t loop;
    struct bus *bus;
    struct dump *dump;       /* lines, or … */
    struct monitor *monitor; /* … a view */
    struct wr line;
    uv_signal_t interrupt, terminate;
    bool stops, stopped;
};

#define complain(code, ...) command_complain(code, "petiole events", __VA_ARGS__)

/* ---- events as lines ---------------------------------------------------------------
 */

static void print(struct events *ev, const ptl_value *event)
{
    uv_timeval64_t now;
    if (value_kind(event) != PTL_MAP)
        return;
    uv_gettimeofday(&now);
    wr_reset(&ev->line);
    if (ev->json)
        dump_json(event, &ev->line);
    else
        dump_event(ev->dump, event, (double)now.tv_sec + now.tv_usec / 1e6, &ev->line);
    if (!ev->line.bad)
        fwrite(ev->line.p, 1, ev->line.len, stdout);
}

static void print_all(struct events *ev, const ptl_value *body)
{
    print(ev, body);
    for (size_t i = 0; value_kind(body) == PTL_LIST && i < value_len(body); i++)
        print(ev, value_at(body, i));
    ev->stops |= fflush(stdout) != 0; /* whoever reads has gone */
}

/* ---- the bus ------------------------------------------------------------------------
 */

static void on_event(void *ctx, const struct bus_message *m)
{
    struct events *ev = ctx;
    if (ev->monitor)
        monitor_heard(ev->monitor, m);
    else
        print_all(ev, m->body);
}

static void on_replied(void *ctx, const struct bus_message *m)
{
    (void)ctx, (void)m;
}

static void on_asked(void *ctx, const char *why)
{
    (void)ctx, (void)why;
}

/* As Celery's receiver: workers are asked for a heartbeat, so that they show at once.
 */
static void on_up(void *ctx)
{
    struct events *ev = ctx;
    const struct bus_request wake = {.method = STR("heartbeat"),
                                     .arguments = STR("{}")};
    if (ev->monitor)
        ev->monitor->failure[0] = '\0';
    if (!ev->monitor || !ev->monitor->asking)
        ev->bus->ops->ask(ev->bus, &wake, on_replied, on_asked, ev);
}

static void on_down(void *ctx, const char *why, double retry_s)
{
    struct events *ev = ctx;
    const char *url = ev->config.broker.masked;
    if (ev->stops)
        return;
    if (!ev->monitor)
        complain(0, "cannot reach %s: %s: trying again in %.1f s", url, why, retry_s);
    else
        snprintf(ev->monitor->failure, sizeof(ev->monitor->failure),
                 "cannot reach %.60s: %.160s", url, why);
}

static void on_control(void *ctx, const struct bus_message *m)
{
    (void)ctx, (void)m;
}

static void on_stopped(void *ctx)
{
    ((struct events *)ctx)->stopped = true;
}

/* ---- its life -----------------------------------------------------------------------
 */

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    ((struct events *)handle->data)->stops = true;
}

static bool start_dump(struct events *ev)
{
    ev->dump = calloc(1, sizeof(*ev->dump));
    if (!ev->dump)
        return false;
    wr_init(&ev->line, DUMP_LINE_MAX);
    uv_signal_init(&ev->loop, &ev->interrupt);
    uv_signal_init(&ev->loop, &ev->terminate);
    ev->interrupt.data = ev->terminate.data = ev;
    uv_signal_start(&ev->interrupt, on_signal, SIGINT);
    uv_signal_start(&ev->terminate, on_signal, SIGTERM);
    if (!ev->json)
        printf("-> evdump: starting capture...\n");
    fflush(stdout);
    return true;
}

static bool start_view(struct events *ev)
{
    setlocale(LC_CTYPE, ""); /* how wide characters are */
    ev->monitor = calloc(1, sizeof(*ev->monitor));
    return ev->monitor && monitor_start(ev->monitor, &ev->loop, !ev->config.no_color);
}

static bool has_ended(const struct events *ev)
{
    return ev->stops || (ev->monitor && ev->monitor->quits);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void stop(struct events *ev)
{
    ev->stops = true;
    if (ev->monitor && ev->monitor->screen.open)
        monitor_stop(ev->monitor);
    ev->bus->ops->stop(ev->bus, on_stopped, ev);
    while (!ev->stopped)
        uv_run(&ev->loop, UV_RUN_ONCE);
}

static int watch(struct events *ev)
{
    static const struct bus_events heard = {on_control, on_event, on_up, on_down};
    struct error e;
    bool views = !ev->dumps && !ev->json && screen_can();
    ev->bus = redis_bus_create(&ev->loop, &ev->config, BUS_ALL_EVENTS, &heard, ev, &e);
    if (!ev->bus)
        return complain(EXIT_FAILED, "%s", e.msg);
    bool begun = views ? start_view(ev) : start_dump(ev);
    if (begun && ev->monitor)
        ev->monitor->bus = ev->bus;
    if (begun)
        ev->bus->ops->start(ev->bus);
    while (begun && !has_ended(ev))
        uv_run(&ev->loop, UV_RUN_ONCE);
    stop(ev);
    return begun ? EXIT_STOPPED : EXIT_FAILED;
}

static void finish(struct events *ev)
{
    uv_walk(&ev->loop, close_handle, NULL);
    uv_run(&ev->loop, UV_RUN_DEFAULT);
    if (ev->bus)
        ev->bus->ops->destroy(ev->bus);
    if (ev->monitor)
        monitor_finish(ev->monitor);
    if (ev->dump)
        dump_finish(ev->dump);
    free(ev->monitor);
    free(ev->dump);
    wr_finish(&ev->line);
    uv_loop_close(&ev->loop);
}

static int run(int argc, char **argv)
{
    struct events ev = {0};
    struct error e;
    const char *words[1];
    size_t nwords;
    int code = command_read(&command_events, &ev, &argc, argv, words, &nwords, 0);
    if (code)
        return code;
    if (ev.camera)
        return complain(EXIT_USAGE,
                        "a camera is a Python class, which petiole cannot run: use "
                        "celery events -c %.60s, or read --json",
                        ev.camera);
    if (config_load(&ev.config, argc, argv, &e) < 0) {
        config_finish(&ev.config);
        return complain(EXIT_USAGE, "%s", e.msg);
    }
    uv_loop_init(&ev.loop);
    code = watch(&ev);
    finish(&ev);
    config_finish(&ev.config);
    return code;
}

#define AT(field) .offset = offsetof(struct events, field)

static const struct command_option options[] = {
    {"dump", 'd', NULL, "a line for each event, as celery events --dump prints it",
     AT(dumps)},
    {"json", 0, NULL, "a JSON object for each event, one a line", AT(json)},
    {"camera", 'c', "CLASS", "refused: a camera is a Python class", AT(camera)},
    {0},
};

const struct command command_events = {
    .name = "events",
    .run = run,
    .summary = "watch workers and tasks",
    .usage = "[-d|--json] [-b URL] [OPTIONS]",
    .about = "Shows workers and tasks as their events tell of them: workers started "
             "with -E, or after petiole control enable_events. Where the output is no "
             "terminal, or a dumb one, it is as --dump.\n"
             "Keys: j, k and the arrows select a task; i shows what is known of it, t "
             "its traceback, r its result; R revokes it, L sets the rate limit of its "
             "kind; E makes workers send events; q quits.",
    .options = options,
    .settings = "broker config no-color",
    .exits = "0 ended; 1 could not begin; 64 the command line is wrong",
};
