/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker is made of and has used: celery/worker/worker.py's stats(). */
#include "../config/shown.h"
#include "control.h"

#include "../../protocol/json.h"
#include "../request/prefetch.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- total --------------------------------------------------------------------- */

static void put_total(struct control_call *c)
{
    const struct worker *w = c->worker;
    const struct table *t = pool_table(w->pool);
    struct control_items names;
    wr_text(c->reply, "{\"total\": ");
    control_items_begin(&names, c, '{');
    for (size_t i = 0; w->accepted && i < t->n; i++) {
        if (!w->accepted[i] || !control_item_begin(&names))
            continue;
        json_write_str(c->reply, t->rows[i].name);
        wr_printf(c->reply, ": %" PRIu64, w->accepted[i]);
        control_item_end(&names);
    }
    control_items_end(&names);
    wr_printf(c->reply,
              ", \"pid\": %d, \"clock\": \"%" PRIu64 "\", \"uptime\": %" PRId64,
              getpid(), w->clock, (worker_now_us(c->worker) - w->started_us) / 1000000);
}

/* ---- the pool ------------------------------------------------------------------ */

struct children {
    struct wr pids, raw, shares;
    uint64_t total, n, busy;
};

/* Not what is only waited for to be cleared away. */
static bool is_there(const struct pool_child *child)
{
    return strcmp(child->state, "gone") != 0;
}

static void count_child(void *ctx, const struct pool_child *child)
{
    struct children *all = ctx;
    if (!is_there(child))
        return;
    all->total += child->tasks + child->ngiven;
    all->busy += child->ngiven > 0;
    all->n++;
}

/* Messages given to it since it was started: a new child begins at 0. */
static void put_child(void *ctx, const struct pool_child *child)
{
    struct children *all = ctx;
    if (!is_there(child))
        return;
    uint64_t writes = child->tasks + child->ngiven;
    double share = all->total ? (double)writes / (double)all->total : 0;
    const char *comma = all->pids.len ? ", " : "";
    wr_printf(&all->pids, "%s%d", comma, child->pid);
    wr_printf(&all->raw, "%s%" PRIu64, comma, writes);
    wr_printf(&all->shares, "%s%.2f", comma, share);
}

static void put_seconds(struct wr *out, double s)
{
    if (s == (double)(int64_t)s)
        wr_printf(out, "%" PRId64, (int64_t)s);
    else
        json_write(out, &(ptl_value){.kind = PTL_FLOAT, .u.d = s});
}

static void put_limits(struct wr *out, const struct config *c)
{
    if (c->max_tasks_per_child > 0)
        wr_printf(out, "\"max-tasks-per-child\": %" PRId64, c->max_tasks_per_child);
    else
        wr_text(out, "\"max-tasks-per-child\": \"N/A\"");
    wr_text(out, ", \"put-guarded-by-semaphore\": false, \"timeouts\": [");
    put_seconds(out, c->soft_time_limit_s);
    wr_text(out, ", ");
    put_seconds(out, c->time_limit_s);
    wr_text(out, "]");
}

static void put_pool(struct control_call *c)
{
    const struct worker *w = c->worker;
    struct wr *out = c->reply;
    struct children all = {.total = 0};
    wr_init(&all.pids, 1 << 16);
    wr_init(&all.raw, 1 << 16);
    wr_init(&all.shares, 1 << 16);
    pool_each_child(w->pool, count_child, &all);
    pool_each_child(w->pool, put_child, &all);
    wr_printf(out,
              ", \"pool\": {\"implementation\": \"petiole.prefork:TaskPool\", "
              "\"max-concurrency\": %zu, \"processes\": [%.*s], ",
              pool_size(w->pool), STR_ARG(wr_str(&all.pids)));
    put_limits(out, w->config);
    wr_printf(out,
              ", \"writes\": {\"total\": %" PRIu64 ", \"avg\": \"%.2f\", \"all\": "
              "\"%.*s\", \"raw\": \"%.*s\", \"strategy\": \"fair\", \"inqueues\": "
              "{\"total\": %" PRIu64 ", \"active\": %" PRIu64 "}}}",
              all.total, all.total ? 1.0 / (double)all.n : 0,
              STR_ARG(wr_str(&all.shares)), STR_ARG(wr_str(&all.raw)), all.n, all.busy);
    wr_finish(&all.pids);
    wr_finish(&all.raw);
    wr_finish(&all.shares);
}

