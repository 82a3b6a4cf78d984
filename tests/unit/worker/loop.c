/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "../protocol/cmocka_all.h"

#include <signal.h>

#define DEADLINE_MS 10000
#define LOOK_MS 20 /* for what happens outside the loop, such as in a server */

struct watch {
    uv_timer_t deadline, look;
    bool over;
};

static void on_deadline(uv_timer_t *timer)
{
    ((struct watch *)timer->data)->over = true;
}

static void on_look(uv_timer_t *timer)
{
    (void)timer; /* the turn ends, and the condition is looked at */
}

void loop_start(uv_loop_t *loop)
{
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(loop), 0);
}

static void watch_start(struct watch *w, uv_loop_t *loop, uint64_t ms)
{
    *w = (struct watch){0};
    uv_timer_init(loop, &w->deadline);
    uv_timer_init(loop, &w->look);
    w->deadline.data = w;
    uv_update_time(loop);
    uv_timer_start(&w->deadline, on_deadline, ms, 0);
    uv_timer_start(&w->look, on_look, LOOK_MS, LOOK_MS);
}

static void watch_finish(struct watch *w, uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_close((uv_handle_t *)&w->look, NULL);
    uv_run(loop, UV_RUN_NOWAIT); /* `w` may leave the stack: both are closed now */
}

void loop_until(uv_loop_t *loop, bool (*happened)(void *ctx), void *ctx,
                const char *what)
{
    struct watch w;
    bool has;
    watch_start(&w, loop, DEADLINE_MS);
    while (!(has = happened(ctx)) && !w.over)
        uv_run(loop, UV_RUN_ONCE);
    watch_finish(&w, loop);
    if (!has)
        fail_msg("not within %d s: %s", DEADLINE_MS / 1000, what);
}

static bool is_set(void *ctx)
{
    return *(const bool *)ctx;
}

void loop_until_set(uv_loop_t *loop, const bool *flag, const char *what)
{
    loop_until(loop, is_set, (void *)(uintptr_t)flag, what);
}

void loop_for(uv_loop_t *loop, uint64_t ms)
{
    struct watch w;
    watch_start(&w, loop, ms);
    while (!w.over)
        uv_run(loop, UV_RUN_ONCE);
    watch_finish(&w, loop);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_finish(uv_loop_t *loop)
{
    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}
