/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

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
    printf("- *** --- * --- .> concurrency: %lld (prefork)\n",
           (long long)c->concurrency);
    printf("-- ******* ---- .> task events: OFF\n--- ***** ----- \n");
    printf(" -------------- [queues]\n");
    for (size_t i = 0; i < c->nqueues; i++)
        printf("                .> %-16s exchange=%s(direct) key=%s\n",
               c->queue_names[i], c->queue_names[i], c->queue_names[i]);
    printf("                \n");
    if (log_wants(LOG_INFO) || c->log_level <= LOG_INFO) {
        printf("\n[tasks]\n");
        for (size_t i = 0; i < t->n; i++)
            printf("  . %.*s\n", (int)t->rows[i].name.n, t->rows[i].name.p);
    }
    printf("\n");
    fflush(stdout);
}
