/* SPDX-License-Identifier: Apache-2.0 */
/* USR1: what the worker is at, on its log; and each child says where its handler is. A
 * Python worker prints the stacks of its threads. */
#include "worker.h"

#include <signal.h>

#define DUMP_MAX_BYTES (64u << 10)

static const char *const states[] = {
    [WORKER_STARTING] = "starting",      [WORKER_RUNNING] = "running",
    [WORKER_STOPPING] = "stopping warm", [WORKER_SOFT] = "stopping soft",
    [WORKER_COLD] = "stopping cold",     [WORKER_LEAVING] = "leaving",
};

static void put_requests(struct wr *out, const struct worker *w)
{
    wr_printf(out,
              "requests: %zu received, %zu wait for their time, %zu are for others, "
              "%zu ready, %zu given, %zu running\n",
              w->counts[RQ_RECEIVED], w->counts[RQ_WAITING], w->counts[RQ_PARKED],
              w->counts[RQ_READY], w->counts[RQ_GIVEN], w->counts[RQ_RUNNING]);
}

static void put_connections(struct wr *out, const struct worker *w)
{
    const struct broker_stats *s = &w->broker->stats;
    wr_printf(out,
              "broker: %s, %s; %llu taken, %llu acknowledged, %llu put back, "
              "%llu dead letters\n",
              w->config->broker.masked,
              w->broker_up && !w->announced_loss ? "connected" : "not connected",
              (unsigned long long)s->taken, (unsigned long long)s->acked,
              (unsigned long long)s->put_back, (unsigned long long)s->buried);
    wr_printf(out, "result backend: %s\n",
              w->config->has_backend ? w->config->backend.masked : "disabled");
    wr_printf(out, "log: %llu lines dropped\n", (unsigned long long)log_dropped());
}

void dump_print(struct worker *w)
{
    struct wr out;
    wr_init(&out, DUMP_MAX_BYTES);
    wr_printf(&out, "---- %s, %s%s\n", w->config->hostname, states[w->state],
              worker_is_ready(w) ? ", ready" : ", not ready");
    put_requests(&out, w);
    put_connections(&out, w);
    pool_describe(w->pool, &out);
    wr_text(&out, "----\n");
    log_raw(wr_str(&out));
    wr_finish(&out);
    pool_signal(w->pool, SIGUSR2);
}
