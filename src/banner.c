/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

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

    uname(&system);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    printf(" \n -------------- %s v%s (petiole)\n--- ***** ----- \n", c->hostname,
           PTL_VERSION);
    printf("-- ******* ---- %s-%s-%s %s\n", system.sysname, system.release,
           system.machine, date);
    printf("- *** --- * --- \n- ** ---------- [config]\n");
    printf("- ** ---------- .> app:         %s\n", c->plugins);
    printf("- ** ---------- .> transport:   %s\n", c->broker.masked);
    printf("- ** ---------- .> results:     %s\n",
           c->has_backend ? c->backend.masked : "disabled://");
    if (c->autoscale_max > 0)
        printf("- *** --- * --- .> concurrency: {min=%lld, max=%lld} (prefork)\n",
               (long long)c->autoscale_min, (long long)c->autoscale_max);
    else
        printf("- *** --- * --- .> concurrency: %lld (prefork)\n",
               (long long)c->concurrency);
    printf("-- ******* ---- .> task events: OFF (enable -E to monitor tasks in this "
           "worker)\n--- ***** ----- \n");
    printf(" -------------- [queues]\n");
    for (size_t i = 0; i < c->queues.taken; i++) {
        const struct queue *q = &c->queues.all[i];
        printf("                .> %-16s exchange=%s(%s) key=%s\n", q->name,
               q->exchange, q->exchange_type, q->routing_key);
    }
    printf("                \n");
    if (log_wants(LOG_INFO) || c->log_level <= LOG_INFO) {
        printf("\n[tasks]\n");
        for (size_t i = 0; i < t->n; i++)
            if (c->log_level <= LOG_DEBUG || !is_builtin(t->rows[i].name))
                printf("  . %.*s\n", (int)t->rows[i].name.n, t->rows[i].name.p);
    }
    printf("\n");
    fflush(stdout);
}