static void put_autoscaler(struct control_call *c)
{
    const struct worker *w = c->worker;
    if (w->config->autoscale_max == 0)
        return;
    size_t qty = w->counts[RQ_CHECKING] + w->counts[RQ_READY] + w->counts[RQ_GIVEN] +
                 w->counts[RQ_RUNNING];
    wr_printf(
        c->reply,
        ", \"autoscaler\": {\"max\": %zu, \"min\": %zu, \"current\": %zu, \"qty\": "
        "%zu}",
        w->autoscale.max, w->autoscale.min, pool_size(w->pool), qty);
}

/* ---- the broker ---------------------------------------------------------------- */

static void put_alternates(struct control_call *c, const struct endpoint *ep)
{
    char masked[URL_MASKED_BYTES];
    wr_text(c->reply, "\"alternates\": [");
    for (size_t i = 1; i < ep->nurls; i++) {
        url_mask(&ep->urls[i], URL_MASK_BACKEND, masked);
        wr_text(c->reply, i > 1 ? ", " : "");
        json_write(c->reply, config_shown_url(c->arena, masked));
    }
    wr_text(c->reply, "], \"credential_provider\": null}");
}

static void put_transport_options(struct control_call *c)
{
    const ptl_value *options =
        value_get(config_shown(c->worker->config, false, c->arena),
                  "broker_transport_options");
    if (options)
        json_write(c->reply, options);
    else
        wr_text(c->reply, "{}");
}

/* kombu's Connection.info, of the first URL; never a password. */
static void put_broker(struct control_call *c)
{
    const struct endpoint *ep = &c->worker->config->broker;
    static const struct url none = {.host = "localhost"};
    const struct url *u = ep->nurls ? &ep->urls[0] : &none;
    struct wr *out = c->reply;
    wr_text(out, ", \"broker\": {\"hostname\": ");
    json_write_str(out, str_of(u->host));
    wr_text(out, ", \"userid\": ");
    if (*u->user)
        json_write_str(out, str_of(u->user));
    else
        wr_text(out, "null");
    wr_printf(
        out,
        ", \"virtual_host\": \"%u\", \"port\": %u, \"insist\": false, \"ssl\": %s, "
        "\"transport\": \"%s\", \"connect_timeout\": ",
        u->db, u->port, u->is_tls ? "true" : "false",
        ep->is_sentinel ? "sentinel" : "redis");
    put_seconds(out, c->worker->config->connection_timeout_s);
    wr_text(out, ", \"transport_options\": ");
    put_transport_options(c);
    wr_printf(out,
              ", \"login_method\": null, \"uri_prefix\": null, \"heartbeat\": 120.0, "
              "\"failover_strategy\": \"%s\", ",
              ep->shuffle ? "shuffle" : "round-robin");
    put_alternates(c, ep);
}

/* ---- the process --------------------------------------------------------------- */

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The parent's own, as Celery's; what children used is in the metrics. */
static void put_rusage(struct control_call *c)
{
    struct rusage r = {0};
    char utime[32], stime[32];
    getrusage(RUSAGE_SELF, &r);
    json_format_float(utime, seconds_of(r.ru_utime), true);
    json_format_float(stime, seconds_of(r.ru_stime), true);
    wr_printf(
        c->reply,
        ", \"rusage\": {\"utime\": %s, \"stime\": %s, \"maxrss\": %ld, \"ixrss\": "
        "%ld, \"idrss\": %ld, \"isrss\": %ld, \"minflt\": %ld, \"majflt\": %ld, "
        "\"nswap\": %ld, \"inblock\": %ld, \"oublock\": %ld, \"msgsnd\": %ld, "
        "\"msgrcv\": %ld, \"nsignals\": %ld, \"nvcsw\": %ld, \"nivcsw\": %ld}",
        utime, stime, r.ru_maxrss, r.ru_ixrss, r.ru_idrss, r.ru_isrss, r.ru_minflt,
        r.ru_majflt, r.ru_nswap, r.ru_inblock, r.ru_oublock, r.ru_msgsnd, r.ru_msgrcv,
        r.ru_nsignals, r.ru_nvcsw, r.ru_nivcsw);
}

static void put_memory(struct control_call *c)
{
    struct control_memory m = control_memory_now(c->worker);
    wr_printf(c->reply,
              ", \"memory\": {\"rss_kb\": %" PRIu64 ", \"peak_rss_kb\": %" PRIu64 "}}",
              m.rss_kb, m.peak_rss_kb);
}

static void stats(struct control_call *c)
{
    put_total(c);
    put_pool(c);
    put_autoscaler(c);
    put_broker(c);
    wr_printf(c->reply, ", \"prefetch_count\": %zu", prefetch_count(c->worker));
    put_rusage(c);
    put_memory(c);
}

const struct control_command control_stats_commands[] = {
    {.name = "stats", .arguments = "*", .run = stats},
    {0},
};
