/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text form: how lines are made, and the families of tasks. */
#include "metrics_parts.h"

#include "../worker.h"

#include <math.h>

/* ---- lines -------------------------------------------------------------------- */

void metrics_put_head(struct wr *out, const char *name, const char *type,
                      const char *help)
{
    wr_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_put_number(struct wr *out, double v)
{
    if (isnan(v))
        wr_text(out, "NaN");
    else if (isinf(v))
        wr_text(out, v > 0 ? "+Inf" : "-Inf");
    else if (v == floor(v) && fabs(v) < 1e15)
        wr_printf(out, "%.0f", v);
    else
        wr_printf(out, "%.15g", v);
}

void metrics_put(struct wr *out, const char *name, struct str labels, double v)
{
    wr_text(out, name);
    if (labels.n > 0) {
        wr_text(out, "{");
        wr_put(out, labels);
        wr_text(out, "}");
    }
    wr_text(out, " ");
    metrics_put_number(out, v);
    wr_text(out, "\n");
}

/* As prometheus_client writes it: "1.0". */
static void put_bucket(struct wr *out, const char *name, struct str labels, double le,
                       double count)
{
    wr_printf(out, "%s_bucket{", name);
    wr_put(out, labels);
    wr_text(out, labels.n > 0 ? ",le=\"" : "le=\"");
    metrics_put_number(out, le);
    wr_text(out, le == floor(le) && !isinf(le) ? ".0\"} " : "\"} ");
    metrics_put_number(out, count);
    wr_text(out, "\n");
}

static void put_part(struct wr *out, const char *name, const char *suffix,
                     struct str labels, double v)
{
    wr_text(out, name);
    metrics_put(out, suffix, labels, v);
}

void metrics_put_histogram(struct wr *out, const char *name, struct str labels,
                           const double *buckets, const double *counts, size_t n,
                           double sum)
{
    double total = 0;
    for (size_t i = 0; i <= n; i++) {
        total += counts[i];
        put_bucket(out, name, labels, i < n ? buckets[i] : INFINITY, total);
    }
    put_part(out, name, "_count", labels, total);
    put_part(out, name, "_sum", labels, sum);
}

/* ---- tasks -------------------------------------------------------------------- */

#define LABELS_BYTES 4096u

static const struct {
    const char *name, *help;
} kinds[METRICS_TASK_KINDS] = {
    [METRICS_SENT] = {"celery_task_sent_total", "Messages published by this worker."},
    [METRICS_RECEIVED] = {"celery_task_received_total", "Messages taken from a queue."},
    [METRICS_STARTED] = {"celery_task_started_total", "Tasks whose handler began."},
    [METRICS_SUCCEEDED] = {"celery_task_succeeded_total", "Tasks that succeeded."},
    [METRICS_FAILED] = {"celery_task_failed_total", "Tasks that failed."},
    [METRICS_REJECTED] = {"celery_task_rejected_total", "Tasks that were rejected."},
    [METRICS_REVOKED] = {"celery_task_revoked_total", "Tasks that were revoked."},
    [METRICS_RETRIED] = {"celery_task_retried_total",
                         "Tasks that are to be tried again."},
};

struct writing {
    struct wr *out;
    struct wr labels; /* of one series */
    struct str hostname;
    unsigned kind;
};

static void put_labels(struct writing *g, const struct series *s, bool has_exception)
{
    struct str key = {s->key, s->nkey};
    struct str name = metrics_key_part(&key), queue = metrics_key_part(&key);
    wr_reset(&g->labels);
    label_put(&g->labels, "name", name);
    label_put(&g->labels, "hostname", g->hostname);
    if (has_exception)
        label_put(&g->labels, "exception", metrics_key_part(&key));
    label_put(&g->labels, "queue_name", queue);
}

static void put_count(void *ctx, const struct series *s)
{
    struct writing *g = ctx;
    put_labels(g, s, g->kind == METRICS_FAILED);
    /* Of failures each exception has its own; this one makes the task visible. */
    metrics_put(g->out, kinds[g->kind].name, wr_str(&g->labels),
                g->kind == METRICS_FAILED ? 0 : s->values[g->kind]);
}

static void put_exception(void *ctx, const struct series *s)
{
    struct writing *g = ctx;
    put_labels(g, s, true);
    metrics_put(g->out, kinds[METRICS_FAILED].name, wr_str(&g->labels), s->values[0]);
}

static void put_runtime(void *ctx, const struct series *s)
{
    struct writing *g = ctx;
    put_labels(g, s, false);
    metrics_put_histogram(g->out, "celery_task_runtime", wr_str(&g->labels),
                          metrics_runtime_buckets, s->values + METRICS_RUNTIME_AT,
                          METRICS_RUNTIME_BUCKETS, s->values[METRICS_RUNTIME_SUM]);
}

void metrics_put_tasks(struct wr *out, const struct metrics *m, struct str hostname)
{
    struct writing g = {.out = out, .hostname = hostname};
    wr_init(&g.labels, LABELS_BYTES);
    for (g.kind = 0; g.kind < METRICS_TASK_KINDS; g.kind++) {
        metrics_put_head(out, kinds[g.kind].name, "counter", kinds[g.kind].help);
        series_each(&m->tasks, put_count, &g);
        if (g.kind == METRICS_FAILED)
            series_each(&m->exceptions, put_exception, &g);
    }
    metrics_put_head(out, "celery_task_runtime", "histogram",
                     "How long handlers of tasks that succeeded ran, in seconds.");
    series_each(&m->tasks, put_runtime, &g);
    wr_finish(&g.labels);
}

/* ---- all of it ---------------------------------------------------------------- */

void metrics_write(struct wr *out, struct worker *w)
{
    const char *at = strchr(w->config->hostname, '@');
    /* celery-exporter's label is the node's name without what stands before the @. */
    struct str hostname = str_of(at ? at + 1 : w->config->hostname);
    if (w->config->metrics_compat) {
        metrics_put_tasks(out, w->metrics, hostname);
        metrics_put_celery_worker(out, w, hostname);
    }
    metrics_put_worker(out, w);
    metrics_put_families(out, w->metrics);
    metrics_put_process(out, w);
}
