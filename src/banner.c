/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <sys/utsname.h>
#include <time.h>

#define BANNER_MAX_BYTES (1u << 20)

/* Those that every worker has are only shown at DEBUG. */
static bool is_builtin(struct str task)
{
    return task.n > 7 && memcmp(task.p, "celery.", 7) == 0;
}

/* Celery's start-up banner, line for line, so that eyes and scripts find the same
 * things in the same places. */
void banner_print(const struct worker *w)
{
    const struct config *c = w->config;
    const struct table *t = pool_table(w->pool);
    struct utsname system;
    struct tm tm;
    char date[32];
    time_t now = time(NULL);
    struct wr out;

    wr_init(&out, BANNER_MAX_BYTES);
    uname(&system);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    wr_printf(&out, " \n -------------- %s v%s (petiole)\n--- ***** ----- \n",
              c->hostname, PTL_VERSION);
    wr_printf(&out, "-- ******* ---- %s-%s-%s %s\n", system.sysname, system.release,
              system.machine, date);
    wr_printf(&out, "- *** --- * --- \n- ** ---------- [config]\n");
    wr_printf(&out, "- ** ---------- .> app:         %s\n", c->plugins);
    wr_printf(&out, "- ** ---------- .> transport:   %s\n", c->broker.masked);
    wr_printf(&out, "- ** ---------- .> results:     %s\n",
              c->has_backend ? c->backend.masked : "disabled://");
    if (c->autoscale_max > 0)
        wr_printf(&out,
                  "- *** --- * --- .> concurrency: {min=%lld, max=%lld} (prefork)\n",
                  (long long)c->autoscale_min, (long long)c->autoscale_max);
    else
        wr_printf(&out, "- *** --- * --- .> concurrency: %lld (prefork)\n",
                  (long long)c->concurrency);
    wr_printf(&out,
              "-- ******* ---- .> task events: OFF (enable -E to monitor tasks in this "
              "worker)\n--- ***** ----- \n");
    wr_printf(&out, " -------------- [queues]\n");
    for (size_t i = 0; i < c->queues.taken; i++) {
        const struct queue *q = &c->queues.all[i];
        wr_printf(&out, "                .> %-16s exchange=%s(%s) key=%s\n", q->name,
                  q->exchange, q->exchange_type, q->routing_key);
    }
    wr_printf(&out, "                \n");
    if (log_wants(LOG_INFO) || c->log_level <= LOG_INFO) {
        wr_printf(&out, "\n[tasks]\n");
        for (size_t i = 0; i < t->n; i++)
            if (c->log_level <= LOG_DEBUG || !is_builtin(t->rows[i].name))
                wr_printf(&out, "  . %.*s\n", (int)t->rows[i].name.n,
                          t->rows[i].name.p);
    }
    wr_printf(&out, "\n");
    log_print(wr_str(&out));
    wr_finish(&out);
}
