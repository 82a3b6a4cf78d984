/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor.h"

#include "../error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define DRAW_MS 250

double monitor_now_s(const struct monitor *m)
{
    return (double)uv_now(m->loop) / 1000;
}

void monitor_note(struct monitor *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(m->note, sizeof(m->note), fmt, ap);
    va_end(ap);
}

void monitor_heard(struct monitor *m, const struct bus_message *message)
{
    const ptl_value *body = message->body;
    if (value_kind(body) == PTL_MAP)
        seen_event(&m->seen, body, monitor_now_s(m));
    for (size_t i = 0; value_kind(body) == PTL_LIST && i < value_len(body); i++)
        seen_event(&m->seen, value_at(body, i), monitor_now_s(m));
}

/* ---- what happens
 * -------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    monitor_draw(timer->data);
}

static void on_input(uv_poll_t *input, int status, int events)
{
    struct monitor *m = input->data;
    char typed[256];
    (void)events;
    ssize_t n = status < 0 ? 0 : read(STDIN_FILENO, typed, sizeof(typed));
    if (n > 0)
        monitor_keys(m, (struct str){typed, (size_t)n});
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        m->quits = true; /* the terminal is gone */
}

/* Out of the way of the shell, and back when it lets us go on. */
static void suspend(struct monitor *m)
{
    screen_close(&m->screen);
    kill(getpid(), SIGSTOP);
    if (!screen_open(&m->screen))
        m->quits = true;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct monitor *m = handle->data;
    if (signum == SIGTSTP)
        suspend(m);
    else if (signum != SIGWINCH)
        m->quits = true;
    if (!m->quits)
        monitor_draw(m);
}

/* ---- its life
 * ------------------------------------------------------------------------ */

static void watch_signals(struct monitor *m)
{
    static const int numbers[] = {SIGWINCH, SIGTSTP, SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uv_signal_init(m->loop, &m->signals[i]);
        m->signals[i].data = m;
        uv_signal_start(&m->signals[i], on_signal, numbers[i]);
    }
}

/* libuv makes what it polls not block, and with it the shell's terminal: frames would
 * be cut, and the shell's next program could not read. */
static void watch_input(struct monitor *m)
{
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    uv_poll_init(m->loop, &m->input, STDIN_FILENO);
    if (flags >= 0)
        fcntl(STDIN_FILENO, F_SETFL, flags);
}

bool monitor_start(struct monitor *m, uv_loop_t *loop, bool colors)
{
    m->loop = loop;
    screen_init(&m->screen, colors);
    if (!seen_init(&m->seen)) {
        fprintf(stderr, "petiole events: out of memory\n");
        return false;
    }
    if (!screen_open(&m->screen)) {
        fprintf(stderr, "petiole events: cannot set the terminal: %s\n",
                strerror(errno));
        return false;
    }
    watch_signals(m);
    uv_timer_init(loop, &m->ticks);
    watch_input(m);
    m->ticks.data = m->input.data = m;
    uv_timer_start(&m->ticks, on_tick, 0, DRAW_MS);
    uv_poll_start(&m->input, UV_READABLE, on_input);
    return true;
}

void monitor_stop(struct monitor *m)
{
    screen_close(&m->screen);
    uv_close((uv_handle_t *)&m->ticks, NULL);
    uv_close((uv_handle_t *)&m->input, NULL);
    for (size_t i = 0; i < sizeof(m->signals) / sizeof(m->signals[0]); i++)
        uv_close((uv_handle_t *)&m->signals[i], NULL);
}

void monitor_finish(struct monitor *m)
{
    screen_finish(&m->screen);
    seen_finish(&m->seen);
    if (m->page.text.max)
        wr_finish(&m->page.text);
}
