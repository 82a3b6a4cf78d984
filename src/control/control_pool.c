/* SPDX-License-Identifier: Apache-2.0 */
/* How many children there are, and how long the worker is. */
#include "control_parts.h"

#include "../life.h"
#include "../pool/scaling.h"

static bool is_autoscaled(const struct control_call *c)
{
    return c->worker->config->autoscale_max > 0;
}

static bool refuses_autoscale(struct control_call *c, const char *method)
{
    if (!is_autoscaled(c))
        return false;
    control_error(c,
                  "%s is not supported with autoscale. Adjust autoscale range instead.",
                  method);
    return true;
}

static void grow(struct control_call *c)
{
    struct pool *p = c->worker->pool;
    int64_t n = 1;
    if (refuses_autoscale(c, "pool_grow") || !control_read_count(c, "n", &n))
        return;
    if (n > 0 && (uint64_t)n > POOL_SIZE_MAX - pool_size(p)) {
        control_raise(c, "ValueError",
                      "Can't grow pool: it has %zu processes, and may have %u",
                      pool_size(p), POOL_SIZE_MAX);
        return;
    }
    if (n > 0)
        pool_grow(p, (size_t)n);
    control_ok(c, "pool will grow");
}

/* As billiard: those that idle go, and it is an error if they were too few. */
static void shrink(struct control_call *c)
{
    int64_t n = 1;
    if (refuses_autoscale(c, "pool_shrink") || !control_read_count(c, "n", &n))
        return;
    if (n > 0 && pool_shrink(c->worker->pool, (size_t)n) < (uint64_t)n)
        control_raise(c, "ValueError", "Can't shrink pool. All processes busy!");
    else
        control_ok(c, "pool will shrink");
}

static void restart(struct control_call *c)
{
    if (!c->worker->config->pool_restarts) {
        control_raise(c, "ValueError", "Pool restarts not enabled");
        return;
    }
    pool_restart(c->worker->pool);
    control_ok(c, "reload started");
}

/* ---- autoscale ------------------------------------------------------------------ */

static bool read_bound(struct control_call *c, const char *name, size_t *out)
{
    int64_t n = (int64_t)*out;
    if (!control_argument(c, name))
        return true;
    if (!control_read_count(c, name, &n))
        return false;
    if (n < 0 || n > POOL_SIZE_MAX) {
        control_raise(c, "ValueError", "%s must be from 0 to %u", name, POOL_SIZE_MAX);
        return false;
    }
    *out = (size_t)n;
    return true;
}

static void set_autoscale(struct control_call *c)
{
    struct autoscale *a = &c->worker->autoscale;
    size_t max = a->max, min = a->min;
    if (!is_autoscaled(c)) {
        control_raise(c, "ValueError", "Autoscale not enabled");
        return;
    }
    if (!read_bound(c, "max", &max) || !read_bound(c, "min", &min))
        return;
    a->max = max;
    a->min = min;
    scaling_fit(c->worker);
    control_ok(c, "autoscale now max=%zu min=%zu", max, min);
}

/* ---- the end -------------------------------------------------------------------- */

static void shut_down(struct control_call *c)
{
    const ptl_value *v = value_get(c->arguments, "msg");
    struct wr text;
    wr_init(&text, 4096);
    if (!v)
        wr_text(&text, "Got shutdown from remote");
    else if (value_kind(v) == PTL_STR)
        wr_put(&text, (struct str){v->u.s.p, v->u.s.n < 1000 ? v->u.s.n : 1000});
    else
        pyrepr_cut(&text, v, 1000);
    log_line(LOG_WARNING, "%.*s", STR_ARG(wr_str(&text)));
    wr_finish(&text);
    c->silent = true;
    life_stop_warm(c->worker);
}

const struct control_command control_pool_commands[] = {
    {.name = "pool_grow", .arguments = "[n] *", .run = grow},
    {.name = "pool_shrink", .arguments = "[n] *", .run = shrink},
    {.name = "pool_restart",
     .arguments = "[modules] [reload] [reloader] *",
     .run = restart},
    {.name = "autoscale", .arguments = "[max] [min]", .run = set_autoscale},
    {.name = "shutdown", .arguments = "[msg] *", .run = shut_down},
    {0},
};
