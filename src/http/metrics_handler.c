/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of handlers. A child is as hostile as what it runs: what it says is checked,
 * and all there is together is bounded. */
#include "metric_check.h"
#include "metrics_parts.h"

#include "../request/request.h"
#include "../worker.h"

#include <stdlib.h>

#define LINE_OVERHEAD_BYTES 40u
#define UNDO_MAX 8u /* gauges that one task adds to */

/* ---- families ----------------------------------------------------------------- */

static char kind_of(const struct frame_metric *f)
{
    return f->kind == FRAME_METRIC_COUNT     ? 'c'
           : f->kind == FRAME_METRIC_OBSERVE ? 'h'
                                             : 'g';
}

/* Is it the name of a line that the other's histogram has? */
static bool is_part(struct str name, const struct metrics_family *of)
{
    static const char *const parts[] = {"_bucket", "_count", "_sum"};
    for (size_t i = 0; of->kind == 'h' && i < 3; i++)
        if (metric_name_ends(name, parts[i]) &&
            name.n == strlen(of->name) + strlen(parts[i]) &&
            memcmp(name.p, of->name, strlen(of->name)) == 0)
            return true;
    return false;
}

static bool collides(const struct metrics *m, const struct metrics_family *f)
{
    for (size_t i = 0; i < m->nfamilies; i++)
        if (is_part(str_of(f->name), m->families[i]) ||
            is_part(str_of(m->families[i]->name), f))
            return true;
    return false;
}

static void destroy(struct metrics_family *f)
{
    if (!f)
        return;
    series_finish(&f->series);
    free(f->name);
    free(f->help);
    wr_finish(&f->other);
    free(f);
}

void metrics_finish_families(struct metrics *m)
{
    for (size_t i = 0; i < m->nfamilies; i++)
        destroy(m->families[i]);
    m->nfamilies = 0;
}

/* A counter's name ends in _total, whatever its handler calls it. */
static char *name_of(const struct frame_metric *f)
{
    bool add = f->kind == FRAME_METRIC_COUNT && !metric_name_ends(f->name, "_total");
    char *name = malloc(f->name.n + sizeof("_total"));
    if (name) {
        memcpy(name, f->name.p, f->name.n);
        strcpy(name + f->name.n, add ? "_total" : "");
    }
    return name;
}

static struct metrics_family *create(const struct frame_metric *f, char *name)
{
    struct metrics_family *family = calloc(1, sizeof(*family));
    char *help = strndup(f->help.n ? f->help.p : "", f->help.n);
    if (!family || !help) {
        free(family);
        free(help);
        free(name);
        return NULL;
    }
    family->name = name;
    family->help = help;
    family->kind = kind_of(f);
    if (family->kind == 'h') {
        family->nbuckets = f->nbuckets;
        memcpy(family->buckets, f->buckets, f->nbuckets * sizeof(double));
    }
    wr_init(&family->other, METRIC_LABELS_BYTES);
    metric_put_others(&family->other, f->labels);
    series_init(&family->series, family->kind == 'h' ? f->nbuckets + 2 : 1,
                METRICS_SERIES_MAX, wr_str(&family->other));
    return family;
}

static bool same(const struct metrics_family *family, const struct frame_metric *f)
{
    return family->kind == kind_of(f) &&
           (family->kind != 'h' ||
            (family->nbuckets == f->nbuckets &&
             memcmp(family->buckets, f->buckets, f->nbuckets * sizeof(double)) == 0));
}

static struct metrics_family *add(struct metrics *m, const struct frame_metric *f,
                                  char *name)
{
    struct metrics_family *family =
        m->nfamilies < METRICS_FAMILIES_MAX ? create(f, name) : (free(name), NULL);
    if (family && collides(m, family)) {
        destroy(family);
        family = NULL;
    }
    if (family)
        m->families[m->nfamilies++] = family;
    return family;
}

static struct metrics_family *find(struct metrics *m, const struct frame_metric *f)
{
    char *name = name_of(f);
    if (!name)
        return NULL;
    for (size_t i = 0; i < m->nfamilies; i++)
        if (strcmp(m->families[i]->name, name) == 0) {
            free(name);
            return same(m->families[i], f) ? m->families[i] : NULL;
        }
    return add(m, f, name);
}

/* ---- counting ----------------------------------------------------------------- */

static double *values_of(struct metrics *m, struct metrics_family *family,
                         struct str labels)
{
    size_t lines = family->kind == 'h' ? family->nbuckets + 3 : 1;
    size_t bytes = lines * (strlen(family->name) + labels.n + LINE_OVERHEAD_BYTES);
    if (m->handler_bytes + bytes > METRICS_HANDLER_BYTES)
        return series_known(&family->series, labels);
    size_t before = family->series.n;
    double *v = series_values(&family->series, labels);
    if (family->series.n > before)
        m->handler_bytes += bytes;
    return v;
}

static double *observe(const struct metrics_family *family, double *v, double value)
{
    size_t i = 0;
    while (i < family->nbuckets && value > family->buckets[i])
        i++;
    v[i]++;
    v[family->nbuckets + 1] += value;
    return v;
}

double *metrics_handler(struct metrics *m, const struct frame_metric *f)
{
    struct metrics_family *family = metric_is_valid(f) ? find(m, f) : NULL;
    if (!family) {
        m->refused++;
        return NULL;
    }
    double *v = values_of(m, family, f->labels);
    if (!v)
        return NULL;
    if (family->kind == 'h')
        return observe(family, v, f->value);
    *v = f->kind == FRAME_METRIC_SET ? f->value : *v + f->value;
    return v;
}

/* ---- of a request ------------------------------------------------------------- */

struct metrics_undo {
    size_t n;
    struct {
        double *gauge, added;
    } of[UNDO_MAX];
};

static void remember(struct request *rq, double *gauge, double added)
{
    struct metrics_undo *u = rq->gauges;
    if (!u)
        u = rq->gauges = calloc(1, sizeof(*u));
    if (!u)
        return;
    size_t i = 0;
    while (i < u->n && u->of[i].gauge != gauge)
        i++;
    if (i == UNDO_MAX)
        return;
    u->n += i == u->n;
    u->of[i].gauge = gauge;
    u->of[i].added += added;
}

void metrics_of_request(void *ctx, struct request *rq, const struct frame_metric *f)
{
    struct worker *w = ctx;
    double *v = metrics_handler(w->metrics, f);
    if (v && f->kind == FRAME_METRIC_ADD)
        remember(rq, v, f->value);
}

void metrics_undo_request(struct request *rq)
{
    for (size_t i = 0; rq->gauges && i < rq->gauges->n; i++)
        *rq->gauges->of[i].gauge -= rq->gauges->of[i].added;
    free(rq->gauges);
    rq->gauges = NULL;
}

/* ---- writing ------------------------------------------------------------------ */

struct writing {
    struct wr *out;
    const struct metrics_family *family;
};

static void put_series(void *ctx, const struct series *s)
{
    const struct writing *g = ctx;
    const struct metrics_family *f = g->family;
    struct str labels = {s->key, s->nkey};
    if (f->kind == 'h')
        metrics_put_histogram(g->out, f->name, labels, f->buckets, s->values,
                              f->nbuckets, s->values[f->nbuckets + 1]);
    else
        metrics_put(g->out, f->name, labels, s->values[0]);
}

static void put_help(struct wr *out, const struct metrics_family *f)
{
    wr_printf(out, "# HELP %s ", f->name);
    for (const char *p = f->help; *p; p++)
        if (*p == '\\' || *p == '\n')
            wr_text(out, *p == '\n' ? "\\n" : "\\\\");
        else
            wr_put(out, (struct str){p, 1});
    wr_printf(out, "\n# TYPE %s %s\n", f->name,
              f->kind == 'c'   ? "counter"
              : f->kind == 'h' ? "histogram"
                               : "gauge");
}

void metrics_put_families(struct wr *out, const struct metrics *m)
{
    for (size_t i = 0; i < m->nfamilies; i++) {
        struct writing g = {out, m->families[i]};
        put_help(out, m->families[i]);
        series_each(&m->families[i]->series, put_series, &g);
    }
}
